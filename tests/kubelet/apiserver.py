"""The API server as the kubelet sees it: requests, and a watch that goes on whatever happens."""

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

from tests.kubelet.errors import ApiError, GoneError

Document: TypeAlias = dict[str, Any]

MERGE = "application/merge-patch+json"

_LOG = logging.getLogger(__name__)
_GONE = 410
_AT_ONCE = 32
_LONGEST_WATCH = 300
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_LONGEST_LINE = 1 << 23


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects that there are; what was seen before and is not among them has gone."""

    items: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object is new or another one than before, or has gone."""

    object: Document
    gone: bool


Event: TypeAlias = Listed | Changed


class ApiServer:
    """Requests with the rights of a kubeconfig's current context, from `open` to `close`."""

    def __init__(self, kubeconfig: Path) -> None:
        self._configuration = Configuration()
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig), client_configuration=self._configuration
        )
        self._session: aiohttp.ClientSession | None = None
        self._sockets: list[socket.socket] = []

    async def open(self) -> None:
        """Get ready; nothing is sent yet."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_AT_ONCE, ssl=_tls(self._configuration), socket_factory=self._new_socket
            ),
            headers=_headers(self._configuration),
            read_bufsize=_LONGEST_LINE,
            timeout=aiohttp.ClientTimeout(total=60),
        )

    async def close(self) -> None:
        """Let go of all connections, and wait until they are closed."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            # The session has forgotten those that were cut off before: they wait for the server to say goodbye.
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            while any(each.fileno() >= 0 for each in self._sockets):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.005)
            self._sockets.clear()

    @property
    def authority(self) -> Path | None:
        """The certificates that the kubeconfig trusts."""
        return Path(self._configuration.ssl_ca_cert) if self._configuration.ssl_ca_cert else None

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        kind: str = "application/json",
        parameters: Mapping[str, str] | None = None,
    ) -> Document:
        """Send one request and return what is answered.

        Raises:
            ApiError: it was refused.
            aiohttp.ClientError, TimeoutError: there was no answer.

        """
        data = None if body is None else json.dumps(body)
        async with self._opened().request(
            method, self._url(path), data=data, params=parameters or {}, headers={"Content-Type": kind}
        ) as response:
            await _refuse_failure(response)
            answer: Document = await response.json(content_type=None)
            return answer

    async def follow(self, path: str, **parameters: str) -> AsyncIterator[Event]:
        """Yield what is there, and then every change; where changes were missed, what is there once more.

        It never ends, and waits for an API server that is not there.
        """
        version, pause = "", _FIRST_PAUSE
        while True:
            try:
                if not version:
                    listed = await self.request("GET", path, parameters=parameters)
                    version = listed["metadata"]["resourceVersion"]
                    yield Listed(tuple(listed.get("items") or ()))
                async with aclosing(self._watch(path, version, parameters)) as events:
                    async for event in events:
                        version, pause = event["object"]["metadata"]["resourceVersion"], _FIRST_PAUSE
                        if event["type"] != "BOOKMARK":
                            yield Changed(event["object"], gone=event["type"] == "DELETED")
            except GoneError:
                _LOG.info("%s: versions after %s are gone; listing again", path, version)
                version = ""
            except (ApiError, aiohttp.ClientError, TimeoutError, ValueError) as error:
                _LOG.warning("%s: %s; trying again in %g s", path, error, pause)
            else:
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _watch(self, path: str, version: str, parameters: Mapping[str, str]) -> AsyncGenerator[Document, None]:
        """Yield changes after `version`, bookmarks among them, until the API server has had enough."""
        wanted = {
            **parameters,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_LONGEST_WATCH),
        }
        # A server that hangs says nothing either; one that lives ends the watch in time.
        timeout = aiohttp.ClientTimeout(total=_LONGEST_WATCH + 30, sock_connect=10)
        async with self._opened().get(self._url(path), params=wanted, timeout=timeout) as response:
            await _refuse_failure(response)
            async for line in response.content:
                event: Document = json.loads(line)
                if event["type"] == "ERROR":
                    _refuse(int(event["object"].get("code") or 0), event["object"].get("message", ""))
                yield event

    def _new_socket(self, info: Any) -> socket.socket:
        self._sockets = [each for each in self._sockets if each.fileno() >= 0]
        made = socket.socket(*info[:3])
        self._sockets.append(made)
        return made

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the connection to the API server is not open")
        return self._session

    def _url(self, path: str) -> str:
        return f"{self._configuration.host.rstrip('/')}{path}"


async def _refuse_failure(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    text = await response.text()
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = text[:200]
    _refuse(response.status, message)


def _refuse(status: int, message: str) -> None:
    raise (GoneError if status == _GONE else ApiError)(status, message)


def _tls(configuration: Configuration) -> ssl.SSLContext | bool:
    if not configuration.host.startswith("https:"):
        return True
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _headers(configuration: Configuration) -> dict[str, str]:
    settings: Mapping[str, Any] = configuration.auth_settings()
    return {item["key"]: item["value"] for item in settings.values() if item["in"] == "header"}
