"""What a proof says: whether two meanings are equal, and every kind of packet for which they are not."""

import enum
from dataclasses import dataclass

from anp.firewall.model import Reason
from anp.firewall.services import Services
from compiler.addresses import Address, AddressSet, IpVersion


class Equality(enum.StrEnum):
    """How far firewall and policies say the same, the best first."""

    EQUAL = "equal"
    EXPLAINED = "equal except what is explained"
    DIFFERENT = "different"


class Wanted(enum.Enum):
    """What is to become of packets, by the firewall and the mapping."""

    PERMIT = "permit"
    DENY = "deny"
    EITHER = "permit or deny"
    """A condition decides that policies do not know."""
    UNFILTERED = "not filtered"
    """The firewall is not between these two: they are in one segment."""
    NEIGHBOUR = "not filtered, to a neighbour"
    """As before, and one of them is an address of the segment that no entity has."""
    TIGHTENED = "as the policies say"
    """As before, and the mapping says that it may be denied."""
    UNMAPPED = "nothing"
    """One end is a pod that the mapping does not name, and no rule about any address says what is to become of it."""
    NO_WAY_IN = "nothing, it is a container's port"
    """Services translate the port that the firewall knows to another one, and none to this."""
    NOT_OURS = "not our business"
    """Neither end is a workload of the mapping."""

    @property
    def goes_through(self) -> bool:
        """Whether the packets went through before."""
        return self in {Wanted.PERMIT, Wanted.UNFILTERED, Wanted.NEIGHBOUR}


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at one end of packets: entities by name, pods that no entity has, and addresses outside.

    Where policies tell pods of an entity apart, its name is followed by the labels and an address of one.
    """

    entities: tuple[str, ...] = ()
    other_pods: bool = False
    outside: AddressSet = AddressSet()  # noqa: RUF009 - frozen

    def __str__(self) -> str:
        words = list(self.entities)
        if self.other_pods:
            words.append("other pods")
        if self.outside:
            networks = [str(network) for _number, network in zip(range(4), self.outside.networks(), strict=False)]
            words.append(", ".join(networks[:3]) + (" and more" if len(networks) > 3 else ""))
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet to show a difference with: the firewall's addresses and port, and the cluster's.

    An address of the cluster is None where the firewall's stands for itself. `source_name` and `destination_name` are
    entities, or empty.
    """

    source: Address
    destination: Address
    protocol: int
    port: int
    container_port: int
    source_name: str = ""
    destination_name: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Packets for which the policies do not say what is wanted, all for the same reason.

    Every one from `sources` to `destinations` with one of `services`, which are the firewall's ports. `permitted` says
    whether the policies let them through. `statement` is what decides on the firewall, None where nothing there does.
    `decided_by` names what decides about `witness` among the policies.
    """

    version: IpVersion
    sources: Party
    destinations: Party
    services: Services
    wanted: Wanted
    permitted: bool
    statement: int | None
    reason: Reason | None
    witness: Packet
    decided_by: str = ""

    @property
    def explained(self) -> bool:
        """Whether a reason is known that no policy could mend."""
        return self.reason is not None


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of a comparison of all packets from and to workloads of the mapping.

    `assumptions` say what it rests on besides; `ends` counts sources and destinations that were told apart, by family,
    and `cells` the pairs of them, which were compared for each protocol and each port but 0. `complete` is false where
    there are more gaps than `gaps` has. `outside` are all addresses that are nobody's of the mapping or the cluster.
    """

    equality: Equality
    gaps: tuple[Gap, ...]
    assumptions: tuple[str, ...]
    versions: tuple[IpVersion, ...]
    pods: int
    ends: int
    cells: int
    complete: bool = True
    outside: AddressSet = AddressSet()  # noqa: RUF009 - frozen
