"""What the API server trusts: the certificates of all replicas, in the webhook's own configuration.

Each replica adds its own one and takes out those that have ended. Nobody's key is stored anywhere.
"""

import base64
import binascii
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from anp.api.objects import Resource
from anp.controller.client import CONFLICT, INVALID, JSON_PATCH, CallError, Client, path_of

log = logging.getLogger(__name__)

CONFIGURATIONS = Resource(
    "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations"
)
_MOST = 12
"""Certificates that are trusted at once: the latest ones, as replicas come and go."""
_TRIES = 5


def hosts_of(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """Return by which names the API server calls the webhooks of a configuration."""
    found: dict[str, None] = {}
    for webhook in configuration.get("webhooks") or ():
        client = webhook.get("clientConfig") or {}
        service = client.get("service")
        host = (
            f"{service['name']}.{service['namespace']}.svc" if service else urlsplit(client.get("url") or "").hostname
        )
        if host:
            found[host] = None
    return tuple(found)


def merged(bundle: bytes, own: bytes, now: datetime) -> bytes:
    """Return a bundle with our certificate in it: the same if it is, else without what has ended or is one too many."""
    known = _parsed(bundle)
    mine = x509.load_pem_x509_certificate(own)
    if mine in known:
        return bundle
    alive = [each for each in known if each.not_valid_after_utc > now]
    return b"".join(each.public_bytes(Encoding.PEM) for each in [*alive[1 - _MOST :], mine])


def _parsed(bundle: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(bundle)
    except ValueError:
        return []


class Bundle:
    """The bundle of a configuration, by name."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._path = path_of(CONFIGURATIONS, name)

    async def hosts(self) -> tuple[str, ...]:
        """Return by which names the API server calls.

        Raises:
            CallError: the configuration cannot be read.

        """
        return hosts_of(await self._client.call("GET", self._path))

    async def trust(self, certificate: bytes) -> None:
        """See to it that this certificate is trusted.

        Raises:
            CallError: the configuration cannot be read or written.

        """
        for attempt in range(_TRIES):
            changes = _changes(await self._client.call("GET", self._path), certificate)
            if not changes:
                return
            try:
                await self._client.call("PATCH", self._path, changes, JSON_PATCH)
            except CallError as error:
                # Another replica was there first.
                if error.code not in {CONFLICT, INVALID} or attempt == _TRIES - 1:
                    raise
            else:
                log.info("the webhook configuration trusts this replica")
                return


def _changes(configuration: Mapping[str, Any], certificate: bytes) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    changes = []
    for number, webhook in enumerate(configuration.get("webhooks") or ()):
        try:
            before = base64.b64decode((webhook.get("clientConfig") or {}).get("caBundle") or "")
        except binascii.Error:
            before = b""
        after = merged(before, certificate, now)
        if after != before:
            text = base64.b64encode(after).decode()
            changes.append({"op": "add", "path": f"/webhooks/{number}/clientConfig/caBundle", "value": text})
    if not changes:
        return []
    version = configuration["metadata"]["resourceVersion"]
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *changes]
