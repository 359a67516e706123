"""However an agent ends, the kernel holds exactly one generation, and never an older one than before."""

import os
import random
import subprocess
import sys
import time

import pytest

from tests.cli.calling import REPOSITORY, environment
from tests.publishing import state

pytestmark = pytest.mark.kernel

ROUNDS = 6


def killed_at_any_point(network, state_dir, first, chance):
    """Let a process apply generations, kill it, and return the last one that it named."""
    command = [sys.executable, "-m", "tests.kernel.streaming", f"/proc/{os.getpid()}/fd/{network.fd}", str(state_dir)]
    with subprocess.Popen(
        [*command, str(first)], cwd=REPOSITORY, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            named = [process.stdout.readline() for _ in range(chance.randint(1, 8))]
            assert all(named), "it has ended"
            time.sleep(chance.random() * 0.01)  # anywhere within a step
        finally:
            process.kill()
        named += process.stdout.readlines()
    return int(named[-1])


def test_a_killed_agent_leaves_one_generation_in_force_and_never_an_older_one(network, kernel, tmp_path):
    chance = random.Random(ROUNDS)
    first, before = 0, -1
    for _ in range(ROUNDS):
        last = killed_at_any_point(network, tmp_path, first, chance)
        held = kernel.read()
        possible = [step for step in range(max(before, 0), last + 30) if state(step).ruleset == held]
        assert len(possible) == 1 or (before < 0 and held.empty)
        (now,) = possible or [-1]
        assert now >= before
        first, before = max(last, now), now
    assert before > 0
