"""One network stack of the lab, with what serves in it."""

import contextlib
import errno
import functools
import itertools
import socket

from anp.lab.namespace import Namespace
from anp.lab.rawsctp import RawSctp
from anp.lab.servers import DatagramServer, StreamServer
from anp.lab.sockets import FAMILY
from anp.lab.topology import Place, Serves
from compiler.addresses import Address
from compiler.model import Protocol

_SOURCE_PORTS = range(10000, 65536)
# No port is used again before all others, here or at another site: a connection tracked earlier must not lend its
# verdict to a new one, and the address may have been another pod's then.
_next_source_ports = itertools.cycle(_SOURCE_PORTS)


class Site:
    """A namespace as the event loop's thread sees it; every method wants to be called in that thread.

    A host-network pod serves at its node's site, any other at its own.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        namespace.enter()
        self.sctp = None if kernel_speaks_sctp() else RawSctp()
        self._servers: dict[Place, contextlib.ExitStack] = {}

    def serve(self, place: Place, addresses: tuple[Address, ...], serves: Serves) -> None:
        """Serve this, and no more what `place` served before; raise OSError if an address is not there."""
        self.withdraw(place)
        message = f"{place}\n".encode()
        self.namespace.enter()
        with contextlib.ExitStack() as servers:
            for address in addresses:
                for protocol, port in serves:
                    self._serve_one(servers, address, protocol, port, message)
            self._servers[place] = servers.pop_all()

    def withdraw(self, place: Place) -> None:
        """Serve nothing any more in the name of `place`."""
        if place in self._servers:
            self._servers.pop(place).close()

    def bound(self, kind: int, protocol: int, source: Address) -> socket.socket:
        """Make a nonblocking socket here, with an address of ours and a fresh port; the caller closes it.

        Raises:
            OSError: the address is not there, or every port is taken.

        """
        self.namespace.enter()
        sock = socket.socket(FAMILY[source.version], kind | socket.SOCK_NONBLOCK, protocol)
        try:
            self._bind(sock, source)
        except OSError:
            sock.close()
            raise
        return sock

    def source_port(self) -> int:
        """Return the port whose last use is longest ago."""
        return next(_next_source_ports)

    def close(self) -> None:
        """Stop serving and let go of the namespace."""
        for place in tuple(self._servers):
            self.withdraw(place)
        if self.sctp is not None:
            self.sctp.close()
        self.namespace.close()

    def _bind(self, sock: socket.socket, source: Address) -> None:
        for _ in _SOURCE_PORTS:
            try:
                sock.bind((str(source), self.source_port()))
            except OSError as error:
                # Where something is served already, try the next.
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return
        raise OSError(errno.EADDRINUSE, "every port is taken")

    def _serve_one(
        self, servers: contextlib.ExitStack, address: Address, protocol: Protocol, port: int, message: bytes
    ) -> None:
        match protocol:
            case Protocol.TCP:
                servers.callback(StreamServer(socket.IPPROTO_TCP, address, port, message).close)
            case Protocol.UDP:
                servers.callback(DatagramServer(address, port, message).close)
            case Protocol.SCTP:
                if self.sctp is None:
                    servers.callback(StreamServer(socket.IPPROTO_SCTP, address, port, message).close)
                else:
                    self.sctp.serve(address, port, message)
                    servers.callback(self.sctp.withdraw, address, port)
            case Protocol.OTHER:
                raise ValueError("the kernel answers echoes, nobody else does")


@functools.cache
def kernel_speaks_sctp() -> bool:
    """Say whether the kernel has SCTP sockets; if not, a raw socket has to do their work."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True
