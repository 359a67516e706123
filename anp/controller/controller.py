"""The controller as a whole: follows the cluster, takes part in the election, publishes, and reports."""

import asyncio
import logging
import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

import kubernetes

import anp
from anp.controller.client import Client, configured
from anp.controller.following import Following
from anp.controller.lease import DURATION, Election
from anp.controller.lease_store import ApiLeaseStore
from anp.controller.measures import Measures
from anp.controller.publisher import Publisher
from anp.controller.reporting import Reporting
from anp.observability.server import Trouble, serving

log = logging.getLogger(__name__)

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT_NAMESPACE = "anp-system"


@dataclass(frozen=True, slots=True)
class Options:
    """How a controller is run. Without a kubeconfig it is a pod; without a namespace, its own one has the Lease."""

    kubeconfig: str = ""
    namespace: str = ""
    lease_name: str = "anp-controller"
    lease_duration: float = DURATION
    address: tuple[str, int] | None = None


async def control(options: Options) -> None:
    """Be a controller until cancelled.

    Raises:
        ConfigError: it is not known where the API server is.
        OSError: one cannot listen on the address.

    """

    def connect() -> kubernetes.client.Configuration:
        return configured(options.kubeconfig)

    measures = Measures()
    client = Client(connect())
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    store = ApiLeaseStore(client, options.namespace or own_namespace(), options.lease_name)
    election = Election(store, identity, duration=options.lease_duration)
    publisher = Publisher(client)
    following = Following(connect, client, measures=measures, publisher=publisher, election=election)
    reporting = Reporting(client, following, election, publisher, measures)
    measures.leading.set_function(lambda: float(election.leading.is_set()))

    def live() -> Trouble:
        return "" if following.watching.alive else "nothing is watched any more"

    def ready() -> Trouble:
        # A replica that waits for its turn is ready when it knows the cluster.
        return following.trouble()

    log.info("starting", extra={"version": anp.__version__, "identity": identity, "pid": os.getpid()})
    try:
        async with (
            serving(options.address, measures.registry, live=live, ready=ready) as port,
            asyncio.TaskGroup() as group,
        ):
            if port:
                log.info("listening", extra={"port": port})
            # The election ends last: nobody else is to begin while this one still writes.
            electing = group.create_task(election.run())
            try:
                async with following.running():
                    await reporting.run()
            finally:
                electing.cancel()
    finally:
        client.close()


def own_namespace() -> str:
    """Return the namespace of the pod that this is, or the one that it would be installed in."""
    try:
        return _OWN_NAMESPACE.read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE
