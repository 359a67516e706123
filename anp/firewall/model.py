"""What a firewall says, whatever the language it says it in: the values that every provider makes.

A firewall is a number of statements, each of which is accounted for in the report exactly once, and a number of lists
of rules made from them. A packet that opens a connection passes every list that it meets, and goes through if all
permit it. In each list the first rule that matches decides.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from anp.firewall.services import EVERY_SERVICE, Services
from anp.sources.diagnostics import Diagnostic, Location
from compiler import intervals
from compiler.addresses import BITS, VERSIONS, AddressSet, IpVersion


class Action(enum.StrEnum):
    """What becomes of a packet that a rule matches."""

    PERMIT = "permit"
    DENY = "deny"


class Fate(enum.StrEnum):
    """What becomes of a statement in the translation."""

    TRANSLATED = "translated"
    WIDENED = "widened"
    """It is translated, and matches more than it did."""
    NARROWED = "narrowed"
    """It is translated, and matches less than it did."""
    IMPLIED = "implied"
    """It changes nothing, or what it says holds anyway: replies, logging, jumps, dead rules."""
    NOT_OURS = "not ours"
    """It is not about traffic of workloads: it stays where it is."""
    NOT_EXPRESSIBLE = "not expressible"
    """No policy can say it."""


class Role(enum.StrEnum):
    """What a statement is."""

    RULE = "rule"
    DEFAULT = "default"
    """What a list says of packets that no rule matches, written or built in."""
    JUMP = "jump"
    NAT = "nat"
    OTHER = "other"


class Infrastructure(enum.StrEnum):
    """Traffic of the cluster's own that never crossed the firewall, to be accepted by rules of its own."""

    DNS = "dns"
    API = "api"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is so: a code of `anp.firewall.codes` and a sentence about this very case."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the source says about packets, as it says it.

    `number` counts statements of the firewall from 0. `list` is the chain, ACL or section that it stands in, `name`
    what people call it: an ID, or its number in the list. `text` is one line in the source's words. What a provider
    knows to be the end of the story it says with `fate`, and no rule has that statement; otherwise the fate is None.
    """

    number: int
    at: Location
    list: str
    name: str
    text: str
    role: Role = Role.RULE
    fate: Fate | None = None
    reasons: tuple[Reason, ...] = ()
    comment: str = ""
    hits: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Something else that must hold for a rule to match, and that no policy can ask for (translation.md 1.5)."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class InterfaceMatch:
    """A packet comes in or goes out by one of these interfaces or zones, or, negated, by none of them.

    A name that ends in ``+`` stands for all that begin so, as in iptables.
    """

    names: tuple[str, ...]
    negated: bool = False

    def __str__(self) -> str:
        return ("not " if self.negated else "") + ",".join(self.names)

    def holds(self, name: str) -> bool:
        """Say whether it matches an interface."""
        return self.negated != any(
            name.startswith(wanted[:-1]) if wanted.endswith("+") else name == wanted for wanted in self.names
        )


NO_ADDRESS = AddressSet()
EVERY_ADDRESS = AddressSet(*(((0, (1 << BITS[version]) - 1),) for version in VERSIONS))


def common(left: AddressSet, right: AddressSet) -> AddressSet:
    """Return the addresses that two sets have in common."""
    return AddressSet(intervals.intersection(left.v4, right.v4), intervals.intersection(left.v6, right.v6))


@dataclass(frozen=True, slots=True)
class Rule:
    """Packets of one kind and what becomes of them.

    `statement` is the one that decides, and `through` are the jumps that lead there, the outermost first. The sets are
    exact; what is left to `conditions` may or may not hold besides, and with a condition the rule is a bracket and no
    fact. `names` are what the source calls its addresses: of sources, then of destinations.
    """

    statement: int
    action: Action
    sources: AddressSet = EVERY_ADDRESS
    destinations: AddressSet = EVERY_ADDRESS
    services: Services = EVERY_SERVICE
    incoming: tuple[InterfaceMatch, ...] = ()
    outgoing: tuple[InterfaceMatch, ...] = ()
    conditions: tuple[Condition, ...] = ()
    through: tuple[int, ...] = ()
    names: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


@dataclass(frozen=True, slots=True)
class RuleList:
    """An ordered list of rules; the first match decides.

    The last rule matches everything that is left, and has a statement of the role `DEFAULT`. Only packets of the
    families in `versions` meet the list, that came in or go out by these interfaces.
    """

    name: str
    rules: tuple[Rule, ...]
    versions: frozenset[IpVersion] = frozenset(VERSIONS)
    incoming: tuple[InterfaceMatch, ...] = ()
    outgoing: tuple[InterfaceMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Firewall:
    """Everything that one source says.

    `digest` is the SHA-256 of what was read, in hex. `groups` are the named sets of addresses, `interfaces` the
    addresses behind an interface where the source tells, perhaps none.
    """

    source: str
    format: str
    digest: str
    statements: tuple[Statement, ...]
    lists: tuple[RuleList, ...]
    groups: Mapping[str, AddressSet] = field(default_factory=dict)
    interfaces: Mapping[str, AddressSet] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
