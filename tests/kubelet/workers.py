"""From what the API server says to pods that run: one worker for each pod, which sees only the latest state."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import aiohttp

from tests.kubelet.apiserver import MERGE, ApiServer, Changed, Event, Listed
from tests.kubelet.errors import ApiError
from tests.kubelet.plan import NodePlan
from tests.kubelet.pods import Pods

Document: TypeAlias = Mapping[str, Any]

_LOG = logging.getLogger(__name__)
_PODS = "/api/v1/pods"
_NOT_FOUND, _CONFLICT = 404, 409
_ENDED = frozenset(("Succeeded", "Failed"))
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class Workers:
    """All workers; everything here happens in one event loop, but for what takes time in the kernel."""

    def __init__(self, api: ApiServer, pods: Pods, plans: Sequence[NodePlan]) -> None:
        self._api = api
        self._pods = pods
        self._nodes = frozenset(plan.name for plan in plans)
        self._workers: dict[str, tuple[_Worker, asyncio.Task[None]]] = {}
        # A pod that was deleted by force may still be on its way down when the next of its name comes.
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}

    async def follow(self) -> None:
        """Run the pods of our nodes, for ever."""
        async for event in self._api.follow(_PODS, fieldSelector="spec.nodeName!="):
            self._see(event)

    async def close(self) -> None:
        """Leave all pods as they are; when this returns, nothing is under way."""
        tasks = [task for _, task in self._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _see(self, event: Event) -> None:
        match event:
            case Changed(pod, gone):
                self._learn(pod, gone=gone)
            case Listed(pods):
                for pod in pods:
                    if self._is_ours(pod):
                        self._pods.expect(pod)
                for pod in pods:
                    self._learn(pod, gone=False)
                there = {pod["metadata"]["uid"] for pod in pods}
                for uid, (worker, _) in self._workers.items():
                    if uid not in there:
                        worker.learn(None)

    def _is_ours(self, pod: Document) -> bool:
        return pod["spec"].get("nodeName") in self._nodes

    def _learn(self, pod: Document, *, gone: bool) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._workers:
            self._workers[uid][0].learn(None if gone else pod)
        elif not gone and self._is_ours(pod):
            key = pod["metadata"]["namespace"], pod["metadata"]["name"]
            worker = _Worker(self._api, self._pods, self._turns.setdefault(key, asyncio.Lock()), pod)
            task = asyncio.create_task(worker.run())
            self._workers[uid] = worker, task
            task.add_done_callback(lambda done: self._forget(uid, done))

    def _forget(self, uid: str, task: "asyncio.Task[None]") -> None:
        del self._workers[uid]
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("pod %s is left alone", uid, exc_info=error)


class _Worker:
    """Brings one pod to where it should be, again whenever something has changed."""

    def __init__(self, api: ApiServer, pods: Pods, turn: asyncio.Lock, pod: Document) -> None:
        self._api = api
        self._pods = pods
        self._turn = turn
        self._pod: Document | None = pod
        self._uid = str(pod["metadata"]["uid"])
        self._path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._told: Document = {}

    def learn(self, pod: Document | None) -> None:
        """Take note of the pod's latest state; none means that it has gone."""
        self._pod = pod
        self._wake.set()

    async def run(self) -> None:
        """Work until the pod has gone or ended."""
        async with self._turn:
            pause = _FIRST_PAUSE
            while True:
                self._wake.clear()
                try:
                    if await self._step():
                        return
                except (ApiError, aiohttp.ClientError, TimeoutError) as error:
                    _LOG.warning("%s: %s; trying again in %g s", self._path, error, pause)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                else:
                    pause = _FIRST_PAUSE
                    await self._wake.wait()

    async def _step(self) -> bool:
        """Do what has to be done now; say whether nothing is left to do for ever."""
        pod = self._pod
        if pod is None:
            await _in_thread(lambda: self._pods.stop(self._uid))
            return True
        if pod["metadata"].get("deletionTimestamp"):
            await _in_thread(lambda: self._pods.stop(self._uid))
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self._uid}}
            await self._ask("DELETE", self._path, options)
            return True
        if self._uid not in self._pods:
            if pod.get("status", {}).get("phase") in _ENDED:
                return True
            await _in_thread(lambda: self._pods.start(pod, self._changed))
        status = self._pods.status(pod)
        if status != self._told:
            await self._ask(
                "PATCH", f"{self._path}/status", {"metadata": {"uid": self._uid}, "status": status}, kind=MERGE
            )
            self._told = status
        if status["phase"] in _ENDED:
            await _in_thread(lambda: self._pods.stop(self._uid))
            return True
        return False

    async def _ask(self, method: str, path: str, body: Document, kind: str = "application/json") -> None:
        """Ask for a change of this very pod; if it has gone meanwhile, that is soon told."""
        try:
            await self._api.request(method, path, body, kind=kind)
        except ApiError as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise

    def _changed(self) -> None:
        self._loop.call_soon_threadsafe(self._wake.set)


async def _in_thread(function: Callable[[], None]) -> None:
    """Run what blocks; who cancels this waits for its end, so that nothing goes on unseen."""
    task = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
