"""The two questions that decide how an object is judged: which schema, and whether it may still be refused."""

import enum
from dataclasses import dataclass


class Channel(enum.Enum):
    """The two flavours of the policy CRDs; the experimental one has all of the standard one and more (1.1)."""

    STANDARD = "standard"
    EXPERIMENTAL = "experimental"


class Admission(enum.Enum):
    """Where an object comes from.

    A `SUBMITTED` object is a manifest: it is judged as an API server would judge it, and refused with all of
    its mistakes. An `OBSERVED` object is stored in a cluster already, perhaps under a newer schema than ours:
    it is never refused for what it says, and what we cannot read of it fails closed (2.10).
    """

    SUBMITTED = "submitted"
    OBSERVED = "observed"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What validators are told: the schema to hold an object to."""

    channel: Channel = Channel.EXPERIMENTAL
