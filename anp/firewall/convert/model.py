"""What a translation is asked for, and what it is."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anp.firewall.inventory.model import Inventory
from anp.firewall.model import Fate, Firewall, Infrastructure, Reason
from anp.sources.diagnostics import Diagnostic


class Target(enum.StrEnum):
    """The kinds of policies to write; outside sources always take a NetworkPolicy, for nothing else can name them."""

    CNP = "cnp"
    ANP = "anp"


class Tail(enum.StrEnum):
    """Where what no rule permits is denied: where nobody can open it, or where a namespace's owner can."""

    DENY = "deny"
    BASELINE = "baseline"


class Closure(enum.StrEnum):
    """What to make of a rule with a condition that no policy can ask for (translation.md 4.4).

    `STRICT` never permits what the firewall may deny: such permits are left out and such denies are kept without their
    condition. `PERMISSIVE` is the other way round.
    """

    STRICT = "strict"
    PERMISSIVE = "permissive"


@dataclass(frozen=True, slots=True)
class Profile:
    """How much a target takes: rules for each direction of an object, and so on; the priorities it has."""

    name: str
    rules: int
    peers: int
    ports: int
    networks: int
    first_priority: int
    last_priority: int


@dataclass(frozen=True, slots=True)
class Settings:
    """How to translate.

    `priority` is that of the first objects, None for the profile's choice; `spacing` is the gap between levels.
    """

    target: Target = Target.CNP
    profile: str = "upstream"
    closure: Closure = Closure.STRICT
    tail: Tail = Tail.DENY
    infrastructure: frozenset[Infrastructure] = frozenset()
    prefix: str = "fw"
    priority: int | None = None
    spacing: int = 10
    unique_priorities: bool = False
    accept_guesses: bool = False


@dataclass(frozen=True, slots=True)
class PolicyObject:
    """One object to write.

    `document` is the whole object, and passes the API server. `comments` go above each rule: by direction and the
    rule's place in it. `statements` are those that the object comes from, ascending.
    """

    document: Mapping[str, Any]
    comments: Mapping[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
    statements: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """``Kind name`` or ``Kind namespace/name``."""
        metadata = self.document["metadata"]
        namespace = f"{metadata['namespace']}/" if "namespace" in metadata else ""
        return f"{self.document['kind']} {namespace}{metadata['name']}"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What became of one statement, why, and in which objects it is; `killers` are what a dead rule is hidden by."""

    statement: int
    fate: Fate
    reasons: tuple[Reason, ...] = ()
    objects: tuple[str, ...] = ()
    killers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """A firewall's rules as policies: one disposition for each statement, in order, and objects in order of name.

    Without objects there are errors among the diagnostics that say why.
    """

    firewall: Firewall
    inventory: Inventory
    settings: Settings
    objects: tuple[PolicyObject, ...]
    dispositions: tuple[Disposition, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
