"""The webhook's metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


class Measures:
    """What is measured, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reviews = Counter(
            "anp_admission_reviews",
            "Objects that were asked about, by what came of it: allowed, warned, denied, unchecked, ignored or failed.",
            ["result"],
            registry=self.registry,
        )
        self.seconds = Histogram("anp_admission_seconds", "Time to answer.", registry=self.registry, buckets=_SECONDS)
        self.certificate_ends = Gauge(
            "anp_admission_certificate_expiry_timestamp_seconds",
            "When the certificate ends that is shown.",
            registry=self.registry,
        )
