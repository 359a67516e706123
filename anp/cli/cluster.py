"""The work of `anp run` with an API server: follow a cluster, and keep this machine at what its policies say."""

import asyncio
import logging
from contextlib import ExitStack

from anp.cli import console
from anp.cli.enforcement import tell_report
from anp.cli.options import Output
from anp.cli.signals import until_told
from anp.cli.subject import hostname, layout_or_exit, told
from anp.controller.client import Client, ConfigError, configured
from anp.controller.following import Following
from anp.controller.measures import Measures
from anp.node.direct import Direct
from anp.node.guard import Guard
from anp.node.standing import Report
from anp.observability.logs import set_up_logging
from enforcer.drift import TableWatch
from enforcer.kernel import KernelDataplane


def follow_cluster(kubeconfig: str, node: str, mark_mask: str, output: Output, netns: str = "") -> None:
    """Keep this machine at what the cluster says, until told to end; without a kubeconfig as the pod that this is."""
    layout = layout_or_exit(mark_mask)
    node = node or hostname()
    try:
        configured(kubeconfig)
    except ConfigError as error:
        console.fail(str(error))
    set_up_logging("auto")
    # What is followed is told by reports; what goes wrong with that, by the log.
    logging.getLogger().setLevel(logging.WARNING)

    def tell(report: Report) -> None:
        tell_report(report, node, output, verbose=False)

    with told(), ExitStack() as stack:
        dataplane = stack.enter_context(KernelDataplane(netns or None))
        watch = stack.enter_context(TableWatch(netns or None))
        guard = Guard(dataplane, watch)
        guard.look()  # who may not even look should be told now, and not try for ever

        async def live() -> None:
            direct = Direct(node, layout, guard, watch)
            client = Client(configured(kubeconfig))
            try:
                following = Following(
                    lambda: configured(kubeconfig), client, measures=Measures(), compiled=direct.compiled
                )
                async with following.running():
                    await direct.run(tell)
            finally:
                client.close()

        asyncio.run(until_told(live()))
    console.note("stopped; the rules stay in force (anp uninstall removes them)")
