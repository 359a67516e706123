"""A matrix of who can talk to whom as a document for programs, and the rules behind a cell of it."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from anp.analysis.reach import OUTSIDE, Cell, Group, Matrix
from anp.analysis.wording import packets_list
from compiler.addresses import VERSIONS, Address
from compiler.compilation import Compilation
from compiler.diagram.traffic import example
from compiler.model import DefaultOrigin, Direction, Flow, Pod
from compiler.packets import EVERY_PACKET, PacketSet
from compiler.profiles import Outcome

_SOMEBODY = (ip_address("203.0.113.1"), ip_address("2001:db8::1"))
"""Who is not in the cluster: addresses that are nobody's by definition (RFC 5737, RFC 3849)."""
_TRIED = 8
"""How many members of a group are looked at for an example."""


def as_json(matrix: Matrix, asked: PacketSet = EVERY_PACKET) -> dict[str, Any]:
    """Return the matrix as a JSON document of kind ``Reach``, version 1; as if there was only what is `asked` about."""
    return {
        "kind": "Reach",
        "version": 1,
        "by": matrix.by.value,
        "asked": packets_list(asked),
        "sources": [{"name": group.name, "pods": list(group.pods)} for group in matrix.sources],
        "destinations": [{"name": group.name, "pods": list(group.pods)} for group in matrix.destinations],
        "cells": [
            {"from": source, "to": destination, **cell_json(cell.within(asked), asked)}
            for (source, destination), cell in matrix.cells.items()
        ],
    }


def cell_json(cell: Cell, asked: PacketSet = EVERY_PACKET) -> dict[str, Any]:
    """Return a cell as part of a document."""
    return {
        "reach": cell.reach.value,
        "traffic": packets_list(cell.any_pair & asked),
        "always": packets_list(cell.every_pair & asked),
    }


def examples(  # noqa: PLR0913, PLR0917 - the parts of one question
    source: Group,
    destination: Group,
    cell: Cell,
    compilation: Compilation,
    pods: Mapping[str, Pod],
    asked: PacketSet = EVERY_PACKET,
) -> Iterator[dict[str, Any]]:
    """Yield a packet that gets through between two groups and one that does not, with the rules that decide them.

    Only a few members are looked at, so there may be none although there are some.
    """
    for accepted, packets in ((True, cell.any_pair & asked), (False, asked - cell.every_pair)):
        if packets:
            protocol, port = example(packets)
            for flow, sender, receiver in _flows(source, destination, pods):
                probe = Flow(*flow, protocol, port)
                egress = _outcome(sender, Direction.EGRESS, probe, compilation)
                ingress = _outcome(receiver, Direction.INGRESS, probe, compilation)
                if (egress.accept and ingress.accept) is accepted:
                    yield {
                        "from": str(sender or OUTSIDE),
                        "to": str(receiver or OUTSIDE),
                        "flow": str(probe),
                        "accepted": accepted,
                        "egress": {"accepted": egress.accept, "by": str(egress.origin)},
                        "ingress": {"accepted": ingress.accept, "by": str(ingress.origin)},
                    }
                    break


def _outcome(pod: Pod | None, direction: Direction, flow: Flow, compilation: Compilation) -> Outcome:
    found = None if pod is None else compilation.outcome(pod, direction, flow)
    return found or Outcome(accept=True, origin=DefaultOrigin(direction))


def _flows(
    source: Group, destination: Group, pods: Mapping[str, Pod]
) -> Iterator[tuple[tuple[Address, Address], Pod | None, Pod | None]]:
    owned = {address for pod in pods.values() for address in pod.addresses}
    for version in VERSIONS:
        for sender, by in _members(source, pods):
            for receiver, to in _members(destination, pods):
                if sender is not None and sender is receiver:
                    continue
                ours = [one for one in by if one.version == version]
                theirs = [one for one in to if one.version == version]
                if ours and theirs and (receiver or theirs[0] not in owned) and (sender or ours[0] not in owned):
                    yield (ours[0], theirs[0]), sender, receiver


def _members(group: Group, pods: Mapping[str, Pod]) -> Iterator[tuple[Pod | None, tuple[Address, ...]]]:
    for name in group.pods[:_TRIED]:
        yield pods[name], pods[name].addresses
    if group.name == OUTSIDE and not group.pods:
        yield None, _SOMEBODY
