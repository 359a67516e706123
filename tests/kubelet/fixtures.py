"""Fixtures with a virtual kubelet, for the conftest.py of any folder that wants one next to a control plane:

    from tests.controlplane.fixtures import *  # noqa: F403
    from tests.kubelet.fixtures import *  # noqa: F403

Tests that use them are marked `kernel` and `controlplane`. Where the server for exec is not built and cannot be, they
are skipped, with the reason; with ANP_REQUIRE_KERNEL=1 that is a failure.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.plane import ControlPlane
from tests.kubelet.building import streams_program
from tests.kubelet.errors import BuildError
from tests.kubelet.kubelet import Settings, VirtualKubelet
from tests.kubelet.streams import Access

__all__ = ["make_kubelet", "streams"]

MakeKubelet = Callable[..., VirtualKubelet]


@pytest.fixture(scope="session")
def streams() -> Path:
    """The program that serves exec."""
    try:
        return streams_program()
    except BuildError as error:
        if os.environ.get("ANP_REQUIRE_KERNEL", "0") == "1":
            pytest.fail(f"ANP_REQUIRE_KERNEL=1, but there is no server for exec. {error}", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def make_kubelet(control_plane_programs: Path, streams: Path) -> MakeKubelet:
    """Make virtual kubelets for a control plane, with more of `Settings`; each is a context manager, to be entered."""

    def make(plane: ControlPlane, **changes: Any) -> VirtualKubelet:
        usual = Settings(agnhost=control_plane_programs / "agnhost", access=access(plane))
        return VirtualKubelet(plane.kubeconfig(), replace(usual, **changes))

    return make


def access(plane: ControlPlane) -> Access:
    """Let the API server of this control plane, and nobody else, execute commands."""
    serving = plane.authority.serving("kubelet", "127.0.0.1")
    return Access(plane.authority.certificate, certificate=serving.certificate, key=serving.key)
