"""Where the programs of the control plane are."""

import os
import subprocess
from functools import cache
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "controlplane"


class MissingError(Exception):
    """They are not built, and could not be; the message says why."""


@cache
def binaries() -> Path:
    """Return the folder of the binaries; where tests must run, they are built first if that is possible.

    It has etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, agnhost and conformance-VERSION.test.

    Raises:
        MissingError: they are not there.

    """
    required = os.environ.get("ANP_REQUIRE_KERNEL", "0") == "1"
    done = subprocess.run(
        [SCRIPT, *([] if required else ["--where"])],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MissingError(done.stderr.strip() or f"{SCRIPT.name} fails with {done.returncode}")
    return Path(done.stdout.strip())
