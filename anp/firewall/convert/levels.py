"""How deep the conflicts of a list go, which is how many priorities it needs (translation.md 3.1).

An entry must come after an earlier one where both match some packet and say different things. Entries whose longest
chains of such conflicts are as long may come in any order, for all of them that match a packet say the same of it.
"""

from collections.abc import Sequence

from anp.firewall.convert.lists import Entry
from anp.firewall.convert.packets import overlap
from anp.firewall.model import Action
from compiler import intervals


def levels(entries: Sequence[Entry]) -> list[int]:
    """Return for each entry of a list the length of the longest chain of conflicts that ends with it."""
    found: list[int] = []
    # By action and level; alike entries are asked once.
    before: dict[Action | None, list[dict[_Extent, None]]] = {}
    for entry in entries:
        extent = _extent(entry)
        level = 0
        for action, by_level in before.items():
            if action is not entry.action:
                level = max(level, _above(by_level, extent, level))
        own = before.setdefault(entry.action, [])
        own += ({} for _new in range(len(own), level + 1))
        own[level][extent] = None
        found.append(level)
    return found


_Extent = Entry
"""An entry without what it says and where it comes from."""


def _extent(entry: Entry) -> _Extent:
    return Entry(None, entry.packets, entry.pods, entry.networks, name="*" if entry.peers else "")


def _above(by_level: Sequence[dict[_Extent, None]], extent: _Extent, least: int) -> int:
    """Return the level after the highest that has something in common with an entry."""
    for level in range(len(by_level) - 1, least - 1, -1):
        if any(_meet(extent, other) for other in by_level[level]):
            return level + 1
    return 0


def _meet(left: _Extent, right: _Extent) -> bool:
    return _same_peers(left, right) and overlap(left.packets, right.packets)


def _same_peers(left: _Extent, right: _Extent) -> bool:
    if left.name or right.name:
        # Peers of the cluster's own may be any pods.
        return True
    if left.networks and right.networks:
        return left.networks == right.networks or any(
            intervals.intersection(mine, theirs)
            for mine, theirs in ((left.networks.v4, right.networks.v4), (left.networks.v6, right.networks.v6))
            if mine and theirs
        )
    # Networks hold pods too, wherever those are.
    return bool(left.networks or right.networks or left.pods & right.pods)
