"""A process that brings one generation after the other into force, made to be killed.

    python -m tests.kernel.streaming NETNS STATE_DIR FIRST

The API server is in memory, and always has the same history: generation n is `state(n - 1)`. It has come to FIRST when
the process begins, and goes on. Each generation is named before it is applied.
"""

import itertools
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anp.node.cache import Cache
from anp.node.enforcement import Enforcement
from anp.node.guard import Guard
from anp.transport import Limits
from compiler.lower import DEFAULT_LAYOUT
from enforcer.drift import TableWatch
from enforcer.kernel import KernelDataplane
from tests.apitwin import ApiTwin
from tests.publishing import NODE, TwinPublisher, state

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def main(netns, state_dir, first):
    api = ApiTwin()
    publisher = TwinPublisher(api, Limits(changes=8))
    for step in range(int(first)):
        publisher.publish(state(step).generation, BEGINNING + timedelta(seconds=step))
    enforcement = Enforcement(
        NODE, DEFAULT_LAYOUT, Guard(KernelDataplane(netns), TableWatch(netns)), Cache(Path(state_dir))
    )
    enforcement.begin()
    for step in itertools.count(int(first)):
        publisher.publish(state(step).generation, BEGINNING + timedelta(seconds=step))
        manifest = api.get("PolicyGeneration", "current")
        print(step, flush=True)  # noqa: T201 - whoever kills us reads it
        while missing := enforcement.needs(manifest):
            enforcement.give([api.get("GenerationSlice", name) for name in missing])
        enforcement.apply(manifest)
        if step % 3 == 0:
            enforcement.save()


if __name__ == "__main__":
    main(*sys.argv[1:])
