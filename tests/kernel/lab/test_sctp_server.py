"""The other end of an association, played by hand with a raw socket."""

import socket
from ipaddress import ip_address

import pytest

from anp.lab import sctp
from anp.lab.topology import PodPlace
from tests.kernel.lab.cluster import both

pytestmark = pytest.mark.kernel

OURS, SERVED, UNSERVED = 5555, 80, 81
TAG = 0x01020304


@pytest.fixture
def exchange(lab):
    """Send a packet from x/a to x/b and return what comes back to our port, or None."""
    raw = lab.call(PodPlace("x", "a"), lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, sctp.PROTOCOL_NUMBER))

    def ask(tag, chunk, port=SERVED):
        raw.sendto(sctp.encode(sctp.Packet(OURS, port, tag, (chunk,))), (str(both(2)[0]), 0))
        try:
            data, (sender, _) = raw.recvfrom(4096)
        except TimeoutError:
            return None
        assert ip_address(sender) == both(2)[0]
        packet = sctp.decode(data[20:])
        assert (packet.source, packet.destination, packet.tag) == (port, OURS, TAG)
        return packet.chunks

    with raw:
        raw.settimeout(0.3)
        yield ask


def test_an_association_opens_in_two_round_trips(exchange):
    (answer,) = exchange(0, sctp.Init(TAG))

    assert exchange(answer.tag, sctp.CookieEcho(answer.cookie)) == (
        sctp.CookieAck(),
        sctp.Data(answer.tag, b"pod x/b\n"),
    )


def test_a_cookie_with_the_wrong_tag_opens_nothing(exchange):
    (answer,) = exchange(0, sctp.Init(TAG))

    assert exchange(answer.tag ^ 1, sctp.CookieEcho(answer.cookie)) is None
    assert exchange(answer.tag, sctp.CookieEcho(answer.cookie[1:])) is None


def test_a_port_that_is_not_served_aborts(exchange):
    assert exchange(0, sctp.Init(TAG), UNSERVED) == (sctp.Abort(),)
