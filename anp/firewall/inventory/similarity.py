"""How alike two names are: by the words in them, so that ``WEB_FARM``, ``webServers`` and ``tier: web`` meet.

Names are cut where the kind of character or its case changes, numbers and words that say nothing are left out, plurals
and a few other names for the same thing become one. Nothing is learned and nothing looked up: equal names are always
equally alike.
"""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        "address addr cluster default dev farm grp group host ip lan label net network node obj "
        "object og pod pool prd prod production range server service set srv subnet svc test tier vip vlan vm zone",
    )
)
"""Words that are in the names of things of all kinds."""
_SAME = {
    "application": "app",
    "backend": "back",
    "database": "db",
    "frontend": "front",
    "http": "web",
    "loadbalancer": "lb",
    "www": "web",
}


@lru_cache(maxsize=1 << 14)
def words(name: str) -> frozenset[str]:
    """Return what a name says; if it says nothing but empty words, those."""
    found = [word.lower() for word in _WORD.findall(name)]
    plain = [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found]
    same = [_SAME.get(word, word) for word in plain]
    return frozenset(word for word in same if word not in _EMPTY) or frozenset(same)


def likeness(left: frozenset[str], right: frozenset[str]) -> float:
    """Return how much of two sets of words is in both, from 0 to 1 (Dice)."""
    return 2 * len(left & right) / (len(left) + len(right)) if left and right else 0.0
