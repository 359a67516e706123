"""What of the kernel's door needs no kernel: reading complaints, and being without libnftables."""

import subprocess
import sys

import pytest

from enforcer.kernel import _rejection

SCRIPT = "add table inet anp\nadd chain inet anp class-1\nadd rule inet anp class-1 goto class-9\n"


@pytest.mark.parametrize(
    ("message", "reason", "statement"),
    [
        (
            "/proc/self/fd/4:3:32-38: Error: Could not process rule: No such file or directory\nadd rule\n  ^^^\n",
            "No such file or directory",
            "add rule inet anp class-1 goto class-9",
        ),
        (
            "/proc/self/fd/4:1:1-5: Error: first\nx\n^\n/proc/self/fd/4:2:1-5: Error: second\nx\n^\n",
            "first",
            "add table inet anp",
        ),
        ("Error: Could not process rule: Message too long\n", "Message too long", ""),
        ("netlink: Error: cache initialization failed", "netlink: Error: cache initialization failed", ""),
        ("", "no reason given", ""),
        ("/proc/self/fd/4:99:1-5: Error: past the end\n", "past the end", ""),
    ],
)
def test_complaints_are_understood(message, reason, statement):
    error = _rejection(message, SCRIPT)

    assert (error.reason, error.statement, error.script) == (reason, statement, SCRIPT)
    assert reason in str(error)


def test_without_libnftables_one_is_told_how_to_get_it():
    program = """
import sys
sys.modules["nftables"] = None
from enforcer.errors import NftUnavailableError
from enforcer.kernel import KernelDataplane
try:
    KernelDataplane()
except NftUnavailableError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=60)

    assert "apt-get install nftables python3-nftables" in done.stdout
