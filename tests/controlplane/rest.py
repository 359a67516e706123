"""A small client of the API: documents in, documents out, and nothing in between."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
import yaml

Document = dict[str, Any]

MANAGER = "tests"
JSON, APPLY, MERGE = "application/json", "application/apply-patch+yaml", "application/merge-patch+json"
# Who waits for an answer waits long; a test that lets the API server hang says how long.
TIMEOUT = 30.0


class RefusedError(Exception):
    """The API server says no; `code` is the one of HTTP and `status` the Status object that explains it."""

    def __init__(self, method: str, path: str, code: int, status: Document) -> None:
        super().__init__(f"{method} {path}: {code} {status.get('message') or status}")
        self.code = code
        self.status = status

    @property
    def reason(self) -> str:
        """The word for programs, such as `Forbidden`."""
        return str(self.status.get("reason", ""))


class Rest:
    """Calls an API server as somebody: the user of a kubeconfig, as `ControlPlane.kubeconfig` writes them.

    Threads may share it. Nothing is ever tried twice, so a test sees what a first call sees.
    """

    def __init__(self, kubeconfig: Path, timeout: float = TIMEOUT) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server: str = cluster["server"]
        self._pool = urllib3.PoolManager(
            ca_certs=cluster["certificate-authority"],
            cert_file=user.get("client-certificate"),
            key_file=user.get("client-key"),
            headers={"Authorization": f"Bearer {user['token']}"} if "token" in user else {},
            timeout=urllib3.Timeout(timeout),
            retries=False,
            maxsize=8,
        )
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()

    def request(self, method: str, path: str, body: Any = None, content: str = JSON, **query: Any) -> Document:
        """Send a request and return the document that comes back.

        Raises:
            RefusedError: the answer is an error of the API server's.
            urllib3.exceptions.HTTPError: there is no answer.

        """
        answer = self._send(method, path, body, content, query, preload=True)
        document: Document = _document(answer.data)
        if answer.status >= 400:
            raise RefusedError(method, path, answer.status, document)
        return document

    def warned(self, path: str, document: Mapping[str, Any], **query: Any) -> list[str]:
        """Apply a document, and return the warnings that come with the answer.

        Raises:
            RefusedError: it is refused.

        """
        query = {"fieldManager": MANAGER, "force": "true", **query}
        answer = self._send("PATCH", path, document, APPLY, query, preload=True)
        if answer.status >= 400:
            raise RefusedError("PATCH", path, answer.status, _document(answer.data))
        return [_unquoted(each) for each in answer.headers.getlist("Warning")]

    def get(self, path: str, **query: Any) -> Document:
        """Read an object or a list."""
        return self.request("GET", path, **query)

    def create(self, document: Mapping[str, Any], **query: Any) -> Document:
        """Create an object that is not there yet."""
        return self.request("POST", self.path(document).rpartition("/")[0], document, **query)

    def update(self, document: Mapping[str, Any], **query: Any) -> Document:
        """Replace an object."""
        return self.request("PUT", self.path(document), document, **query)

    def merge(self, path: str, change: Mapping[str, Any], **query: Any) -> Document:
        """Change some fields of an object; null removes one."""
        return self.request("PATCH", path, change, MERGE, **query)

    def delete(self, path: str, **query: Any) -> Document:
        """Delete an object, or begin to."""
        return self.request("DELETE", path, **query)

    def apply(self, *documents: Mapping[str, Any]) -> list[Document]:
        """Make objects as these documents say, whether they are there or not, in this order."""
        query = {"fieldManager": MANAGER, "force": "true"}
        return [self.request("PATCH", self.path(document), document, APPLY, **query) for document in documents]

    def exists(self, path: str) -> bool:
        """Say whether there is such an object, or such a collection."""
        try:
            self.get(path)
        except RefusedError as error:
            if error.code == 404:
                return False
            raise
        return True

    @contextmanager
    def watch(self, path: str, version: str, **query: Any) -> Iterator[Iterable[Document]]:
        """Watch a collection from a resource version on: an iterator over events, which ends when the server ends it.

        An expired version is an `ERROR` event whose object has the code 410, or `RefusedError` with that code.
        """
        answer = self._send(
            "GET", path, None, JSON, {"watch": "true", "resourceVersion": version, **query}, preload=False
        )
        try:
            if answer.status >= 400:
                raise RefusedError("GET", path, answer.status, _document(answer.read()))
            yield _events(answer)
        finally:
            answer.close()

    def path(self, document: Mapping[str, Any]) -> str:
        """Return where an object is, asking the server for the name of its resource.

        Raises:
            LookupError: the server does not know that kind.

        """
        root, namespaced = self._resource(document["apiVersion"], document["kind"])
        metadata = document["metadata"]
        if namespaced:
            base, _, plural = root.rpartition("/")
            root = f"{base}/namespaces/{quote(metadata.get('namespace', 'default'), safe='')}/{plural}"
        return f"{root}/{quote(metadata['name'], safe='')}"

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        if (api_version, kind) not in self._resources:
            base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
            for resource in self.get(base)["resources"]:
                if "/" not in resource["name"]:
                    known = f"{base}/{resource['name']}", resource["namespaced"]
                    self._resources[api_version, resource["kind"]] = known
        try:
            return self._resources[api_version, kind]
        except KeyError:
            raise LookupError(f"{self.server} knows no {kind} of {api_version}") from None

    def _send(
        self, method: str, path: str, body: Any, content: str, query: Mapping[str, Any], *, preload: bool
    ) -> urllib3.BaseHTTPResponse:
        return self._pool.request(
            method,
            f"{self.server}{path}" + (f"?{urlencode(query)}" if query else ""),
            body=None if body is None else json.dumps(body).encode(),
            headers={**self._pool.headers, "Content-Type": content, "Accept": JSON},
            preload_content=preload,
        )


def _document(data: bytes) -> Document:
    """Read an answer; the server's own pages, such as /readyz, are plain text."""
    try:
        read = json.loads(data)
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"message": data.decode(errors="replace")}


def _unquoted(warning: str) -> str:
    """Return the text of a header ``Warning: 299 - "text"``."""
    quoted = warning.partition('"')[2].removesuffix('"')
    return quoted.replace('\\"', '"').replace("\\\\", "\\")


def _events(answer: urllib3.BaseHTTPResponse) -> Iterator[Document]:
    rest = b""
    # Not stream(): it waits until a chunk of its size is full.
    while data := answer.read1():
        *lines, rest = (rest + data).split(b"\n")
        yield from (json.loads(line) for line in lines if line)
