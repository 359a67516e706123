"""What is shown to who connects, while it changes; and which certificates an API server is told to trust."""

import base64
import socket
import ssl
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from anp.admission import bundle
from anp.admission.bundle import hosts_of, merged
from anp.admission.certificates import LIFETIME, CertificateError, Identity, Shown, made, read_identity

NOW = datetime.now(UTC)
HOST = "anp-admission.anp-system.svc"
A, B, C, NEW = (made([HOST]) for _ in range(4))
OLD = made([HOST], NOW - 2 * LIFETIME)


@contextmanager
def answering(shown):
    """Shake hands with whoever comes, one after the other."""
    over = threading.Event()

    def serve():
        while not over.is_set():
            connection, _peer = listening.accept()
            with connection:
                try:
                    shown.context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            over.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join()


def seen(address, trusted, host=HOST):
    context = ssl.create_default_context(cadata=trusted.decode())
    with socket.create_connection(address) as plain, context.wrap_socket(plain, server_hostname=host) as secured:
        return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True)).encode()


def test_another_certificate_is_shown_at_once_to_who_comes_next():
    shown = Shown()
    shown.show(A)
    with answering(shown) as address:
        both = A.certificate + B.certificate
        assert seen(address, both) == A.certificate
        shown.show(B)
        assert seen(address, both) == B.certificate
        with pytest.raises(ssl.SSLCertVerificationError):
            seen(address, A.certificate)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"[Hh]ostname"):
            seen(address, both, "another.svc")


@pytest.mark.parametrize(
    "wrong",
    [Identity(B.certificate, A.key), Identity(b"", b""), Identity(B.certificate, b"no key"), Identity(b"?", B.key)],
)
def test_what_makes_no_sense_changes_nothing(wrong):
    shown = Shown()
    shown.show(A)
    with pytest.raises(CertificateError):
        shown.show(wrong)

    assert shown.identity is A
    with answering(shown) as address:
        assert seen(address, A.certificate) == A.certificate


def test_files_that_are_not_there_are_told_by_name(tmp_path):
    with pytest.raises(CertificateError, match=r"tls\.crt cannot be read: No such file"):
        read_identity(tmp_path / "tls.crt", tmp_path / "tls.key")


def test_a_key_is_in_no_text_that_a_log_could_have():
    assert "PRIVATE" not in f"{A!r} {A}"


def test_a_certificate_that_is_made_here_vouches_for_nobody_else():
    certificate = x509.load_pem_x509_certificate(made([HOST, "127.0.0.1", "::1"]).certificate)

    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert certificate.not_valid_after_utc - NOW < LIFETIME + timedelta(hours=1)


def listed(text):
    return [each.public_bytes(bundle.Encoding.PEM) for each in x509.load_pem_x509_certificates(text)]


@given(st.lists(st.sampled_from([A, B, C, OLD]), max_size=5), st.sampled_from([b"", b"\nnot a certificate\n"]))
def test_replicas_come_and_go_and_each_is_trusted(before, rubbish):
    text = rubbish
    for each in before:
        text = merged(text, each.certificate, NOW)
    after = merged(text, A.certificate, NOW)

    assert A.certificate in listed(after)
    assert {each.certificate for each in before} - {OLD.certificate} <= set(listed(after))
    assert merged(after, A.certificate, NOW) == after
    assert OLD.certificate not in listed(merged(text, NEW.certificate, NOW))


def test_a_bundle_does_not_grow_for_ever():
    text = b""
    for _ in range(20):
        text = merged(text, made([HOST]).certificate, NOW)

    assert len(listed(merged(text, A.certificate, NOW))) == 12
    assert listed(merged(text, A.certificate, NOW))[-1] == A.certificate


def test_what_changes_is_the_bundle_of_every_webhook_and_only_in_the_version_that_was_read():
    text = base64.b64encode(A.certificate).decode()
    webhooks = [{"clientConfig": {"caBundle": text}}, {"clientConfig": {}}, {"clientConfig": {"caBundle": "%%"}}]
    configuration = {"metadata": {"resourceVersion": "7"}, "webhooks": webhooks}

    first, *changes = bundle._changes(configuration, A.certificate)

    assert first == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert [change["path"] for change in changes] == [f"/webhooks/{n}/clientConfig/caBundle" for n in (1, 2)]
    assert {change["value"] for change in changes} == {text}
    assert bundle._changes({**configuration, "webhooks": webhooks[:1]}, A.certificate) == []


def test_the_names_are_those_by_which_it_is_called():
    service = {"clientConfig": {"service": {"name": "anp-admission", "namespace": "anp-system"}}}
    urls = [{"clientConfig": {"url": url}} for url in ("https://127.0.0.1:9443/review", "https://[::1]:1/", "")]

    assert hosts_of({"webhooks": [service, service, *urls]}) == (HOST, "127.0.0.1", "::1")
    assert hosts_of({}) == ()
