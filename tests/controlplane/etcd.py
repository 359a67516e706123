"""The store of a control plane: one etcd, with an authority of its own, so that only the API server may call it."""

import base64
import json
from pathlib import Path
from typing import Any

import urllib3

from tests.controlplane.authority import Authority
from tests.controlplane.process import LOOPBACK, Port, Process

EVERYTHING = base64.b64encode(b"\0").decode()


class Etcd:
    """One etcd that forgets everything with its folder, and is not slowed down by syncing it."""

    def __init__(self, folder: Path, program: Path, log: Path) -> None:
        self._port, self._peer_port = Port(), Port()
        self.authority = Authority(folder / "etcd-pki")
        self.client = self.authority.client("apiserver", "kube-apiserver")
        self.url = f"https://{self._port}"
        server = self.authority.serving("etcd", LOOPBACK, "localhost", calls=True)
        peers = f"https://{self._peer_port}"
        options = {
            "name": "etcd",
            "data-dir": str(folder / "etcd"),
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"etcd={peers}",
            "socket-reuse-port": "true",
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }
        for side in ("", "peer-"):
            options |= {
                f"{side}cert-file": str(server.certificate),
                f"{side}key-file": str(server.key),
                f"{side}trusted-ca-file": str(self.authority.certificate),
                f"{side}client-cert-auth": "true",
            }
        self.process = Process(program, options, log)

    def compact(self) -> int:
        """Forget every revision but the present one, and return which that is."""
        revision = int(self._call("range", key=EVERYTHING)["header"]["revision"])
        self._call("compaction", revision=revision, physical=True)
        return revision

    def close(self) -> None:
        """Stop it and give its ports back."""
        self.process.kill()
        self._port.close()
        self._peer_port.close()

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        with urllib3.PoolManager(
            ca_certs=str(self.authority.certificate),
            cert_file=str(self.client.certificate),
            key_file=str(self.client.key),
            retries=False,
            timeout=30.0,
        ) as pool:
            answer = pool.request("POST", f"{self.url}/v3/kv/{method}", body=json.dumps(parameters).encode())
        if answer.status != 200:
            raise RuntimeError(f"etcd refuses {method}: {answer.status} {answer.data.decode(errors='replace')}")
        read: dict[str, Any] = json.loads(answer.data)
        return read
