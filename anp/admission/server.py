"""The webhook's own server: AdmissionReviews over TLS, and nothing else.

Anybody may connect, so the size of a question is bounded, how many there are at once, and the time for each.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from anp.admission.measures import Measures
from anp.admission.review import ReviewError, read_review
from anp.admission.worker import Worker

log = logging.getLogger(__name__)

PATH = "/review"
MOST_BYTES = 8 * 1024 * 1024
"""Of a question: two versions of an object, of which an API server takes 3 MiB at most."""
MOST_AT_ONCE = 32
_MARGIN = 0.7
"""The part of what the API server waits that we may take."""
_SECONDS = re.compile(r"(\d{1,3})s")


def budget_of(timeout: str, budget: float) -> float:
    """Return how long one may take; `timeout` is what the API server says that it waits, such as ``3s``."""
    match = _SECONDS.fullmatch(timeout)
    return min(budget, _MARGIN * int(match[1])) if match else budget


@asynccontextmanager
async def listening(
    address: tuple[str, int], context: ssl.SSLContext, worker: Worker, budget: float, measures: Measures
) -> AsyncIterator[int]:
    """Answer as long as the context lasts; give the port, which is another one than asked for if that was 0.

    Raises:
        OSError: one cannot listen there.

    """
    application = web.Application(client_max_size=MOST_BYTES)
    application.router.add_post(PATH, _handler(worker, budget, measures))
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=3.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address[0] or None, address[1], ssl_context=context)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _handler(
    worker: Worker, budget: float, measures: Measures
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def review(request: web.Request) -> web.StreamResponse:
        if room.locked():
            return web.Response(status=503, text="too many questions at once\n")
        async with room:
            began = asyncio.get_running_loop().time()
            seconds = budget_of(request.query.get("timeout", ""), budget)
            try:
                # Who sends slowly has had his time.
                async with asyncio.timeout(seconds):
                    body = await request.read()
                    asked = await asyncio.to_thread(read_review, body)
            except ReviewError as error:
                return web.Response(status=400, text=f"{error}\n")
            except TimeoutError:
                return web.Response(status=408, text="this takes too long\n")
            left = seconds - (asyncio.get_running_loop().time() - began)
            answered = await worker.answer(asked, max(left, 0.0))
            measures.reviews.labels(answered.result).inc()
            measures.seconds.observe(asyncio.get_running_loop().time() - began)
            return web.json_response(answered.document)

    return review
