import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.lab import sctp
from anp.lab.crc32c import crc32c

numbers = st.integers(0, 2**32 - 1)
texts = st.binary(max_size=64)
chunks = st.one_of(
    st.builds(sctp.Init, numbers),
    st.builds(sctp.InitAck, numbers, texts),
    st.builds(sctp.CookieEcho, texts),
    st.just(sctp.CookieAck()),
    st.builds(sctp.Data, numbers, texts),
    st.just(sctp.Abort()),
)
ports = st.integers(0, 65535)
packets = st.builds(sctp.Packet, ports, ports, numbers, st.lists(chunks, max_size=3).map(tuple))


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        # RFC 3720, B.4
        (bytes(32), 0x8A9136AA),
        (bytes([255] * 32), 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_crc32c_is_as_published(data, checksum):
    assert crc32c(data) == checksum


@given(packets)
def test_a_packet_is_read_as_it_was_written(packet):
    data = sctp.encode(packet)

    assert sctp.decode(data) == packet
    assert sctp.ports(data) == (packet.source, packet.destination)
    assert len(data) % 4 == 0


@given(packets, st.data())
def test_a_packet_with_a_wrong_bit_is_refused(packet, data):
    wire = bytearray(sctp.encode(packet))
    bit = data.draw(st.integers(0, len(wire) * 8 - 1))
    wire[bit // 8] ^= 1 << bit % 8

    with pytest.raises(ValueError, match="checksum"):
        sctp.decode(bytes(wire))


@given(st.binary(max_size=80), ports)
def test_nonsense_with_a_right_checksum_is_a_packet_or_a_value_error(body, port):
    bare = sctp._HEADER.pack(port, port, 0, bytes(4)) + body
    wire = sctp._HEADER.pack(port, port, 0, crc32c(bare).to_bytes(4, "little")) + body

    with contextlib.suppress(ValueError):
        assert sctp.decode(wire).source == port


def test_what_is_shorter_than_a_header_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        sctp.decode(bytes(11))
    with pytest.raises(ValueError, match="too short"):
        sctp.ports(bytes(3))


def test_chunks_that_we_have_no_use_for_are_passed_over():
    body = bytes([3, 0, 0, 16]) + bytes(12) + sctp._encoded(sctp.Abort())
    bare = sctp._HEADER.pack(1, 2, 3, bytes(4)) + body
    wire = sctp._HEADER.pack(1, 2, 3, crc32c(bare).to_bytes(4, "little")) + body

    assert sctp.decode(wire) == sctp.Packet(1, 2, 3, (sctp.Abort(),))
