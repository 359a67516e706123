"""The webhook as a whole: follows the cluster, keeps its certificate, and answers."""

import asyncio
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

import kubernetes

import anp
from anp.admission.bundle import Bundle
from anp.admission.certificates import Shown
from anp.admission.following import Following
from anp.admission.measures import Measures
from anp.admission.server import listening
from anp.admission.trust import FromFiles, SelfMade, Trust
from anp.admission.wording import Telling
from anp.admission.worker import Worker
from anp.controller.client import Client, configured
from anp.observability.server import Trouble, serving

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How a webhook is run. With files, `certificate` and `key`, or with the name of the `configuration` to keep."""

    kubeconfig: str
    listen: tuple[str, int]
    certificate: Path | None = None
    key: Path | None = None
    configuration: str = ""
    client_authority: Path | None = None
    telling: Telling = field(default_factory=Telling)
    budget: float = 2.0
    metrics: tuple[str, int] | None = None


async def admit(options: Options) -> None:
    """Be a webhook until cancelled.

    Raises:
        ConfigError: it is not known where the API server is.
        CertificateError: there is no certificate to begin with.
        OSError: one cannot listen on an address.

    """

    def connect() -> kubernetes.client.Configuration:
        return configured(options.kubeconfig)

    client = Client(connect())
    try:
        measures = Measures()
        shown = Shown(options.client_authority)
        trust = _trust(options, client, shown, measures)
        following = Following(connect, client)
        worker = Worker(following.inventory, options.telling, following.trouble)

        def live() -> Trouble:
            return "" if following.alive else "nothing is watched any more"

        def ready() -> Trouble:
            return following.trouble() or ("" if shown.identity is not None else trust.trouble)

        log.info("starting", extra={"version": anp.__version__, "pid": os.getpid()})
        async with (
            following.running(),
            serving(options.metrics, measures.registry, live=live, ready=ready) as health,
            listening(options.listen, shown.context, worker, options.budget, measures) as port,
            asyncio.TaskGroup() as group,
        ):
            log.info("listening", extra={"port": port, "metrics_port": health})
            group.create_task(trust.run())
            group.create_task(_keep_up(following, worker))
    finally:
        client.close()


def _trust(options: Options, client: Client, shown: Shown, measures: Measures) -> Trust:
    if options.certificate is not None and options.key is not None:
        return FromFiles(options.certificate, options.key, shown, measures)
    return SelfMade(Bundle(client, options.configuration), shown, measures)


async def _keep_up(following: Following, worker: Worker) -> None:
    """Take news as they come, so that nobody who asks has to wait for them."""
    try:
        while True:
            await following.news.wait()
            following.news.clear()
            await worker.catch_up()
    finally:
        worker.close()
