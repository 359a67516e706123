"""Fixtures with a control plane, for the conftest.py of any folder that wants one:

    from tests.controlplane.fixtures import *  # noqa: F403

Tests that use them are marked `controlplane`. They are skipped where the programs are not built, with the reason; with
ANP_REQUIRE_KERNEL=1 that is a failure.
"""

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.binaries import MissingError, binaries
from tests.controlplane.plane import ControlPlane
from tests.controlplane.rest import Rest

__all__ = [
    "admin",
    "control_plane",
    "control_plane_programs",
    "make_control_plane",
    "make_shared_control_plane",
    "pytest_runtest_makereport",
    "shared_control_plane",
]

MakeControlPlane = Callable[..., ControlPlane]

_RUNNING: list[ControlPlane] = []


@pytest.fixture(scope="session")
def control_plane_programs() -> Path:
    """The folder of the programs; see `binaries`."""
    try:
        return binaries()
    except MissingError as error:
        if os.environ.get("ANP_REQUIRE_KERNEL", "0") == "1":
            pytest.fail(f"ANP_REQUIRE_KERNEL=1, but there is no control plane. {error}", pytrace=False)
        pytest.skip(str(error))


def _maker(stack: ExitStack, programs: Path, folders: Iterator[Path]) -> MakeControlPlane:
    def make(**options: Any) -> ControlPlane:
        folder = next(folders)
        # The store of one plane alone takes 64 MB.
        stack.callback(shutil.rmtree, folder / "etcd", ignore_errors=True)
        plane = stack.enter_context(ControlPlane(folder, programs, **options))
        _RUNNING.append(plane)
        stack.callback(_RUNNING.remove, plane)
        return plane

    return make


def _folders(factory: pytest.TempPathFactory) -> Iterator[Path]:
    while True:
        yield factory.mktemp("plane")


@pytest.fixture
def make_control_plane(
    control_plane_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeControlPlane]:
    """Start control planes, with the options of `ControlPlane`; they end with the test."""
    with ExitStack() as stack:
        yield _maker(stack, control_plane_programs, _folders(tmp_path_factory))


@pytest.fixture
def control_plane(make_control_plane: MakeControlPlane) -> ControlPlane:
    """A control plane of the test's own, without controllers."""
    return make_control_plane()


@pytest.fixture(scope="module")
def make_shared_control_plane(
    control_plane_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeControlPlane]:
    """Start control planes that end with the module."""
    with ExitStack() as stack:
        yield _maker(stack, control_plane_programs, _folders(tmp_path_factory))


@pytest.fixture(scope="module")
def shared_control_plane(make_shared_control_plane: MakeControlPlane) -> ControlPlane:
    """A control plane that the tests of a module share, without controllers; leave it as you found it."""
    return make_shared_control_plane()


@pytest.fixture
def admin(control_plane: ControlPlane) -> Iterator[Rest]:
    """A client of the test's own control plane that may do everything."""
    rest = control_plane.rest()
    yield rest
    rest.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of the logs with a failure."""
    report = yield
    if report.failed:
        report.sections.extend(("Control plane", plane.said()) for plane in _RUNNING)
    return report
