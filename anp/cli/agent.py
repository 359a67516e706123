"""The work of `anp agent`: put an agent together, and let it run until told to end."""

import asyncio
import logging
import signal
from contextlib import ExitStack
from pathlib import Path

from anp.cli import console
from anp.cli.subject import hostname, layout_or_exit, told
from anp.controller.client import ConfigError, configured
from anp.node.agent import Agent
from anp.node.cache import Cache
from anp.node.connection import Connection
from anp.node.enforcement import Enforcement
from anp.node.guard import Guard
from anp.observability.logs import set_up_logging
from anp.observability.server import AddressError, read_address, serving
from enforcer.drift import TableWatch
from enforcer.kernel import KernelDataplane

LOG = logging.getLogger(__name__)


def run_agent(
    node: str, kubeconfig: str, state_dir: Path, netns: str, mark_mask: str, metrics_address: str, log_format: str
) -> None:
    """Keep this node at the generations that are published, until told to end."""
    layout = layout_or_exit(mark_mask)
    node = node or hostname()
    try:
        configuration, address = configured(kubeconfig), read_address(metrics_address)
    except (ConfigError, AddressError) as error:
        console.fail(str(error))
    set_up_logging(log_format)

    async def live(guard: Guard, watch: TableWatch) -> None:
        enforcement = Enforcement(node, layout, guard, Cache(state_dir))
        async with Connection(configuration) as connection:
            agent = Agent(node, connection, enforcement, guard, watch)
            running = asyncio.current_task()
            assert running is not None  # noqa: S101 - for the type checker
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, running.cancel)
            async with serving(address, agent.measures.registry, live=agent.live, ready=agent.ready) as port:
                LOG.info("agent started", extra={"node": node, "port": port})
                await agent.run()

    with told(), ExitStack() as stack:
        dataplane = stack.enter_context(KernelDataplane(netns or None))
        watch = stack.enter_context(TableWatch(netns or None))
        # Who may not even look should be told now, and not try for ever.
        guard = Guard(dataplane, watch)
        guard.look()
        try:
            asyncio.run(live(guard, watch))
        except asyncio.CancelledError:
            LOG.info("stopped; the rules stay in force")
        except OSError as error:
            console.fail(
                f"cannot listen on {metrics_address}, or cannot read certificates: {error}", console.EXIT_CANNOT
            )
