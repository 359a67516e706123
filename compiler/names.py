"""Every name in our table, made here and nowhere else.

A name says what its object is, begins with a prefix of ours (nft reserves plain words) and depends on
content alone, so that a restarted agent recognises all that it finds. What users named may appear only at
the end of a rule's name, in a closed alphabet, after the hash that makes the name unique.
"""

import hashlib
import re

from compiler.addresses import IpVersion
from compiler.model import DefaultOrigin, Direction, IsolationOrigin, RuleOrigin
from compiler.profiles import Outcome
from compiler.ruleset import Side

TABLE = "anp"
FORWARD_CHAIN = "forward"
INPUT_CHAIN = "input"
_CLASSIFY_CHAIN = {Side.SOURCE: "classify-source", Side.DESTINATION: "classify-destination"}
FIXED_CHAINS = (FORWARD_CHAIN, INPUT_CHAIN, *_CLASSIFY_CHAIN.values())
"""The chains that every node with a subject has, always the same."""

_READABLE = 60
"""Characters of a rule's name left to people; nft takes 255 in all."""


def subject_map(version: IpVersion) -> str:
    """Name the map from local pods to their subject chains."""
    return f"subject-{version}"


def class_map(version: IpVersion) -> str:
    """Name the map from single addresses to class chains."""
    return f"class-{version}"


def net_map(version: IpVersion) -> str:
    """Name the map from address ranges to class chains."""
    return f"net-{version}"


def classify_chain(side: Side) -> str:
    """Name the chain that puts the class of one side of a packet into the mark."""
    return _CLASSIFY_CHAIN[side]


def class_chain(number: int) -> str:
    """Name the chain that puts one class number into the mark."""
    return f"class-{number}"


def subject_chain(egress: str | None, ingress: str | None) -> str:
    """Name the chain of pods with these two programs, given by digest."""
    return f"subject-{_hash(repr((egress, ingress)))}"


def program(digest: str) -> str:
    """Name a program's chain, and its map."""
    return f"program-{digest}"


def profile_chain(digest: str) -> str:
    """Name a profile's chain."""
    return f"profile-{digest}"


def rule_chain(outcome: Outcome) -> str:
    """Name the chain, and the counter, of one outcome."""
    return f"rule-{outcome.digest}-{_readable(outcome)}"


def _readable(outcome: Outcome) -> str:
    match outcome.origin:
        case RuleOrigin(tier=tier, policy=policy, namespace=namespace, direction=direction, index=index):
            words = [tier.title, namespace, policy, _short(direction), str(index)]
        case IsolationOrigin(direction, policies):
            words = ["isolated", policies[0][0], _short(direction)]
        case DefaultOrigin(direction):
            words = ["default", _short(direction)]
    text = ".".join(word for word in words if word)
    return re.sub(r"[^A-Za-z0-9.-]", "_", text)[:_READABLE] + (".accept" if outcome.accept else ".deny")


def _short(direction: Direction) -> str:
    return "e" if direction is Direction.EGRESS else "i"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
