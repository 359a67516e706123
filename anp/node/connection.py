"""The API server as an agent sees it: one object to watch, some to get, one to patch.

Whoever does not answer in time is as good as gone: every wait has an end.
"""

import asyncio
import json
import ssl
import urllib.parse
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self, TypeAlias

import aiohttp
import kubernetes

from anp.controller.client import MERGE, CallError, bearer

Document: TypeAlias = dict[str, Any]

TIMEOUT = 10.0
"""Seconds that an answer may take."""
_LARGEST = 16 << 20
"""Bytes that one event of a watch may have: more than an API server keeps."""


class Connection:
    """Calls one API server; close it in the end. To be used within one event loop.

    Raises:
        OSError: files that the configuration names cannot be read, or are no certificates.

    """

    def __init__(self, configuration: kubernetes.client.Configuration, timeout: float = TIMEOUT) -> None:
        self._configuration = configuration
        self._root = configuration.host.rstrip("/")
        self._timeout = timeout
        connector = aiohttp.TCPConnector(ssl=_tls(configuration), limit=16, keepalive_timeout=60.0)
        # Environment variables about proxies have been read by the configuration.
        self._session = aiohttp.ClientSession(
            connector=connector, headers={"User-Agent": "anp-agent"}, auto_decompress=True, read_bufsize=1 << 20
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get(self, path: str, **query: str) -> Document:
        """Read an object or a list.

        Raises:
            CallError: it is refused, or there is no answer.

        """
        return await self._call("GET", path, query)

    async def merge(self, path: str, change: Document) -> Document:
        """Change some fields of an object.

        Raises:
            CallError: it is refused, or there is no answer.

        """
        return await self._call("PATCH", path, {}, change)

    @asynccontextmanager
    async def watch(self, path: str, silence: float, **query: str) -> AsyncIterator[AsyncGenerator[Document, None]]:
        """Watch a collection: give its events, which end when the server or somebody on the way ends them.

        Raises:
            CallError: it is refused, what comes is no event, or for `silence` seconds nothing comes at all.

        """
        what = f"WATCH {path}"
        try:
            async with (
                asyncio.timeout(self._timeout) as patience,
                self._sent("GET", path, {**query, "watch": "true"}, silence=silence) as answer,
            ):
                if answer.status >= 400:
                    raise await _refusal(what, answer)
                patience.reschedule(None)
                yield _events(what, answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(what, error) from None

    async def _call(self, method: str, path: str, query: Mapping[str, str], body: Document | None = None) -> Document:
        what = f"{method} {path}"
        try:
            async with asyncio.timeout(self._timeout), self._sent(method, path, query, body) as answer:
                if answer.status >= 400:
                    raise await _refusal(what, answer)
                read = json.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(what, error) from None
        except (ValueError, RecursionError):
            raise CallError(what, 0, "the answer is no JSON") from None
        if not isinstance(read, dict):
            raise CallError(what, 0, "the answer is no object")
        return read

    @asynccontextmanager
    async def _sent(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Document | None = None,
        silence: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept": "application/json", **await asyncio.to_thread(bearer, self._configuration)}
        data = None
        if body is not None:
            headers["Content-Type"] = MERGE
            data = json.dumps(body).encode()
        url = self._root + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout, sock_read=silence)
        async with self._session.request(
            method, url, headers=headers, data=data, timeout=limits, proxy=self._configuration.proxy
        ) as answer:
            yield answer


def _tls(configuration: kubernetes.client.Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


async def _events(what: str, answer: aiohttp.ClientResponse) -> AsyncGenerator[Document, None]:
    rest = b""
    async for data in answer.content.iter_any():
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > _LARGEST:
            raise CallError(what, 0, "there is an event without an end")
        for line in filter(None, lines):
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                raise CallError(what, 0, "there is an event that is no JSON") from None
            if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
                raise CallError(what, 0, "there is an event without an object")
            yield event


async def _refusal(what: str, answer: aiohttp.ClientResponse) -> CallError:
    text = await answer.text(errors="replace")
    try:
        message = json.loads(text)["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        message = text[:200] or answer.reason
    return CallError(what, answer.status, f"{answer.status} {message}")


def _no_answer(what: str, error: Exception) -> CallError:
    return CallError(what, 0, f"no answer: {str(error) or 'it took too long'}")
