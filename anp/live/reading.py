"""All that policies can tell apart in a running cluster, read once through its API server. Only reading calls are made.

What may not be read, or is served in no version that we know, is an error and never taken for nothing: an answer about
part of a cluster would be a guess.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anp import api
from anp.api.objects import Resource
from anp.controller.client import (
    EXPIRED,
    FORBIDDEN,
    JSON,
    NOT_FOUND,
    CallError,
    Client,
    ConfigError,
    Document,
    configured,
    path_of,
)
from anp.controller.kinds import BUILT_IN, POLICIES
from anp.live.observed import Observed, observe
from anp.sources.diagnostics import Diagnostic, Severity, diagnostic
from anp.sources.manifests import Manifests

PAGE = 500
"""How many objects of a list come at once."""
_AGAIN = 3
"""How often a list is begun that takes longer than the server remembers the moment at which it began."""
_TOLD = 5000
"""After how many objects of a kind somebody who waits hears of it again."""
_UNAUTHORIZED = 401
_GROUP = POLICIES[0].group
_RULES = "kubectl auth can-i list RESOURCE --all-namespaces tells which of these you have"

Tell = Callable[[str], None]


class LiveError(Exception):
    """The cluster cannot be read; the message names the server, says what is missing, and what would help."""


def read(
    kubeconfig: str = "", context: str = "", *, services: bool = False, tell: Tell = lambda _text: None
) -> Manifests:
    """Read a cluster: objects in the order of kinds, with what there is to say about them.

    Services are read where they are asked for, as only the way to one needs them. `tell` hears what is being done.

    Raises:
        ConfigError: there is no such kubeconfig or context, or it cannot be used.
        LiveError: the cluster cannot be read, or not all of it.

    """
    configuration = configured(kubeconfig_path(kubeconfig, context), context)
    client = Client(configuration)
    try:
        return _Reader(client, server_of(configuration.host), tell).read(services=services)
    finally:
        client.close()


def kubeconfig_path(kubeconfig: str, context: str = "") -> str:
    """Return which kubeconfig counts: the one named, $KUBECONFIG, ~/.kube/config; empty in a pod that has none.

    Raises:
        ConfigError: there is none, and this is no pod that could do without.

    """
    if kubeconfig:
        return kubeconfig
    if named := os.environ.get("KUBECONFIG", ""):
        return named
    usual = Path("~/.kube/config").expanduser()
    if usual.exists():
        return str(usual)
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        if context:
            raise ConfigError("a pod's service account has no contexts; name a kubeconfig with --kubeconfig")
        return ""
    raise ConfigError(f"there is no kubeconfig: none is named, $KUBECONFIG is not set, and {usual} is not there")


def server_of(host: str) -> str:
    """Return how to name a server in messages: its address, without what an URL may have of a user."""
    parts = urlsplit(host)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else host


class _Reader:
    def __init__(self, client: Client, server: str, tell: Tell) -> None:
        self._client = client
        self._server = server
        self._tell = tell
        self._diagnostics: list[Diagnostic] = []

    def read(self, *, services: bool) -> Manifests:
        """Read every kind, and only then complain, so that all missing rights are told at once."""
        objects: list[Observed] = []
        forbidden: list[Resource] = []
        wanted = (*BUILT_IN, *self._served(), *((api.Service.resource,) if services else ()))
        for resource in wanted:
            try:
                objects += self._all(resource)
            except CallError as error:
                if error.code != FORBIDDEN:
                    raise self._trouble(error, f"{resource.plural} cannot be read") from None
                forbidden.append(resource)
        if forbidden:
            raise LiveError(self._rights(forbidden))
        return Manifests(tuple(objects), tuple(sorted(self._diagnostics)))

    def _served(self) -> tuple[Resource, ...]:
        """Return the policy kinds that the server has; those that it has in other versions only are an error."""
        served: dict[str, set[str]] = {}
        kinds: dict[str, str] = {}
        for version in self._versions():
            for entry in self._discovered(f"/apis/{_GROUP}/{version}", "APIResourceList").get("resources") or ():
                plural = str(entry.get("name") or "")
                if "/" not in plural:
                    served.setdefault(plural, set()).add(version)
                    kinds[plural] = str(entry.get("kind") or plural)
        for resource in POLICIES:
            versions = served.pop(resource.plural, {resource.version})
            if resource.version not in versions:
                there = ", ".join(sorted(versions))
                raise LiveError(
                    f"{self._server} has {resource.plural} of {_GROUP} only in {there}, "
                    f"and this version of anp reads {resource.version}: a newer one may help"
                )
        for plural in sorted(served):
            message = f"the cluster has {kinds[plural]} of {_GROUP}, which is not read and not enforced"
            self._diagnostics.append(diagnostic(Severity.WARNING, message))
        return tuple(resource for resource in POLICIES if resource.plural in kinds)

    def _versions(self) -> list[str]:
        group = self._discovered(f"/apis/{_GROUP}", "APIGroup")
        return [str(entry["version"]) for entry in group.get("versions") or ()]

    def _discovered(self, path: str, kind: str) -> Document:
        """Return what the server says that it serves there; nothing where it does not know the path."""
        try:
            found = self._client.request("GET", path, None, JSON, accept=JSON, query={})
        except CallError as error:
            if error.code == NOT_FOUND:
                return {}
            raise self._trouble(error, "it does not say which kinds it serves") from None
        if found.get("kind") != kind:
            raise LiveError(f"{self._server} answers GET {path} with something that no API server says")
        return found

    def _all(self, resource: Resource) -> list[Observed]:
        self._tell(f"reading {resource.plural} from {self._server}")
        for attempt in range(_AGAIN):
            try:
                return self._objects(resource)
            except CallError as error:
                if error.code != EXPIRED or attempt == _AGAIN - 1:
                    raise
        raise AssertionError

    def _objects(self, resource: Resource) -> list[Observed]:
        objects: list[Observed] = []
        said: list[Diagnostic] = []
        for count, document in enumerate(self._listed(resource), 1):
            found, told = observe(resource, document)
            said += told
            objects += [found] if found else []
            if count % _TOLD == 0:
                self._tell(f"{count} {resource.plural}")
        self._diagnostics += said
        return objects

    def _listed(self, resource: Resource) -> Iterator[Document]:
        query: dict[str, object] = {"limit": PAGE}
        while True:
            page: Any = self._client.request("GET", path_of(resource), None, JSON, accept=JSON, query=query)
            items = [] if page.get("items") is None else page["items"]
            listed = isinstance(items, list) and all(isinstance(entry, dict) for entry in items)
            if page.get("kind") != f"{resource.kind}List" or not listed:
                raise LiveError(f"{self._server} answers with something that is no list of {resource.plural}")
            yield from items
            follow = (page.get("metadata") or {}).get("continue")
            if not follow:
                return
            query["continue"] = follow

    def _trouble(self, error: CallError, what: str) -> LiveError:
        if error.code == 0:
            return LiveError(f"{self._server} does not answer: {error}; is this the right --kubeconfig and --context?")
        if error.code == _UNAUTHORIZED:
            return LiveError(
                f"{self._server} does not accept who calls; log in again, or name another --kubeconfig or --context"
            )
        return LiveError(f"{self._server}: {what}: {error}")

    def _rights(self, forbidden: Iterable[Resource]) -> str:
        names = ", ".join(f"{each.plural}.{each.group}" if each.group else each.plural for each in forbidden)
        return (
            f"{self._server} does not let you list {names} in the whole cluster, and answers depend on them; "
            f"ask for a ClusterRole with the verb list on them ({_RULES})"
        )
