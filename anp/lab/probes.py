"""Questions to the lab, and what came of them."""

import enum
from dataclasses import dataclass

from anp.lab.topology import Place
from compiler.addresses import Address
from compiler.model import Protocol


class Outcome(enum.Enum):
    """What came of a probe; a policy that denies is a drop, and shows as `TIMEOUT` (2.4)."""

    CONNECTED = "connected"
    """An answer came back, from the server that was meant."""
    TIMEOUT = "timeout"
    """Nothing came back."""
    REFUSED = "refused"
    """The destination said that nobody serves there."""
    UNREACHABLE = "unreachable"
    """Something on the way said that it cannot get there, or the source has no address of that family.

    Over IPv4 the kernel says so to one source five times, and from then on once a second: where nobody has an
    address, expect this or `TIMEOUT`.
    """
    ERROR = "error"
    """Something else; the detail says what. An answer from the wrong server is one."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt to be answered, from `source` at a destination; `OTHER` is an ICMP echo, which has no port."""

    source: Place
    destination: Address
    protocol: Protocol
    port: int = 0

    def __str__(self) -> str:
        port = "" if self.protocol is Protocol.OTHER else f"/{self.port}"
        return f"{self.source} -> {self.destination} {self.protocol.value}{port}"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What came of a probe, how long that took, and, in words, the answer or the reason why there was none.

    `server` is who answered as it called itself, empty where nobody did; an ICMP echo reply names nobody.
    """

    outcome: Outcome
    detail: str
    seconds: float
    server: str = ""

    def __str__(self) -> str:
        return f"{self.outcome.value} after {self.seconds:.3f} s: {self.detail}"
