"""Classes of addresses for who can talk to whom: those that nothing which is asked tells apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from compiler.addresses import IpVersion
from compiler.compilation import Compilation
from compiler.diagram.ends import Owners, Side, ends_of


@dataclass(frozen=True, slots=True)
class Class:
    """Addresses of one family that are alike: whose they are, with the node of each pod, or which nodes' they are."""

    side: Side
    pods: Mapping[str, str]
    machines: frozenset[frozenset[str]]


def classes_of(compilation: Compilation, version: IpVersion) -> Iterator[Class]:
    """Yield classes: ends, but for which of the nodes a pod is on, which only matters to traffic from nodes."""
    owners = Owners(compilation, version)
    alike: dict[tuple[Side, bool], tuple[dict[str, str], set[frozenset[str]]]] = {}
    for end in ends_of([owners], version):
        (side,) = end.sides
        pods, machines = alike.setdefault((replace(side, node="", nodes=frozenset()), bool(side.nodes)), ({}, set()))
        if side.nodes:
            machines.add(side.nodes)
        if side.governed:
            for first, last in end.addresses:
                for number in range(first, last + 1):
                    pods[str(owners.pods[number])] = side.node
    for (side, _is_node), (pods, machines) in alike.items():
        yield Class(side, pods, frozenset(machines))
