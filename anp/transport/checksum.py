"""What a generation adds up to, so that who has put one together from parts knows that it is the one that was meant.

Every entry has a number, and a state is the sum of them: one entry more or less is one addition, and the order in which
it came about is no matter. It finds mistakes and damage. It is no signature: who may write these objects may say
anything (and only the controller may).
"""

import hashlib
import json
from typing import Any

_MODULUS = 1 << 128
# Kept, because `json.dumps` makes a new one for every call with options, and entries come by the thousand.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def canonical(value: Any) -> bytes:
    """Return the one text that JSON has here."""
    return _ENCODER.encode(value).encode()


def weight(table: str, key: str, value: Any) -> int:
    """Return the number of one entry, given as JSON."""
    return int.from_bytes(hashlib.blake2b(canonical([table, key, value]), digest_size=16).digest())


def added(total: int, *weights: int) -> int:
    """Return a total with these entries."""
    return (total + sum(weights)) % _MODULUS


def removed(total: int, *weights: int) -> int:
    """Return a total without these entries."""
    return (total - sum(weights)) % _MODULUS


def check_of(number: int, total: int) -> str:
    """Return what the manifest of the generation with this number and total says, in 32 hex digits."""
    return hashlib.blake2b(canonical([number, total]), digest_size=16).hexdigest()


def content_hash(content: Any) -> str:
    """Return the part of a slice's name that is its content's, in 24 hex digits."""
    return hashlib.blake2b(canonical(content), digest_size=12).hexdigest()
