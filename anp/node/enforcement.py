"""What a node does with generations: take them in, bring them into force, keep them on its disk. For one thread.

At any moment the kernel holds what one generation says. It is never brought back to an older one: not by an API server
that is behind, and not by a disk that is.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from anp.node.cache import Cache, CacheError, Mark, Saved
from anp.node.connection import Document
from anp.node.guard import Guard
from anp.node.sharing import Sharing
from anp.transport import Reception, TransportError
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.ruleset import Ruleset
from compiler.syntax import InvalidRulesetError
from enforcer.reconcile import Applied

LOG = logging.getLogger(__name__)

Clock = Callable[[], datetime]


class OlderError(Exception):
    """A generation is older than the one in force."""

    def __init__(self, mark: Mark, floor: Mark) -> None:
        super().__init__(
            f"the API server has generation {mark.number}, and {floor.number} of the same manifest was in force here "
            "already: if its data were restored from a backup, delete the PolicyGeneration, and the controller makes "
            "a new one"
        )


REFUSALS = (TransportError, OlderError, TooManyClassesError, InvalidRulesetError)
"""What another attempt with the same generation would not change."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a ruleset consists of."""

    chains: int = 0
    elements: int = 0
    classes: int = 0
    programs: int = 0

    @classmethod
    def of(cls, ruleset: Ruleset) -> "Sizes":
        """Count."""
        return cls(
            len(ruleset.chains),
            sum(len(each.elements) for each in ruleset.maps.values()),
            sum(name.startswith("class-") for name in ruleset.chains),
            sum(name.startswith("program-") for name in ruleset.chains),
        )


@dataclass(frozen=True, slots=True)
class InForce:
    """The generation in force: since when, when it was published, and what it takes."""

    mark: Mark
    published: datetime | None
    applied: datetime
    sizes: Sizes


class Enforcement:
    """Brings generations into force; `disk_trouble` says what is wrong with the disk, if anything is."""

    def __init__(
        self,
        node: str,
        layout: MarkLayout,
        guard: Guard,
        cache: Cache,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._node = node
        self._guard = guard
        self._cache = cache
        self._clock = clock
        self._reception = Reception(node)
        self._sharing = Sharing(node, layout)
        self._received: Mark | None = None
        self._floor: Mark | None = None
        self._unsaved = False
        self.in_force: InForce | None = None
        self.disk_trouble = ""

    # Beginning.

    def begin(self) -> None:
        """Bring what the disk has into force, unless the kernel may hold something newer.

        Raises:
            EnforcerError: the kernel cannot be read, or refuses.
            TooManyClassesError: the mark has not enough bits for the node's classes.

        """
        installed = self._guard.installed()
        intent, known = self._intended()
        saved = self._loaded()
        if saved is not None and (installed.empty or (known and intent in (None, saved.mark))):
            self._floor = self._received = saved.mark
            received = self._reception.last
            assert received is not None  # noqa: S101 - it was loaded
            self._bring(saved.mark, self._sharing.lower(received.generation), received.at)
            self._unsaved = False
        elif not installed.empty:
            self._floor = intent
            LOG.info("rules of an earlier life stay in force", extra={"chains": len(installed.chains)})

    def _loaded(self) -> Saved | None:
        """Return what is on the disk, if there is anything that can be used."""
        try:
            saved = self._cache.load()
            if saved is None:
                return None
            reception = Reception.load(self._node, saved.content)
        except (CacheError, TransportError) as error:
            self._complain(f"what is kept there cannot be used: {error}")
            return None
        self._reception = reception
        return saved

    def _intended(self) -> tuple[Mark | None, bool]:
        """Return what the kernel holds at most, and whether that is known."""
        try:
            return self._cache.intended(), True
        except CacheError as error:
            self._complain(str(error))
            return None, False

    # Generations.

    def needs(self, manifest: Document) -> frozenset[str]:
        """Return the slices that are still to be given before the generation can be applied.

        Raises:
            OlderError: the generation is older than the one in force.
            TransportError: the manifest, or what slices say together, cannot be.

        """
        self._not_older(_mark(manifest))
        return self._reception.needs(manifest)

    def give(self, documents: list[Document]) -> None:
        """Keep slices.

        Raises:
            TransportError: one is damaged.

        """
        for document in documents:
            self._reception.give(document)

    def apply(self, manifest: Document) -> Applied | None:
        """Bring the generation of a manifest into force; None if it is.

        Raises:
            IncompleteError: slices are missing.
            OlderError: it is older than the one in force.
            TransportError: the objects do not make the generation that was published.
            TooManyClassesError: the mark has not enough bits for the node's classes.
            EnforcerError: the kernel refuses, or cannot be asked.

        """
        mark = _mark(manifest)
        self._not_older(mark)
        if self.in_force and self.in_force.mark == mark and not self._guard.listen():
            return None
        received = self._reception.take(manifest)
        self._received = mark
        applied = self._bring(mark, self._sharing.lower(received.generation), received.at)
        self._unsaved = True
        return applied

    def _not_older(self, mark: Mark) -> None:
        if self._floor and mark.precedes(self._floor):
            raise OlderError(mark, self._floor)

    def _bring(self, mark: Mark, ruleset: Ruleset, at: str) -> Applied:
        # From here on the kernel may hold it, whatever happens to us.
        self._floor = mark
        try:
            self._cache.intend(mark)
        except CacheError as error:
            self._complain(str(error))
        applied = self._guard.apply(ruleset)
        self.in_force = InForce(mark, _moment(at), self._clock(), Sizes.of(ruleset))
        return applied

    # The disk.

    @property
    def unsaved(self) -> bool:
        """Whether the generation in force is not on the disk yet."""
        return self._unsaved

    def save(self) -> None:
        """Keep the generation in force on the disk; `disk_trouble` says why it could not be, if it could not."""
        self._unsaved = False
        if self.in_force is None or self._received != self.in_force.mark:
            # What was received last could not be brought into force.
            return
        try:
            self._cache.save(Saved(self.in_force.mark, self._reception.save()))
            self.disk_trouble = ""
        except CacheError as error:
            self._complain(str(error))

    def _complain(self, trouble: str) -> None:
        if trouble != self.disk_trouble:
            LOG.error("the disk: %s", trouble)
        self.disk_trouble = trouble


def _mark(manifest: Document) -> Mark:
    """Say which generation a manifest is about.

    Raises:
        TransportError: it does not say.

    """
    metadata, spec = (manifest.get(part) for part in ("metadata", "spec"))
    uid = metadata.get("uid") if isinstance(metadata, dict) else None
    number = spec.get("number") if isinstance(spec, dict) else None
    if type(uid) is not str or not uid or type(number) is not int:
        raise TransportError("manifest", "has no uid, or no number")
    return Mark(uid, number)


def _moment(at: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
