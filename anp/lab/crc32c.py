"""CRC32c, the checksum of SCTP (RFC 9260, appendix A)."""

_REVERSED_POLYNOMIAL = 0x82F63B78


def crc32c(data: bytes) -> int:
    """Return the CRC32c of `data`."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_REVERSED_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_entry, range(256)))
