"""The controller's metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from compiler.generation import Generation
from compiler.model import Snapshot

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Measures:
    """What is measured, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.generation = Gauge("anp_generation", "The generation published last.", registry=self.registry)
        self.published_at = Gauge(
            "anp_published_timestamp_seconds", "When a generation was published last.", registry=self.registry
        )
        self.leading = Gauge("anp_leading", "1 if this controller may write, else 0.", registry=self.registry)
        self.compiling = Histogram(
            "anp_compile_seconds", "Time to compile a change.", registry=self.registry, buckets=_SECONDS
        )
        self.publishing = Histogram(
            "anp_publish_seconds", "Time to publish a generation.", registry=self.registry, buckets=_SECONDS
        )
        self.failures = Counter(
            "anp_sync_failures", "Generations that could not be compiled or published.", registry=self.registry
        )
        self.status_writes = Counter(
            "anp_status_writes", "Statuses and Events written, by what came of it.", ["result"], registry=self.registry
        )
        self.objects = Gauge("anp_objects", "Objects that are known, by kind.", ["kind"], registry=self.registry)
        self.parts = Gauge("anp_generation_parts", "What the generation consists of.", ["part"], registry=self.registry)

    def sizes(self, generation: Generation, snapshot: Snapshot) -> None:
        """Note how large things are."""
        for kind, count in (
            ("namespaces", len(snapshot.namespaces)),
            ("pods", len(snapshot.pods)),
            ("nodes", len(snapshot.nodes)),
            ("policies", len(snapshot.policies)),
        ):
            self.objects.labels(kind).set(count)
        for part, count in (
            ("members", len(generation.members)),
            ("shapes", len(generation.shapes)),
            ("programs", len(generation.programs)),
            ("spans", sum(map(len, generation.spans.values()))),
        ):
            self.parts.labels(part).set(count)
