"""Calls to the API server: documents out, documents in, in threads that nobody waits for in the event loop."""

import asyncio
import json
import urllib.parse
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

import kubernetes
import urllib3

from anp.api.objects import Resource

Document: TypeAlias = dict[str, Any]

JSON, MERGE = "application/json", "application/merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

TIMEOUT = urllib3.Timeout(connect=5.0, read=20.0)
PAGE = 1000
"""How many objects of a list come at once."""
THREADS = 16

NOT_FOUND, CONFLICT, INVALID, FORBIDDEN, EXPIRED = 404, 409, 422, 403, 410


class CallError(Exception):
    """The API server refused, or did not answer; `code` is the one of HTTP, or 0 if there was no answer."""

    def __init__(self, what: str, code: int, message: str) -> None:
        super().__init__(f"{what}: {message}")
        self.code = code


class ConfigError(Exception):
    """There is no API server to talk to: the kubeconfig, or what a pod is given, cannot be read."""


def configured(kubeconfig: str, context: str = "") -> kubernetes.client.Configuration:
    """Read how to reach the API server: from a kubeconfig, or if none is named from what a pod is given.

    Raises:
        ConfigError: that cannot be read.

    """
    configuration = kubernetes.client.Configuration()
    config: Any = kubernetes.config  # its functions have no types
    try:
        if kubeconfig:
            config.load_kube_config(kubeconfig, context or None, client_configuration=configuration)
        else:
            config.load_incluster_config(client_configuration=configuration)
    except (kubernetes.config.ConfigException, OSError, ValueError, TypeError) as error:
        where = f"the kubeconfig {kubeconfig}" if kubeconfig else "the service account of this pod"
        raise ConfigError(f"{where} cannot be used: {error}") from None
    return configuration


def bearer(configuration: kubernetes.client.Configuration) -> dict[str, str]:
    """Return the headers that say who calls; tokens that are renewed are read anew."""
    settings: Any = configuration.auth_settings()
    return {auth["key"]: auth["value"] for auth in settings.values() if auth["in"] == "header"}


class Client:
    """Calls one API server; threads may share it. Nothing is tried twice."""

    def __init__(self, configuration: kubernetes.client.Configuration) -> None:
        self._configuration = configuration
        configuration.connection_pool_maxsize = THREADS
        self._client = kubernetes.client.ApiClient(configuration)
        self._pool: urllib3.PoolManager = self._client.rest_client.pool_manager
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")

    def close(self) -> None:
        """Close every connection, and wait for no answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.clear()

    async def call(self, method: str, path: str, body: object = None, content: str = JSON, **query: object) -> Document:
        """Send a request and return the document that comes back.

        Raises:
            CallError: it is refused, or there is no answer.

        """
        ask = partial(self.request, method, path, body, content, accept=JSON, query=query)
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    def request(  # noqa: PLR0913 - the parts of a request
        self, method: str, path: str, body: object, content: str, *, accept: str, query: Mapping[str, object]
    ) -> Document:
        """Send a request, as `call` does, and wait for the answer."""
        what = f"{method} {path}"
        url = self._configuration.host.rstrip("/") + path
        if query:
            url += f"?{urllib.parse.urlencode(query)}"
        try:
            answer = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body, separators=(",", ":")).encode(),
                headers={"Accept": accept, "Content-Type": content, "User-Agent": "anp", **bearer(self._configuration)},
                timeout=TIMEOUT,
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise CallError(what, 0, f"no answer: {error}") from None
        try:
            read = json.loads(answer.data)
        except ValueError:
            read = {"message": answer.data[:200].decode(errors="replace")}
        document: Document = read if isinstance(read, dict) else {"message": str(read)[:200]}
        if answer.status >= 400:
            raise CallError(what, answer.status, f"{answer.status} {document.get('message') or answer.reason}")
        return document

    async def listed(self, resource: Resource, *, whole: bool = True, **query: object) -> list[Document]:
        """Return all objects of a kind, or their metadata only.

        Raises:
            CallError: the API server refuses, or does not answer.

        """
        accept = JSON if whole else METADATA

        def ask() -> list[Document]:
            found: list[Document] = []
            more: dict[str, object] = {"limit": PAGE, **query}
            while True:
                page = self.request("GET", path_of(resource), None, JSON, accept=accept, query=more)
                found += page.get("items") or ()
                follow = (page.get("metadata") or {}).get("continue")
                if not follow:
                    return found
                more["continue"] = follow

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)


def path_of(resource: Resource, name: str = "", namespace: str = "") -> str:
    """Return where a kind, or one object of it, is found."""
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    scope = f"/namespaces/{urllib.parse.quote(namespace, safe='')}" if namespace else ""
    return f"{root}{scope}/{resource.plural}" + (f"/{urllib.parse.quote(name, safe='')}" if name else "")
