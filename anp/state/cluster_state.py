"""A cluster that changes object by object: the snapshot after each change, without beginning anew.

It is the snapshot that `anp.state.assembly.assemble` makes of the same objects; what has not changed is the same
object as before, so that whoever compares two snapshots needs not look inside. Only what the compiler wants of an
object is kept of it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

from anp import api
from anp.sources.diagnostics import FieldPath, Severity
from anp.sources.manifests import identity
from anp.state.addresses import Addresses, Conflict, PodKey
from anp.state.assembly import claim_of, remarks
from anp.state.ordered import Ordered
from compiler import model
from compiler.labels import NAMESPACE_NAME_LABEL, Labels

Identity: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name."""
PROGRAMMED = "Programmed"
"""The type of the condition that says where a policy is in force."""
Remark: TypeAlias = tuple[Severity, str, FieldPath]


@dataclass(frozen=True, slots=True)
class KnownPolicy:
    """A policy as the API server has it: which object, in which version of its spec, and what to say about it.

    `observed` is the newest version that its status speaks of, as whoever controlled before has written it.
    """

    policy: model.Policy
    uid: str
    generation: int
    remarks: tuple[Remark, ...] = ()
    observed: int = 0


class ClusterState:
    """The objects of a cluster as last seen, translated."""

    def __init__(self) -> None:
        self._declared: dict[str, Labels] = {}
        self._inhabited: Counter[str] = Counter()
        self._namespaces: Mapping[str, Labels] | None = {}
        self._pods: Ordered[PodKey, model.Pod] = Ordered()
        self._nodes: Ordered[str, model.Node] = Ordered()
        self._policies: Ordered[Identity, model.Policy] = Ordered()
        self._known: dict[Identity, KnownPolicy] = {}
        self._addresses = Addresses()
        self._in: dict[PodKey, str] = {}

    @property
    def policies(self) -> Mapping[Identity, KnownPolicy]:
        """What is known of each policy."""
        return self._known

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Addresses that several claim, as of the last snapshot."""
        return self._addresses.conflicts

    def put(self, thing: api.ApiObject, warnings: tuple[api.Problem, ...] = ()) -> bool:
        """Remember an object in place of what was known of it; say whether a snapshot could tell the difference.

        `warnings` are those of parsing it.
        """
        key = identity(thing)
        match thing:
            case api.Namespace():
                name, labels = api.to_namespace(thing)
                return self._put_namespace(name, labels)
            case api.Node():
                return self._put_node(key[2], api.to_node(thing))
            case api.Pod():
                return self._put_pod(key[1:], api.to_pod(thing), thing)
            case api.Service():
                return False  # its traffic is judged on its way to the pods behind it (2.13)
            case _:
                return self._put_policy(key, thing, warnings)

    def forget(self, kind: str, namespace: str, name: str) -> bool:
        """Forget an object; say whether it was known."""
        match kind:
            case "Namespace":
                return self._put_namespace(name, None)
            case "Node":
                return self._put_node(name, None)
            case "Pod":
                return self._put_pod((namespace, name), None, None)
            case _:
                self._known.pop((kind, namespace, name), None)
                return self._policies.put((kind, namespace, name), None)

    def snapshot(self) -> model.Snapshot:
        """Return the cluster as it is now."""
        for key, pod in self._addresses.settle():
            self._pods.put(key, pod)
        if self._namespaces is None:
            implied = {name: Labels({NAMESPACE_NAME_LABEL: name}) for name in self._inhabited}
            self._namespaces = dict(sorted((implied | self._declared).items()))
        # Not `Snapshot.of`: all that it sorts and checks is so already.
        return model.Snapshot(
            namespaces=self._namespaces,
            pods=self._pods.all(),
            nodes=self._nodes.all(),
            policies=self._policies.all(attrgetter("order")),
        )

    def _put_namespace(self, name: str, labels: Labels | None) -> bool:
        if self._declared.get(name) == labels:
            return False
        if labels is None:
            del self._declared[name]
        else:
            self._declared[name] = labels
        self._namespaces = None
        return True

    def _put_node(self, name: str, node: model.Node | None) -> bool:
        before = self._nodes.get(name)
        changed = self._nodes.put(name, node)
        if changed:
            self._addresses.put_node(before, node)
        return changed

    def _put_pod(self, key: PodKey, pod: model.Pod | None, thing: api.Pod | None) -> bool:
        claim = claim_of(thing) if thing else None
        if not self._addresses.differs(key, pod, claim):
            return False
        self._addresses.put_pod(key, pod, claim)
        before = self._in.pop(key, None)
        after = pod.namespace if pod else None
        if after is not None:
            self._in[key] = after
        if before != after:
            self._settle_in(before, after)
        return True

    def _settle_in(self, before: str | None, after: str | None) -> None:
        """Count pods by namespace: one that nobody declared is there as long as it has pods."""
        if after is not None:
            if after not in self._inhabited and after not in self._declared:
                self._namespaces = None
            self._inhabited[after] += 1
        if before is not None:
            self._inhabited[before] -= 1
            if not self._inhabited[before]:
                del self._inhabited[before]
                if before not in self._declared:
                    self._namespaces = None

    def _put_policy(self, key: Identity, thing: api.PolicyObject, warnings: tuple[api.Problem, ...]) -> bool:
        translation = api.to_policy(thing)
        said = [(Severity.WARNING, problem.message, problem.path) for problem in warnings]
        said += remarks(translation)
        changed = self._policies.put(key, translation.policy)
        metadata = thing.metadata
        known = self._policies.get(key) or translation.policy
        unique = tuple(dict.fromkeys(said))
        self._known[key] = KnownPolicy(known, metadata.uid, metadata.generation, unique, _observed(thing))
        return changed


def _observed(thing: api.PolicyObject) -> int:
    # What cannot be read of a status is not there at all.
    status = None if isinstance(thing, api.NetworkPolicy) else thing.status
    ours = (entry for entry in getattr(status, "conditions", ()) if getattr(entry, "type", "") == PROGRAMMED)
    return max((getattr(entry, "observed_generation", None) or 0 for entry in ours), default=0)
