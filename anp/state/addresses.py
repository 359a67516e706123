"""Which pod has an address that several claim: a verdict needs one owner (2.18)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from compiler import model
from compiler.addresses import Address

PodKey: TypeAlias = tuple[str, str]
Claim: TypeAlias = tuple[bool, bool, float, PodKey]
"""How good a claim to an address is, the best first; see `anp.state.assembly.claim_of`."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A pod that does not have an address which it says it has, and who has it."""

    pod: PodKey
    address: Address
    keeper: str


class Addresses:
    """Who claims which address, kept up to date one pod or node at a time.

    Whoever puts something asks `unsettled` whose addresses may be others now, and `settled` what they are.
    """

    def __init__(self) -> None:
        self._pods: dict[PodKey, tuple[model.Pod, Claim]] = {}
        self._claims: dict[Address, dict[PodKey, Claim]] = {}
        self._homes: dict[Address, set[str]] = {}
        self._unsettled: set[PodKey] = set()
        self._conflicts: dict[PodKey, tuple[Conflict, ...]] = {}

    def differs(self, key: PodKey, pod: model.Pod | None, claim: Claim | None) -> bool:
        """Say whether that is not what is known of a pod."""
        known = self._pods.get(key)
        return (pod, claim) != known if known else pod is not None

    def put_pod(self, key: PodKey, pod: model.Pod | None, claim: Claim | None) -> None:
        """Note what a pod claims; None if it is gone."""
        before = self._pods.pop(key, None)
        for address in _claimed(before[0]) if before else ():
            claims = self._claims[address]
            claims.pop(key, None)
            self._unsettled.update(claims)
            if not claims:
                del self._claims[address]
        self._unsettled.add(key)
        if pod is None or claim is None:
            return
        self._pods[key] = (pod, claim)
        for address in _claimed(pod):
            claims = self._claims.setdefault(address, {})
            self._unsettled.update(claims)
            claims[key] = claim

    def put_node(self, before: model.Node | None, after: model.Node | None) -> None:
        """Note the addresses of a node."""
        for node, here in ((before, False), (after, True)):
            for address in node.addresses if node else ():
                homes = self._homes.setdefault(address, set())
                (homes.add if here else homes.discard)(node.name if node else "")
                if not homes:
                    del self._homes[address]
                self._unsettled.update(self._claims.get(address, ()))

    def settle(self) -> Iterator[tuple[PodKey, model.Pod | None]]:
        """Yield the pods whose addresses may be others now, with those that they have; None if a pod is gone."""
        unsettled, self._unsettled = self._unsettled, set()
        keepers: dict[Address, PodKey] = {}
        for key in unsettled:
            known = self._pods.get(key)
            self._conflicts.pop(key, None)
            if known is None:
                yield key, None
                continue
            pod = known[0]
            conflicts = tuple(self._lost(key, pod, keepers))
            if conflicts:
                self._conflicts[key] = conflicts
                lost = {conflict.address for conflict in conflicts}
                pod = replace(pod, addresses=tuple(address for address in pod.addresses if address not in lost))
            yield key, pod

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """All claims that came to nothing."""
        return tuple(conflict for key in sorted(self._conflicts) for conflict in self._conflicts[key])

    def _lost(self, key: PodKey, pod: model.Pod, keepers: dict[Address, PodKey]) -> Iterator[Conflict]:
        for address in _claimed(pod):
            if address in self._homes:
                yield Conflict(key, address, f"node {max(self._homes[address])}")
                continue
            claims = self._claims[address]
            if len(claims) > 1:
                keeper = keepers.get(address)
                if keeper is None:
                    keeper = keepers[address] = min(claims, key=claims.__getitem__)
                if keeper != key:
                    yield Conflict(key, address, f"pod {'/'.join(keeper)}")


def _claimed(pod: model.Pod) -> Iterable[Address]:
    return pod.addresses if pod.governed else ()
