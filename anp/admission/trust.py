"""Keeping a certificate that callers trust: from files, or one that is made here and told to the API server."""

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from anp.admission.bundle import Bundle
from anp.admission.certificates import LIFETIME, CertificateError, Identity, Shown, made, read_identity
from anp.admission.measures import Measures
from anp.controller.client import CallError
from anp.observability.backoff import Backoff
from anp.observability.server import Trouble

log = logging.getLogger(__name__)

_LOOK = 2.0
"""Seconds between two looks at the files."""
_AGAIN = 10.0
"""Seconds between two looks at the configuration."""
_SPREAD = 10.0
"""Seconds that every API server has to hear of a new certificate, before it is shown."""


class Trust(Protocol):
    """Keeps what is shown; `trouble` says why it is not trusted, or will not be for long."""

    trouble: Trouble

    async def run(self) -> None:
        """Keep it until cancelled."""


class FromFiles:
    """Shows what is in two files, which whoever mounts them may replace.

    Raises:
        CertificateError: there is nothing to begin with.

    """

    def __init__(self, certificate: Path, key: Path, shown: Shown, measures: Measures) -> None:
        self._paths = certificate, key
        self._shown = shown
        self._measures = measures
        self.trouble: Trouble = ""
        self._show(read_identity(*self._paths))

    async def run(self) -> None:
        """Look at the files now and then, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            before = self.trouble
            try:
                identity = await asyncio.to_thread(read_identity, *self._paths)
                if identity != self._shown.identity:
                    self._show(identity)
                    log.info("another certificate is shown now")
            except CertificateError as error:
                # One of two files may have been replaced, and the other will be.
                self.trouble = f"the certificate cannot be renewed: {error}"
                if self.trouble != before:
                    log.warning("%s", self.trouble)
            else:
                self.trouble = ""

    def _show(self, identity: Identity) -> None:
        _show(self._shown, identity, self._measures)


class SelfMade:
    """Makes a certificate, has the API server trust it, and makes another one in time."""

    def __init__(self, bundle: Bundle, shown: Shown, measures: Measures) -> None:
        self._bundle = bundle
        self._shown = shown
        self._measures = measures
        self._hosts: tuple[str, ...] = ()
        self.trouble: Trouble = "the API server does not trust this replica yet"

    async def run(self) -> None:
        """See to it that what is shown is trusted, until cancelled."""
        backoff = Backoff(0.2, _AGAIN)
        while True:
            try:
                await self._turn()
            except CallError as error:
                if self.trouble != str(error):
                    log.warning("the webhook configuration cannot be kept: %s", error)
                self.trouble = str(error)
                await asyncio.sleep(backoff.next())
                continue
            backoff.reset()
            await asyncio.sleep(_AGAIN)

    async def _turn(self) -> None:
        hosts = await self._bundle.hosts()
        identity = self._shown.identity
        if not hosts:
            self.trouble = "the webhook configuration names no webhook"
            return
        if identity is None or hosts != self._hosts or identity.expiry - datetime.now(UTC) < LIFETIME / 2:
            fresh = made(hosts)
            await self._bundle.trust(fresh.certificate)
            if identity is not None:
                await asyncio.sleep(_SPREAD)
            _show(self._shown, fresh, self._measures)
            self._hosts = hosts
        else:
            await self._bundle.trust(identity.certificate)
        self.trouble = ""


def _show(shown: Shown, identity: Identity, measures: Measures) -> None:
    shown.show(identity)
    measures.certificate_ends.set(identity.expiry.timestamp())
