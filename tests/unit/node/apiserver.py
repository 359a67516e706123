"""The API server's twin behind HTTP, as far as an agent calls it, with every kind of trouble."""

import asyncio
import json
from contextlib import asynccontextmanager

import kubernetes
from aiohttp import web

from anp.transport import Limits
from tests.apitwin import ApiTwin, RefusedError
from tests.publishing import TwinPublisher, state

GROUP = "/apis/engine.anp.internal/v1alpha1"


class ApiServer:
    """Serves an `ApiTwin`. Whatever is asked is in `asked`; `trouble` may answer in its place, or hold it up."""

    def __init__(self):
        self.twin = ApiTwin()
        self.publisher = TwinPublisher(self.twin, Limits(changes=8))
        self.asked = []
        self.reports = []
        self.trouble = None
        self.hanging = asyncio.Event()
        self.hanging.set()
        self.deaf = False
        """Whether watches tell of nothing any more."""
        self._watches = set()
        self._events = []

    def publish(self, step):
        return self.told(lambda: self.publisher.publish(state(step).generation))

    def delete(self):
        return self.told(lambda: self.twin.delete("PolicyGeneration", "current"))

    def told(self, change):
        """Change something, and let watches know."""
        before = self.twin.find("PolicyGeneration", "current")
        result = change()
        after = self.twin.find("PolicyGeneration", "current")
        if before != after:
            kind = "DELETED" if after is None else "MODIFIED" if before else "ADDED"
            self.tell({"type": kind, "object": after or before})
        return result

    def tell(self, event):
        self._events.append(event)
        for queue in self._watches:
            if not self.deaf:
                queue.put_nowait(event)

    def end_watches(self):
        for queue in self._watches:
            queue.put_nowait(None)

    @asynccontextmanager
    async def running(self):
        application = web.Application(middlewares=[self._troubled])
        application.router.add_get(f"{GROUP}/policygenerations", self._manifests)
        application.router.add_get(f"{GROUP}/generationslices/{{name}}", self._slice)
        application.router.add_patch(f"{GROUP}/nodeenforcements/{{name}}/status", self._report)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            yield kubernetes.client.Configuration(host=f"http://127.0.0.1:{port}")
        finally:
            self.hanging.set()
            self.end_watches()
            await runner.cleanup()

    @web.middleware
    async def _troubled(self, request, handler):
        what = request.path.rpartition("v1alpha1/")[2]
        self.asked.append(f"watch {what}" if "watch" in request.query else f"{request.method.lower()} {what}")
        await self.hanging.wait()
        answer = self.trouble(self.asked[-1]) if self.trouble else None
        return answer if answer is not None else await handler(request)

    async def _manifests(self, request):
        assert request.query["fieldSelector"] == "metadata.name=current"
        if "watch" in request.query:
            return await self._watch(request)
        found = self.twin.find("PolicyGeneration", "current")
        return web.json_response(
            {"metadata": {"resourceVersion": str(len(self._events))}, "items": [found] if found else []}
        )

    async def _watch(self, request):
        """Resource versions of watches are numbers of events; those that events carry begin a watch at the end."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        version = int(request.query["resourceVersion"])
        queue = asyncio.Queue()
        self._watches.add(queue)
        try:
            for event in self._missed(version):
                queue.put_nowait(event)
            while (event := await queue.get()) is not None:
                await self.hanging.wait()
                await answer.write(json.dumps(event).encode() + b"\n")
        finally:
            self._watches.discard(queue)
        return answer

    def _missed(self, version):
        versions = [event["object"].get("metadata", {}).get("resourceVersion") for event in self._events]
        known = versions.index(str(version)) + 1 if str(version) in versions else version
        return self._events[known:]

    async def _slice(self, request):
        try:
            return web.json_response(self.twin.get("GenerationSlice", request.match_info["name"]))
        except RefusedError as error:
            return refusal(error.code, str(error))

    async def _report(self, request):
        self.reports.append((request.match_info["name"], (await request.json())["status"]))
        return web.json_response({})


def refusal(code, message):
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)
