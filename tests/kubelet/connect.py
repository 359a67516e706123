"""`agnhost connect`: what it asks for, how long it may wait, and the same question put to the lab for SCTP."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from anp.lab.lab import Lab
from anp.lab.probes import Outcome, Probe
from anp.lab.topology import PodPlace
from compiler.addresses import Address
from compiler.model import Protocol
from tests.kubelet.errors import UnsupportedError
from tests.kubelet.workloads import flags

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_FOR_EVER = 3600.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and its exit code."""

    out: str = ""
    complaints: str = ""
    code: int = 0


def seconds(duration: str) -> float:
    """Return a duration as Go writes it, such as 3s or 1m30s, in seconds; raise UnsupportedError if it is none."""
    parts = list(_DURATION.finditer(duration))
    if not parts or "".join(part[0] for part in parts) != duration:
        raise UnsupportedError(f"{duration!r} is not a duration")
    return sum(float(part["number"]) * _SECONDS[part["unit"]] for part in parts)


def capped(words: Sequence[str], longest: str) -> list[str]:
    """Return a connect command that waits no longer than `longest`; any other command as it is."""
    given = flags(words[1:]).get("timeout")
    if list(words[:1]) != ["connect"] or (given is not None and 0 < seconds(given) <= seconds(longest)):
        return list(words)
    # The last of several flags of one name counts.
    return [*words, f"--timeout={longest}"]


def asks_sctp(words: Sequence[str]) -> bool:
    """Say whether this is a connect command for SCTP."""
    return list(words[:1]) == ["connect"] and flags(words[1:]).get("protocol") == "sctp"


def connect_sctp(lab: Lab, place: PodPlace, words: Sequence[str]) -> Said:
    """Do from the lab what agnhost would do if the kernel had SCTP, and say what it would say.

    Raises:
        UnsupportedError: the command makes no sense.

    """
    address, port = _target(words)
    patience = seconds(flags(words[1:]).get("timeout", "0s")) or _FOR_EVER
    [result] = lab.probe([Probe(place, address, Protocol.SCTP, port)], seconds=patience)
    if result.outcome is Outcome.CONNECTED:
        return Said()
    return Said(complaints="TIMEOUT\n" if result.outcome is Outcome.TIMEOUT else f"OTHER: {result.detail}\n", code=1)


def _target(words: Sequence[str]) -> tuple[Address, int]:
    """Return the only word that is neither a flag nor the value of one."""
    candidates = [word for word in words[1:] if not word.startswith("-") and word.rpartition(":")[2].isdecimal()]
    if len(candidates) != 1:
        raise UnsupportedError("connect wants one ADDRESS:PORT")
    host, _, port = candidates[0].rpartition(":")
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")), int(port)
    except ValueError as error:
        raise UnsupportedError(str(error)) from error
