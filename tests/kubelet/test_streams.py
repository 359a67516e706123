import http.client
import ssl

import pytest

from tests.controlplane.authority import Authority
from tests.kubelet.connect import Said
from tests.kubelet.errors import UnsupportedError
from tests.kubelet.streams import CLIENT, Access, Question, Streams

pytestmark = pytest.mark.controlplane

REFUSED = ssl.SSLError, ConnectionResetError, BrokenPipeError
EXEC = "/exec/ns/pod/container?command=/agnhost&command=x&output=1&error=1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki") / "ours")


@pytest.fixture
def asked():
    return []


@pytest.fixture
def server(streams, authority, asked, tmp_path):
    def answer(question: Question) -> Said:
        asked.append(question)
        if question.pod != "pod":
            raise UnsupportedError("no such pod")
        return Said("out", "complaint", 3)

    with Streams(streams, Access(authority.certificate, (CLIENT, "root")), tmp_path, answer) as server:
        yield server


def ask(server: Streams, identity=None, headers=None) -> http.client.HTTPResponse:
    """Ask for an exec; the answer to who may ask and does not upgrade is that one has to."""
    context = ssl.create_default_context()
    # It has made its certificate for itself.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=60)
    try:
        connection.request("POST", EXEC, headers=headers or {})
        return connection.getresponse()
    finally:
        connection.close()


@pytest.mark.parametrize("name", [CLIENT, "root"])
def test_who_bears_a_right_name_may_ask(server, authority, name):
    assert ask(server, authority.client(name, name)).status == 400


@pytest.mark.parametrize("name", ["somebody", f"{CLIENT}2", f"{CLIENT},root", ""])
def test_another_name_of_the_same_authority_may_not(server, authority, asked, name):
    stranger = authority.client(f"stranger-{len(name)}", name or " ")

    with pytest.raises(REFUSED):
        ask(server, stranger)
    assert asked == []


def test_nobody_may_without_a_certificate_or_with_another_authority_s(server, asked, tmp_path):
    with pytest.raises(REFUSED):
        ask(server)
    with pytest.raises(REFUSED):
        ask(server, Authority(tmp_path / "theirs").client("theirs", CLIENT))
    assert asked == []


def test_without_names_nobody_may(streams, authority, tmp_path):
    with (
        Streams(streams, Access(authority.certificate, ()), tmp_path, lambda _: Said()) as server,
        pytest.raises(REFUSED),
    ):
        ask(server, authority.client("nameless", CLIENT))


def test_the_server_ends_with_us_and_leaves_its_port(streams, authority, tmp_path):
    with Streams(streams, Access(authority.certificate), tmp_path, lambda _: Said()) as server:
        assert ask(server, authority.client("client", CLIENT)).status == 400

    with pytest.raises(ConnectionRefusedError):
        ask(server, authority.client("client", CLIENT))
