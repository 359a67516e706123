"""A decision with its whole path: what was asked about a flow, in which order, and what the answers were.

`compiler.semantics` makes these values, and what explains a decision to people reads them.
"""

import enum
from dataclasses import dataclass
from typing import TypeAlias

from compiler.model import Direction, Flow, Origin, Peer, Pod, Policy, Rule, Tier, Traffic


class Mismatch(enum.Enum):
    """Why a rule was passed over. Peers are looked at first, so the last two say that some peer did match."""

    PEER = "no peer matches"
    DOMAIN_NOT_LEARNED = "no peer matches, and no address is known for a domain among them"
    TRAFFIC = "the traffic does not match"
    NAMED_PORT_NOT_DECLARED = "the traffic does not match, and the destination does not declare a port named in it"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """The rule did not match."""

    rule: Rule
    reason: Mismatch


@dataclass(frozen=True, slots=True)
class Matched:
    """The rule matched, by the first of its peers and of its traffic that match together."""

    rule: Rule
    peer: Peer
    traffic: Traffic


RuleStep: TypeAlias = PassedOver | Matched


@dataclass(frozen=True, slots=True)
class PolicyStep:
    """A policy that selects the pod, and its rules up to the first that matched.

    `isolates` says whether the policy closes this direction, which only a NetworkPolicy can; one that does
    not is not asked, so it has no rules here.
    """

    policy: Policy
    isolates: bool
    rules: tuple[RuleStep, ...]

    @property
    def matched(self) -> Matched | None:
        """The match that ended the policy, if one did."""
        last = self.rules[-1] if self.rules else None
        return last if isinstance(last, Matched) else None


class Outcome(enum.Enum):
    """How a tier was left: the first three are final, after the other two the next tier is asked."""

    ACCEPTED = "accepted"
    DENIED = "denied"
    ISOLATED = "isolated, and no rule accepts"
    PASSED = "passed to the next tier"
    UNDECIDED = "no rule matches"


@dataclass(frozen=True, slots=True)
class TierStep:
    """A tier that was asked: the policies in it that select the pod, in the order in which they were asked.

    A cluster tier ends with the first policy that has a match. NetworkPolicies are a union, so all are asked.
    """

    tier: Tier
    policies: tuple[PolicyStep, ...]
    outcome: Outcome


class Exemption(enum.Enum):
    """Why a flow is not judged at one of its ends."""

    NO_GOVERNED_POD = "the address is not that of a pod which policies govern"
    SAME_POD = "the pod talks to itself"
    OWN_NODE = "it comes from the pod's own node"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said about a flow at one end: by the tiers that were asked about `pod`, or by an exemption.

    `pod` is the governed pod at that end, if there is one. An exempt flow is accepted, by default, without steps.
    """

    direction: Direction
    pod: Pod | None
    exemption: Exemption | None
    accepted: bool
    origin: Origin
    steps: tuple[TierStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a flow, and why."""

    flow: Flow
    egress: Judgement
    ingress: Judgement

    @property
    def accepted(self) -> bool:
        """Whether the flow goes through: an Accept at one end does not bind the other (2.3)."""
        return self.egress.accepted and self.ingress.accepted
