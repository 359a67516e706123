"""How every test here is run: when it may touch the kernel, how hard Hypothesis tries, and what a golden is.

Environment:
    ANP_REQUIRE_KERNEL: 1 makes it a failure to skip a test marked ``kernel``, and to have run none.
    ANP_HYPOTHESIS_PROFILE: ``dev`` (few new cases), ``ci`` (more, always the same) or ``deep`` (many new ones).
"""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

GOLDEN = Path(__file__).parent.parent / "testdata" / "golden"

# Who runs the tests in the background of a shell has them ignore Ctrl-C, and the processes that tests start, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

KERNEL_REQUIRED = os.environ.get("ANP_REQUIRE_KERNEL", "0") == "1"

# Deadlines and slow generation say how busy the machine is, not whether the code is right.
settings.register_profile(
    "dev", max_examples=25, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# CI judges a change, so two runs of it must agree; new cases are found by the other profiles.
settings.register_profile("ci", settings.get_profile("dev"), max_examples=150, derandomize=True, database=None)
settings.register_profile("deep", settings.get_profile("dev"), max_examples=5000, phases=set(Phase) - {Phase.explain})
# Of a planted bug nobody wants the smallest case, only that there is one.
settings.register_profile("mutants", settings.get_profile("ci"), phases={Phase.explicit, Phase.generate})
settings.load_profile(os.environ.get("ANP_HYPOTHESIS_PROFILE", "dev"))


# Kernel tests.

_PROBE = """
import nftables
nft = nftables.Nftables()
code, _, error = nft.cmd("add table inet anp-probe")
raise SystemExit(error.strip() or f"nftables says {code}" if code else 0)
"""


@functools.cache
def why_no_kernel() -> str:
    """Say why kernel tests cannot run here, or nothing if they can: by doing in small what they do."""
    try:
        probe = subprocess.run(
            ["unshare", "--net", "--mount", "--", sys.executable, "-c", _PROBE],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )
    except OSError as error:
        return f"cannot run unshare: {error}"
    if probe.returncode == 0:
        return ""
    lines = probe.stderr.strip().splitlines() or [f"exit status {probe.returncode}"]
    return f"no nftables in a network namespace of our own: {lines[-1]}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kernel") and (reason := why_no_kernel()):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # An attribute of ours travels from xdist's workers with the report. Its keywords would not do: they also have the
    # name of the folder tests/kernel.
    report.for_kernel = item.get_closest_marker("kernel") is not None
    expected_to_fail = hasattr(report, "wasxfail")
    if KERNEL_REQUIRED and report.skipped and not expected_to_fail and report.for_kernel:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"ANP_REQUIRE_KERNEL=1, but this test would not run. {reason}"
    return report


class KernelCount:
    """Counts the kernel tests that passed; one a session, in xdist's controller and not in its workers."""

    def __init__(self) -> None:
        self.passed = 0

    @property
    def missed(self) -> bool:
        """Whether kernel tests are required and none did."""
        return KERNEL_REQUIRED and self.passed == 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and report.for_kernel:
            self.passed += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.missed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if KERNEL_REQUIRED:
            terminalreporter.write_sep("=", "kernel tests", red=self.missed)
            terminalreporter.write_line(
                "FAILED: ANP_REQUIRE_KERNEL=1, but none passed" if self.missed else f"{self.passed} passed"
            )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        config.pluginmanager.register(KernelCount())


# Goldens.


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite testdata/golden; runs only the tests that compare with it"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--update-golden"):
        config.hook.pytest_deselected(items=[item for item in items if not _compares(item)])
        items[:] = filter(_compares, items)


def _compares(item: pytest.Item) -> bool:
    return "golden" in getattr(item, "fixturenames", ())


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with the reviewed file of that name in testdata/golden; rewrite it under --update-golden."""

    def check(name: str, actual: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual, encoding="utf-8")
        if not path.exists():
            pytest.fail(f"no testdata/golden/{name}: run `make golden` and review the diff", pytrace=False)
        assert actual == path.read_text(encoding="utf-8")

    return check
