"""What an agent counts and measures, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Measures:
    """The metrics of one agent, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.generation = Gauge("anp_agent_generation", "The generation in force on the node.", registry=registry)
        self.newest = Gauge("anp_agent_newest_generation", "The newest generation known.", registry=registry)
        self.connected = Gauge("anp_agent_connected", "Whether the API server tells of changes.", registry=registry)
        self.latency = Histogram(
            "anp_agent_programming_seconds",
            "From the publication of a generation to the kernel's word that it is in force.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.applying = Histogram(
            "anp_agent_apply_seconds",
            "From a complete generation to the kernel's word that it is in force.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.errors = Counter("anp_agent_errors", "What went wrong, by kind.", ["kind"], registry=registry)
        self.drift = Counter("anp_agent_drift", "How often others had changed our table.", registry=registry)
        self.written = Counter("anp_agent_written_bytes", "Text of all transactions.", registry=registry)
        self.objects = Gauge("anp_agent_objects", "What the ruleset consists of.", ["kind"], registry=registry)
