"""Who is who: a certificate authority of a control plane's own, and what it issues."""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=1)
# A certificate that is made now must hold for whoever looks at a clock that is a little slow.
SLACK = timedelta(minutes=5)
KEY_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """The files of a certificate and of its private key."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority that lives in a folder; everything that it issues is there too.

    Kubernetes reads the user's name from the common name and the groups from the organisations.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("anp tests")
        certificate = self._signed(
            self._name,
            self._key.public_key(),
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_key_usage("key_cert_sign", "crl_sign"), True),
        )
        self.certificate = folder / "ca.crt"
        self.certificate.write_bytes(certificate)

    def serving(self, name: str, *addresses: str, calls: bool = False) -> Identity:
        """Issue what a server on these addresses and host names shows, also to servers where it `calls` others."""
        alternatives = x509.SubjectAlternativeName([_alternative(address) for address in addresses])
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if calls else [])]
        return self._issue(name, _name(name), uses, (alternatives, False))

    def client(self, file: str, user: str, groups: Sequence[str] = ()) -> Identity:
        """Issue what says to a server that its bearer is this user, in these groups."""
        return self._issue(file, _name(user, groups), (ExtendedKeyUsageOID.CLIENT_AUTH,))

    def key(self, name: str) -> Path:
        """Make a private key that is nobody's certificate, such as the one that signs tokens."""
        return self._write_key(name, ec.generate_private_key(ec.SECP256R1()))

    def _issue(
        self,
        file: str,
        subject: x509.Name,
        uses: Sequence[x509.ObjectIdentifier],
        *extensions: tuple[x509.ExtensionType, bool],
    ) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._folder / f"{file}.crt"
        certificate.write_bytes(
            self._signed(
                subject,
                key.public_key(),
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (_key_usage("digital_signature"), True),
                (x509.ExtendedKeyUsage(uses), False),
                *extensions,
            )
        )
        return Identity(certificate, self._write_key(file, key))

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *extensions: tuple[x509.ExtensionType, bool]
    ) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SLACK)
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _write_key(self, name: str, key: ec.EllipticCurvePrivateKey) -> Path:
        # The older of two formats: it is the one that API servers take a key for tokens in.
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        path = self._folder / f"{name}.key"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text)
        return path


def _name(common: str, organisations: Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organisations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _key_usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in uses for use in KEY_USES})
