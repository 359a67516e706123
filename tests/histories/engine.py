"""The engine as a control plane would run it, from news to what each node's kernel holds, with the kernel in memory."""

from collections.abc import Mapping

from anp import api
from anp.sources.manifests import identity
from anp.state.assembly import assemble
from anp.state.store import Store
from compiler.addresses import AddressSet
from compiler.compilation import Compilation, compile_cluster
from compiler.lowering import Lowering
from compiler.model import Snapshot
from compiler.ruleset import Ruleset
from enforcer.fake import FakeDataplane
from enforcer.reconcile import Enforcer
from tests.histories.documents import Document, Key
from tests.histories.history import Learned


def parsed(document: Document) -> api.ApiObject:
    """Return the object of a document that a server sent."""
    return api.parse(document, admission=api.Admission.OBSERVED).object


def snapshot_of(objects: Mapping[Key, Document], learned: Learned) -> Snapshot:
    """Make a snapshot of objects that are all known at once."""
    return assemble(map(parsed, objects.values()), learned=addresses(learned), advise=False).snapshot


def addresses(learned: Learned) -> Mapping[str, AddressSet]:
    """Return what is known of domain names as the compiler wants it."""
    return {name: AddressSet.of(*texts) for name, texts in learned.items()}


def nodes_of(snapshot: Snapshot) -> list[str]:
    """Return every node that is declared or has a pod."""
    return sorted({node.name for node in snapshot.nodes} | {pod.node for pod in snapshot.pods} - {""})


class Hearer:
    """What is known of a cluster from the news of it; `stale` says that something has changed since the last look."""

    def __init__(self) -> None:
        self._store: Store[Key, api.ApiObject] = Store()
        self.stale = True

    def hear(self, key: Key, document: Document | None) -> None:
        """Take news of one object."""
        thing = None if document is None else parsed(document)
        assert thing is None or identity(thing) == key
        self.stale |= self._store.put(key, thing)

    def snapshot(self, learned: Learned) -> Snapshot:
        """Return the cluster as it is now, for all that was heard."""
        self.stale = False
        return assemble(self._store.snapshot(), learned=addresses(learned), advise=False).snapshot


class Engine:
    """Brings nodes to what is known when it is told that there is no more news for now.

    It trusts what the store says about whether anything has changed, and does nothing where nothing has. Each state is
    compiled from the one before, and lowered for each node from what that node had.
    """

    def __init__(self) -> None:
        self._hearer = Hearer()
        self._learned: Learned = {}
        self._lowerings: dict[str, Lowering] = {}
        self._enforcers: dict[str, Enforcer] = {}
        self._dataplanes: dict[str, FakeDataplane] = {}
        self.snapshot = Snapshot()
        self.compilation: Compilation = compile_cluster(self.snapshot)

    def hear(self, key: Key, document: Document | None) -> None:
        """Take news of one object."""
        self._hearer.hear(key, document)

    def settle(self, learned: Learned) -> None:
        """Bring every node to what is known now."""
        if not self._hearer.stale and learned == self._learned:
            return
        self._learned = learned
        self.snapshot = self._hearer.snapshot(learned)
        self.compilation = compile_cluster(self.snapshot, self.compilation)
        for name in dict.fromkeys((*nodes_of(self.snapshot), *self._enforcers)):
            if name not in self._enforcers:
                self._lowerings[name] = Lowering(name)
                self._dataplanes[name] = FakeDataplane()
                self._enforcers[name] = Enforcer(self._dataplanes[name])
            applied = self._enforcers[name].apply(self._lowerings[name].lower(self.compilation))
            assert not applied.drifted

    def held(self) -> Mapping[str, Ruleset]:
        """Return what the nodes' kernels hold."""
        return {name: dataplane.read() for name, dataplane in self._dataplanes.items()}
