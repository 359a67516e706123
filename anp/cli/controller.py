"""The work of `anp controller`: the process around the controller."""

import asyncio
import logging

from anp.cli import console
from anp.cli.signals import until_told
from anp.controller.client import ConfigError
from anp.controller.controller import Options, control
from anp.observability.logs import set_up_logging
from anp.observability.server import AddressError, read_address

log = logging.getLogger(__name__)


def run_controller(kubeconfig: str, lease: tuple[str, str, float], metrics_address: str, log_format: str) -> None:
    """Be a controller until Ctrl-C or SIGTERM."""
    try:
        address = read_address(metrics_address)
    except AddressError as error:
        console.fail(f"--metrics-address {error}")
    set_up_logging(log_format)
    namespace, name, duration = lease
    options = Options(kubeconfig, namespace, name, duration, address)
    try:
        asyncio.run(until_told(control(options)))
    except ConfigError as error:
        console.fail(str(error))
    except OSError as error:
        console.fail(f"cannot listen on {metrics_address}: {error.strerror}", console.EXIT_CANNOT)
    log.info("ended; what is published stays in force")
