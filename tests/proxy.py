"""Something between a client and a server that can be cut, and that can swallow all that goes through it."""

import contextlib
import select
import socket
import threading


class Proxy:
    """Passes connections on to another port on loopback, until told otherwise."""

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends = set()
        self._open = threading.Event()
        self._open.set()
        self._refusing = False
        self._lock = threading.Lock()
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """End all connections; new ones are welcome."""
        with self._lock:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def refuse(self):
        """End all connections, and every new one at once."""
        self._refusing = True
        self.cut()

    def hang(self):
        """Pass nothing on any more, and keep all connections."""
        self._open.clear()

    def relent(self):
        """Pass everything on again."""
        self._refusing = False
        self._open.set()

    def close(self):
        self.refuse()
        self._open.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self._refusing:
                client.close()
                continue
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._target)) as server:
            ends = {client: server, server: client}
            with self._lock:
                self._ends |= set(ends)
            try:
                while not self._refusing:
                    for end in select.select(list(ends), [], [])[0]:
                        data = end.recv(65536)
                        self._open.wait()
                        if not data:
                            return
                        ends[end].sendall(data)
            finally:
                with self._lock:
                    self._ends -= set(ends)
