"""Packets pushed through a ruleset's forward hook, as fast as one core can, in network namespaces of their own.

A `Router` is a child process in its own network namespace. It writes frames to one end of a veth pair; the other
end takes them in, the kernel routes them and its forward hook judges them. The ruleset under test drops what
it judged, so that connection tracking forgets the packet and every packet is a new connection.
"""

import ctypes
import errno
import os
import random
import socket
import struct
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path

import nftables
from pyroute2 import IPRoute

BATCH = 128
_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("iov", ctypes.POINTER(_Iovec)),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint),
    )


class Router:
    """A forwarding kernel with one ruleset, ready to be timed."""

    def __init__(self, script: str, pairs: Sequence[tuple[int, int]]) -> None:
        self._pipe, child = Pipe()
        self._process = Process(target=_serve, args=(child, script, pairs), daemon=True)
        self._process.start()
        answer = self._receive()
        if isinstance(answer, str):
            raise RuntimeError(answer)  # noqa: TRY004 - it is the child's error
        self.load_seconds: float = answer["load"]
        self.sent = 0

    def nanoseconds_per_packet(self, packets: int) -> float:
        """Push at least that many packets through and return the mean time of one, sender's part included."""
        self._pipe.send(packets)
        answer = self._receive()
        if isinstance(answer, str):
            raise RuntimeError(answer)  # noqa: TRY004 - it is the child's error
        nanoseconds, sent = answer
        self.sent += sent
        return nanoseconds / sent

    def dropped(self) -> int:
        """Return how many packets the ruleset's deny counters have seen."""
        self._pipe.send("count")
        return int(self._receive())

    def close(self) -> None:
        """End the child, and with it its namespace."""
        self._pipe.send(None)
        self._process.join()

    def _receive(self):
        return self._pipe.recv() if self._pipe.poll(300) else "the router does not answer"


def _serve(pipe: Connection, script: str, pairs: Sequence[tuple[int, int]]) -> None:
    try:
        burst, load = _set_up(script, pairs)
        pipe.send({"load": load})
    except Exception as error:  # noqa: BLE001 - the parent reports it
        pipe.send(repr(error))
        return
    while (request := pipe.recv()) is not None:
        if request == "count":
            pipe.send(_denied())
        else:
            pipe.send(burst(request))


def _set_up(script: str, pairs: Sequence[tuple[int, int]]):
    if _libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot make a network namespace")
    with IPRoute() as ip:
        ip.link("add", ifname="wire", kind="veth", peer={"ifname": "router"})
        for name in ("lo", "wire", "router"):
            ip.link("set", ifname=name, state="up")
        index = ip.link_lookup(ifname="router")[0]
        router_mac = ip.link("get", index=index)[0].get_attr("IFLA_ADDRESS")
        ip.addr("add", index=index, address="192.0.2.1", prefixlen=24)
        ip.neigh("add", dst="192.0.2.2", lladdr="02:00:00:00:00:02", ifindex=index)
        ip.route("add", dst="10.0.0.0/8", gateway="192.0.2.2")
    for key, value in {"ip_forward": 1, "conf/all/rp_filter": 0, "conf/router/rp_filter": 0}.items():
        Path(f"/proc/sys/net/ipv4/{key}").write_text(str(value))
    started = time.perf_counter()
    code, _, error = nftables.Nftables().cmd(script)
    if code:
        raise RuntimeError(error[:500])
    load = time.perf_counter() - started
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind(("wire", 0))
    mac = bytes.fromhex(router_mac.replace(":", ""))
    frames = [ctypes.create_string_buffer(_frame(mac, *pair), 64) for pair in pairs]
    vectors = (_Iovec * len(frames))(*(_Iovec(ctypes.addressof(frame), 60) for frame in frames))
    messages = (_Message * len(frames))()
    for message, vector in zip(messages, vectors, strict=True):
        message.iov = ctypes.pointer(vector)
        message.iov_count = 1

    def burst(packets: int) -> tuple[int, int] | str:
        sent = 0
        began = time.perf_counter_ns()
        while sent < packets:
            at = sent % (len(frames) - BATCH + 1) // BATCH * BATCH
            done = _libc.sendmmsg(out.fileno(), ctypes.byref(messages[at]), BATCH, 0)
            if done > 0:
                sent += done
            elif ctypes.get_errno() != errno.ENOBUFS:  # which says that the router's queue is full
                return repr(OSError(ctypes.get_errno(), "sendmmsg"))
        return time.perf_counter_ns() - began, sent

    burst.keep = (frames, vectors)
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    return burst, load


def _frame(router_mac: bytes, source: int, destination: int) -> bytes:
    """Build a small UDP packet to port 9 in an Ethernet frame."""
    udp = struct.pack("!HHHH", 40000, 9, 26, 0) + bytes(18)
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(udp),
        0,
        0,
        64,
        socket.IPPROTO_UDP,
        0,
        IPv4Address(source).packed,
        IPv4Address(destination).packed,
    )
    checksum = sum(struct.unpack("!10H", head))
    checksum = ~(checksum + (checksum >> 16)) & 0xFFFF
    head = head[:10] + struct.pack("!H", checksum) + head[12:]
    return router_mac + bytes.fromhex("020000000001") + b"\x08\x00" + head + udp


def _denied() -> int:
    nft = nftables.Nftables()
    nft.set_json_output(True)
    nft.set_stateless_output(False)
    _code, output, _error = nft.cmd("list counters")
    import json  # noqa: PLC0415

    objects = json.loads(output)["nftables"]
    return sum(
        o["counter"]["packets"]
        for o in objects
        if "counter" in o and (o["counter"]["name"].endswith(".deny") or o["counter"]["name"] == "dropped")
    )


def pairs_among(addresses: Sequence[int], count: int = 2048, seed: int = 1) -> list[tuple[int, int]]:
    """Draw ordered pairs of distinct addresses."""
    chance = random.Random(seed)
    return [tuple(chance.sample(addresses, 2)) for _ in range(count)]
