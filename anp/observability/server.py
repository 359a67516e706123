"""What a process answers about itself over HTTP: /livez (and /healthz), /readyz, and /metrics for Prometheus."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

Trouble: TypeAlias = str
"""Why something is not as it should be, for people; empty if it is."""


class AddressError(ValueError):
    """An address to listen on makes no sense; the message says why."""


def read_address(text: str) -> tuple[str, int] | None:
    """Read ``HOST:PORT``, or ``:PORT`` for all addresses; None if the text is empty, to listen nowhere.

    Raises:
        AddressError: it is neither.

    """
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise AddressError(f"{text!r} must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080, or :PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


@asynccontextmanager
async def serving(
    address: tuple[str, int] | None,
    metrics: CollectorRegistry,
    *,
    live: Callable[[], Trouble] = lambda: "",
    ready: Callable[[], Trouble] = lambda: "",
) -> AsyncIterator[int]:
    """Answer as long as the context lasts; give the port, which is another one than asked for if that was 0.

    Raises:
        OSError: one cannot listen there.

    """
    if address is None:
        yield 0
        return

    def health(question: Callable[[], Trouble]) -> Callable[[web.Request], object]:
        async def answer(_request: web.Request) -> web.Response:
            trouble = question()
            return web.Response(text=f"{trouble or 'ok'}\n", status=503 if trouble else 200)

        return answer

    async def measured(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    application = web.Application(client_max_size=1024)
    for path, answer in (("/livez", health(live)), ("/healthz", health(live)), ("/readyz", health(ready))):
        application.router.add_get(path, answer)  # type: ignore[arg-type]
    application.router.add_get("/metrics", measured)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address[0] or None, address[1])
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
