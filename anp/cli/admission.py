"""The work of `anp admission`: the process around the webhook."""

import asyncio
import logging
from dataclasses import replace

from anp.admission.certificates import CertificateError
from anp.admission.process import Options, admit
from anp.analysis.lint.catalogue import CATALOGUE
from anp.cli import console
from anp.cli.signals import until_told
from anp.controller.client import ConfigError
from anp.observability.logs import set_up_logging
from anp.observability.server import AddressError, read_address

log = logging.getLogger(__name__)


def run_admission(options: Options, listen: str, metrics_address: str, log_format: str) -> None:
    """Be a webhook until Ctrl-C or SIGTERM; the addresses of the options are those that are read here."""
    for option, codes in (("--deny", options.telling.deny), ("--ignore", options.telling.ignore)):
        for code in codes:
            if not code or not any(known.startswith(code) for known in CATALOGUE):
                console.fail(f"{option} {code:.40}: no code begins so; there are {', '.join(CATALOGUE)}")
    if (options.certificate is None) != (options.key is None):
        console.fail("--certificate and --key belong together")
    if (options.certificate is None) == (not options.configuration):
        console.fail("either --certificate and --key, or --webhook, is needed: what is shown to the API server")
    try:
        address, metrics = read_address(listen), read_address(metrics_address)
    except AddressError as error:
        console.fail(f"--listen or --metrics-address: {error}")
    if address is None:
        console.fail("--listen is needed: where the API server asks")
    set_up_logging(log_format)
    try:
        asyncio.run(until_told(admit(replace(options, listen=address, metrics=metrics))))
    except (ConfigError, CertificateError) as error:
        console.fail(str(error))
    except OSError as error:
        console.fail(f"cannot listen on {listen} or {metrics_address}: {error.strerror}", console.EXIT_CANNOT)
    log.info("ended; what is applied from now on is not looked at")
