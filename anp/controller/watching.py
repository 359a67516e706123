"""Watching the API server, by kopf: its handlers take down what happened and do nothing else.

It runs in a thread with an event loop of its own, so that a flood of events delays neither the Lease nor the health
checks. Kinds that every API server has are watched by one operator. The policy kinds, which come and go, are watched by
another one, which begins anew when they do: what is served is asked for each time, and nothing is guessed.
"""

import asyncio
import itertools
import logging
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import kopf
import kubernetes

from anp.api.objects import Resource
from anp.controller.client import NOT_FOUND, CallError, Client, bearer
from anp.controller.kinds import BUILT_IN, CRDS, CUSTOM, crd_name
from anp.observability.backoff import Backoff

log = logging.getLogger(__name__)

ASKED = 10.0
"""Seconds between two questions which kinds are served, where there is no other reason to ask."""

_LATER = (0.0, 0.5, 2.0)
"""When to look again which kinds are served after a definition changed, in seconds: it takes a moment."""

Deliver = Callable[[Resource, str | None, dict[str, Any]], None]


class Watching:
    """Tells of every object of the kinds that are served, and calls `defined` when definitions of ours change.

    Both are called in the thread that watches.
    """

    def __init__(
        self,
        connect: Callable[[], kubernetes.client.Configuration],
        client: Client,
        deliver: Deliver,
        defined: Callable[[Resource], None],
    ) -> None:
        self._connect = connect
        self._client = client
        self._deliver = deliver
        self._defined = defined
        self._thread = threading.Thread(target=self._live, name="watching", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._served: frozenset[Resource] = frozenset()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for that."""
        if self._loop and self._main:
            self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(10)

    @property
    def alive(self) -> bool:
        """Whether it watches, or tries to."""
        return self._thread.is_alive()

    def again(self, resource: Resource) -> None:
        """Begin anew for a kind that is not heard of although it should be; from any thread."""
        if self._loop and resource in CUSTOM:
            self._served -= {resource}
            self._loop.call_soon_threadsafe(self._changed.set)

    def _live(self) -> None:
        try:
            asyncio.run(self._watch())
        except asyncio.CancelledError:
            pass
        except BaseException:
            log.exception("watching ended, which it must not")
            raise

    async def _watch(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(lambda: frozenset({*BUILT_IN, CRDS})))
            group.create_task(self._follow_custom())

    async def _follow_custom(self) -> None:
        """Watch the kinds that are served, and see to it that they are."""
        watching: asyncio.Task[None] | None = None
        backoff = Backoff()
        try:
            while True:
                self._changed.clear()
                try:
                    served = await self._discover()
                except CallError as error:
                    log.warning("cannot ask which kinds are served: %s", error)
                    await asyncio.sleep(backoff.next())
                    self._changed.set()
                    continue
                backoff.reset()
                if served != self._served or watching is None:
                    if watching:
                        await _ended(watching)
                    came, self._served = served - self._served, served
                    for resource in came:
                        self._defined(resource)
                    log.info("watching %s", ", ".join(sorted(r.kind for r in served)) or "no kinds of policies")
                    watching = asyncio.create_task(self._keep(lambda: self._served))
                # A definition may be served later than it was told of.
                with suppress(TimeoutError):
                    async with asyncio.timeout(ASKED):
                        await self._changed.wait()
        finally:
            if watching:
                await _ended(watching)

    async def _discover(self) -> frozenset[Resource]:
        served: set[Resource] = set()
        for group, version in {(resource.group, resource.version) for resource in CUSTOM}:
            try:
                found = await self._client.call("GET", f"/apis/{group}/{version}")
            except CallError as error:
                if error.code != NOT_FOUND:
                    raise
                continue
            plurals = {entry.get("name") for entry in found.get("resources") or ()}
            served |= {r for r in CUSTOM if (r.group, r.version) == (group, version) and r.plural in plurals}
        return frozenset(served)

    async def _keep(self, kinds: Callable[[], frozenset[Resource]]) -> None:
        """Watch these kinds, again after whatever ended it."""
        backoff = Backoff()
        while True:
            resources = kinds()
            if not resources:
                return
            began = asyncio.get_running_loop().time()
            try:
                await kopf.operator(
                    registry=self._registry(resources), settings=_settings(), clusterwide=True, standalone=True
                )
                log.warning("a watch has ended")
            except Exception as error:  # noqa: BLE001 - whatever it is, the answer is to begin anew
                log.warning("a watch has failed: %s", _root(error))
            if asyncio.get_running_loop().time() - began > 60:
                backoff.reset()
            # What failed may have been a kind that is not served any more.
            self._changed.set()
            await asyncio.sleep(backoff.next())

    def _registry(self, resources: frozenset[Resource]) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        for resource in sorted(resources, key=lambda resource: resource.plural):
            handle = self._on_definition if resource is CRDS else self._taking_down(resource)
            kopf.on.event(
                resource.group, resource.version, resource.plural, registry=registry, id=f"put-{resource.plural}"
            )(handle)
        return registry

    async def _login(self, **_: Any) -> kopf.ConnectionInfo:
        configuration = await asyncio.to_thread(self._connect)
        scheme, _space, token = bearer(configuration).get("authorization", "").partition(" ")
        return kopf.ConnectionInfo(
            server=configuration.host,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            scheme=scheme or None,
            token=token or None,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
        )

    def _taking_down(self, resource: Resource) -> Any:
        # Not `partial`: kopf has a `resource` of its own for its handlers.
        async def take_down(event: Any, **_: Any) -> None:
            self._deliver(resource, event["type"], event["object"])

        return take_down

    async def _on_definition(self, event: Any, name: str, **_: Any) -> None:
        for resource in CUSTOM:
            if crd_name(resource) == name and event["type"] is not None:
                for later in _LATER:
                    asyncio.get_running_loop().call_later(later, self._look_again, resource)

    def _look_again(self, resource: Resource) -> None:
        self._changed.set()
        self._defined(resource)


class _Backoffs:
    """How long kopf waits before it asks again: it never gives up, so that what was refused may be allowed later."""

    def __iter__(self) -> Iterator[float]:
        growing = (0.1, 0.25, 0.5, 1.0, 2.0)
        return (delay * random.uniform(0.5, 1.0) for delay in itertools.chain(growing, itertools.repeat(3.0)))  # noqa: S311


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # we see to that ourselves
    settings.process.ultimate_exiting_timeout = None
    settings.watching.chunk_size = 1000
    settings.watching.connect_timeout = 5
    settings.watching.server_timeout = 600
    settings.watching.reconnect_backoff = 0.05
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = _Backoffs()
    settings.queueing.exit_timeout = 0.5
    return settings


async def _ended(task: asyncio.Task[None]) -> None:
    # kopf may be deaf to it while it begins, so it is said again; news of one that stays is news all the same.
    for _attempt in range(5):
        task.cancel()
        done, _running = await asyncio.wait([task], timeout=1)
        if done:
            return
    log.warning("a watch does not end, and is left behind")


def _root(error: BaseException) -> str:
    while error.__cause__:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"[:300]
