"""What a match on connections' states or on TCP flags says of packets that open a connection.

Only those count, for policies are stateful (translation.md 1.5). An opening packet is in state NEW; one of TCP has SYN
and none of ACK, RST and FIN. A match that every such packet satisfies says nothing; a rule that none of them can match
changes nothing.
"""

import enum
from collections.abc import Set as AbstractSet

from anp.firewall.model import Condition, Reason

STATES = frozenset(("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"))
FLAGS = frozenset(("FIN", "SYN", "RST", "PSH", "ACK", "URG"))


class End(enum.Enum):
    """Where the rule goes that asks."""

    ACCEPT = enum.auto()
    DENY = enum.auto()
    OTHER = enum.auto()
    """A jump, a return or the like."""


def by_state(states: AbstractSet[str], end: End, text: str, *, untracked: bool) -> Reason | Condition | None:
    """Say what becomes of a rule that asks for one of some states.

    None is for all opening packets, a reason for none, and a condition if it cannot be told, or if the rule would cut
    connections that are open. `untracked` says whether anything exempts packets from tracking.
    """
    asked = states if untracked else states - {"UNTRACKED"}
    if "NEW" in asked:
        return None
    open_already = asked & {"ESTABLISHED", "RELATED"}
    unsure = not asked <= {"ESTABLISHED", "RELATED", "INVALID"}
    cuts = bool(open_already) and end is End.DENY
    lets_in = asked == {"INVALID"} and end is End.ACCEPT
    if unsure or cuts or lets_in:
        return Condition("FW108", f"connection state {text}")
    if open_already:
        return Reason("FW140", "only packets of connections that are open already")
    return Reason("FW141", "only packets of no connection")


def by_flags(holds: bool, end: End) -> Reason | None:  # noqa: FBT001 - whether it holds is all there is
    """Say what becomes of a rule whose TCP flags an opening packet has or has not."""
    if holds:
        return None
    return Reason("FW140" if end is End.ACCEPT else "FW141", "packets with such flags open no connection")
