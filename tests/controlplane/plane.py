"""A real control plane for tests: etcd and kube-apiserver, and controllers and a scheduler for who wants them.

    with ControlPlane(folder, binaries()) as plane:
        admin = plane.rest()
        admin.apply(namespace, pod)

Everything listens on loopback, with TLS, and every caller is authenticated and authorised (RBAC). As many planes as one
likes run side by side. A plane ends with its context, and at the latest with the process that made it.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import urllib3
import yaml

from tests.controlplane.authority import Authority
from tests.controlplane.etcd import Etcd
from tests.controlplane.process import LOOPBACK, Port, Process, StartError, wait_for
from tests.controlplane.rest import RefusedError, Rest

ADMIN, ADMINS = "admin", ("system:masters",)
SERVICE_RANGE = "10.96.0.0/16"
ISSUER = "https://kubernetes.default.svc"
# What makes and removes the objects that tests use. Nobody has to renew leases: the controller of nodes is not there.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "daemonset-controller",
    "deployment-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "replicaset-controller",
    "serviceaccount-controller",
    "statefulset-controller",
)
# Nobody takes away the taints of new nodes, as the controller that does is not there.
ALWAYS_DISABLED = ("TaintNodesByCondition",)
# It wants a ServiceAccount for every Pod, and a controller makes those.
DISABLED_WITHOUT_CONTROLLERS = ("ServiceAccount",)


class ControlPlane:
    """A control plane in a folder. Without controllers, nothing but the API server itself changes objects.

    `watch_cache=False` makes it read everything from etcd, so that what `compact_etcd` forgets is gone at once;
    `options` are more options for kube-apiserver, or others than ours.
    """

    def __init__(
        self,
        folder: Path,
        programs: Path,
        *,
        controllers: bool = False,
        scheduler: bool = False,
        watch_cache: bool = True,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True)
        self._port = Port()
        self.url = f"https://{self._port}"
        self.authority = Authority(folder / "pki")
        self.etcd = Etcd(folder, programs / "etcd", self.logs / "etcd.log")
        disabled = ALWAYS_DISABLED if controllers else ALWAYS_DISABLED + DISABLED_WITHOUT_CONTROLLERS
        ours = self._apiserver_options(disabled, watch_cache=watch_cache) | dict(options or {})
        self.apiserver = self._process(programs, "kube-apiserver", ours)
        self._others: list[Process] = []
        self._controllers = controllers
        if controllers:
            self._others.append(self._process(programs, "kube-controller-manager", self._controller_options()))
        if scheduler:
            config = self.kubeconfig("system:kube-scheduler")
            self._others.append(
                self._process(
                    programs,
                    "kube-scheduler",
                    {"kubeconfig": str(config), "leader-elect": "false", "secure-port": "0"},
                )
            )
        self._admin = self.rest()

    @property
    def processes(self) -> tuple[Process, ...]:
        """Everything that runs, or should."""
        return (self.etcd.process, self.apiserver, *self._others)

    # Life.

    def start(self) -> Self:
        """Start everything, and return once the API is ready: with controllers, for Pods in the default namespace."""
        self.etcd.process.start()
        self.start_apiserver()
        # Not earlier: before it is ready the API server refuses them, and they take their time to try again.
        for process in self._others:
            process.start()
        if self._controllers:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            wait_for(lambda: self._admin.exists(account), "the default ServiceAccount", self.processes)
        return self

    def stop(self) -> None:
        """End everything at once: nothing in the folder is meant to be used again."""
        self._admin.close()
        for process in reversed(self.processes):
            process.kill()
        self.etcd.close()
        self._port.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_ready(self) -> None:
        """Wait until the API server says that it is ready for anything."""
        try:
            wait_for(self._ready, "the API server to be ready", self.processes)
        except (StartError, TimeoutError) as error:
            raise StartError(f"{error}\n{self.said()}") from None

    def said(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(f"--- {process.name}\n{process.said()}" for process in self.processes)

    # Trouble.

    def restart_apiserver(self) -> None:
        """Stop the API server with good manners and start it again, at the same address and with the same data."""
        self.apiserver.stop()
        self.start_apiserver()

    def kill_apiserver(self) -> None:
        """End the API server in the middle of whatever it does; calls are refused until `start_apiserver`."""
        self.apiserver.kill()

    def start_apiserver(self) -> None:
        """Start the API server, after it was killed for example, and wait until it is ready."""
        self.apiserver.start()
        self.wait_until_ready()

    def pause(self) -> None:
        """Let the API server hang: it takes calls and does not answer."""
        self.apiserver.pause()

    def resume(self) -> None:
        """Let the API server go on."""
        self.apiserver.resume()

    def compact_etcd(self) -> int:
        """Let etcd forget the past. An API server with a watch cache still knows it, until it is restarted."""
        return self.etcd.compact()

    # Callers.

    def rest(self, user: str = ADMIN, groups: Sequence[str] = ADMINS, timeout: float = 30.0) -> Rest:
        """Return a client for somebody, by default for an administrator; close it when you are done."""
        return Rest(self.kubeconfig(user, groups), timeout)

    def kubeconfig(self, user: str = ADMIN, groups: Sequence[str] = ()) -> Path:
        """Write a kubeconfig for a user, who is known by a certificate. `admin` is in the administrators' group."""
        everyone = tuple(groups) or (ADMINS if user == ADMIN else ())
        # A user's name may have any character.
        stem = hashlib.sha256("\0".join([user, *everyone]).encode()).hexdigest()[:12]
        path = self.folder / f"{stem}.kubeconfig"
        if not path.exists():
            identity = self.authority.client(stem, user, everyone)
            self._write_kubeconfig(
                path, {"client-certificate": str(identity.certificate), "client-key": str(identity.key)}
            )
        return path

    def service_account(self, namespace: str, name: str, pod: Mapping[str, Any] | None = None) -> Path:
        """Write a kubeconfig for a ServiceAccount, which must exist, with a new token of it.

        With a pod of that ServiceAccount the token is one as the pod gets it: it says on which node the pod is.
        """
        spec = {}
        if pod is not None:
            bound = {"kind": "Pod", "apiVersion": "v1", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
            spec = {"boundObjectRef": bound}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        where = f"/api/v1/namespaces/{quote(namespace, safe='')}/serviceaccounts/{quote(name, safe='')}/token"
        token = self._admin.request("POST", where, request)["status"]["token"]
        path = self.folder / f"{hashlib.sha256(token.encode()).hexdigest()[:12]}.kubeconfig"
        self._write_kubeconfig(path, {"token": token})
        return path

    # Words.

    def apply(self, documents: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Make objects as these documents say. A CustomResourceDefinition is served before the next is looked at."""
        applied = []
        for document in documents:
            applied += self._admin.apply(document)
            if document["kind"] == "CustomResourceDefinition":
                self._wait_until_served(document)
        return applied

    def _wait_until_served(self, crd: Mapping[str, Any]) -> None:
        group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
        for version in crd["spec"]["versions"]:
            root = f"/apis/{group}/{version['name']}"
            wait_for(partial(self._served, root, plural), f"{plural} of {root} to be served", self.processes)

    def _served(self, root: str, plural: str) -> bool:
        """Say whether a kind has its place and its line in the list of kinds, which do not come and go at once."""
        try:
            listed = self._admin.exists(root) and any(
                resource["name"] == plural for resource in self._admin.get(root)["resources"]
            )
            return listed and self._admin.exists(f"{root}/{plural}")
        except RefusedError as error:
            # It makes itself ready for a kind that is new or has changed.
            if error.code == 429:
                return False
            raise

    # Parts.

    def _ready(self) -> bool:
        try:
            self._admin.get("/readyz")
        except (RefusedError, urllib3.exceptions.HTTPError):
            return False
        return True

    def _process(self, programs: Path, name: str, options: Mapping[str, str]) -> Process:
        return Process(programs / name, options, self.logs / f"{name}.log")

    def _apiserver_options(self, disabled: Sequence[str], *, watch_cache: bool) -> dict[str, str]:
        serving = self.authority.serving(
            "apiserver", LOOPBACK, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"
        )
        kubelet_client = self.authority.client("kubelet-client", "kube-apiserver-kubelet-client", ADMINS)
        signer = self.authority.key("service-accounts")
        return {
            "advertise-address": LOOPBACK,
            "bind-address": LOOPBACK,
            "secure-port": str(self._port.number),
            "permit-port-sharing": "true",
            # An address on loopback cannot be the endpoint of the Service `kubernetes`.
            "endpoint-reconciler-type": "none",
            "anonymous-auth": "false",
            "authorization-mode": "Node,RBAC",
            "client-ca-file": str(self.authority.certificate),
            "tls-cert-file": str(serving.certificate),
            "tls-private-key-file": str(serving.key),
            "etcd-servers": self.etcd.url,
            "etcd-cafile": str(self.etcd.authority.certificate),
            "etcd-certfile": str(self.etcd.client.certificate),
            "etcd-keyfile": str(self.etcd.client.key),
            # Only tests compact.
            "etcd-compaction-interval": "0",
            "watch-cache": str(watch_cache).lower(),
            "kubelet-certificate-authority": str(self.authority.certificate),
            "kubelet-client-certificate": str(kubelet_client.certificate),
            "kubelet-client-key": str(kubelet_client.key),
            "kubelet-preferred-address-types": "Hostname,InternalIP",
            "service-account-issuer": ISSUER,
            "service-account-key-file": str(signer),
            "service-account-signing-key-file": str(signer),
            "service-cluster-ip-range": SERVICE_RANGE,
            "disable-admission-plugins": ",".join(disabled),
            "profiling": "false",
        }

    def _controller_options(self) -> dict[str, str]:
        return {
            "kubeconfig": str(self.kubeconfig("system:kube-controller-manager")),
            "controllers": ",".join(CONTROLLERS),
            "leader-elect": "false",
            "secure-port": "0",
            "use-service-account-credentials": "true",
        }

    def _write_kubeconfig(self, path: Path, user: Mapping[str, str]) -> None:
        cluster = {"server": self.url, "certificate-authority": str(self.authority.certificate)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "anp", "cluster": cluster}],
            "users": [{"name": "user", "user": dict(user)}],
            "contexts": [{"name": "anp", "context": {"cluster": "anp", "user": "user"}}],
            "current-context": "anp",
        }
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
