"""Certificates: which one is shown, from files that change, or made here.

One that is made here is nobody's authority: it is trusted for what it is, for the names of the webhook alone. Its key
is never written down.
"""

import ipaddress
import os
import secrets
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=14)
"""Of a certificate that is made here; it is replaced after half of that."""
_SLACK = timedelta(minutes=10)
"""What clocks may differ by."""
_LONGEST_FILE = 1024 * 1024


class CertificateError(Exception):
    """There is no certificate that could be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate, with those that vouch for it if there are any, and its private key, as PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Identity(…)"

    @property
    def expiry(self) -> datetime:
        """When it ends."""
        return x509.load_pem_x509_certificate(self.certificate).not_valid_after_utc


class Shown:
    """What is shown to who connects; `context` stays the same while the certificate changes."""

    def __init__(self, client_authority: Path | None = None) -> None:
        self.context = _context()
        self.identity: Identity | None = None
        if client_authority is not None:
            try:
                self.context.load_verify_locations(client_authority)
            except OSError as error:
                raise CertificateError(f"{client_authority} cannot be used: {error}") from None
            self.context.verify_mode = ssl.CERT_REQUIRED

    def show(self, identity: Identity) -> None:
        """Show this from now on; connections that stand go on.

        Raises:
            CertificateError: certificate and key make no sense, or not together; what was shown before still is.

        """
        # A context that has refused a key keeps the certificate, so another one tries it first.
        for context in (_context(), self.context):
            _load(context, identity)
        self.identity = identity


def read_identity(certificate: Path, key: Path) -> Identity:
    """Read a certificate and its key from files.

    Raises:
        CertificateError: they cannot be read.

    """
    try:
        texts = []
        for path in (certificate, key):
            with path.open("rb") as file:
                texts.append(file.read(_LONGEST_FILE))
    except OSError as error:
        raise CertificateError(f"{error.filename} cannot be read: {error.strerror}") from None
    return Identity(*texts)


def made(hosts: Sequence[str], now: datetime | None = None) -> Identity:
    """Make a certificate for these host names and addresses, signed by itself."""
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    # Some look for a certificate in a bundle by its subject, and take the first one.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"anp-admission {secrets.token_hex(8)}")])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load(context: ssl.SSLContext, identity: Identity) -> None:
    with ExitStack() as stack:
        # OpenSSL reads files; these are in memory only.
        paths = []
        for text in (identity.certificate, identity.key):
            descriptor = os.memfd_create("anp-admission", os.MFD_CLOEXEC)
            stack.callback(os.close, descriptor)
            os.write(descriptor, text)
            paths.append(f"/proc/self/fd/{descriptor}")
        try:
            # An encrypted key must not ask whoever sits at the terminal.
            context.load_cert_chain(paths[0], paths[1], password=lambda: "")
        except (ssl.SSLError, ValueError, OSError) as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else None
            raise CertificateError(f"certificate and key cannot be used: {reason or error}") from None
