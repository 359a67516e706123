"""Links, addresses, routes and sysctls of the lab's namespaces.

Every namespace but the fabric hangs on one router by one veth: pods on their node, nodes and outside hosts on
the fabric. There is no bridge; all is routed with routes to single addresses. So whatever a pod says to
another one, even to one on the same node, is forwarded by its node. Routers' addresses never need ARP, which no
policy engine for IP sees. Between pods and nodes IPv6 does discover its neighbours, because an engine can break that.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute, NetlinkError

from anp.lab.errors import LabError, UnsupportedKernelError
from anp.lab.namespace import Namespace
from anp.lab.topology import FABRIC_ADDRESS, GATEWAY, NEIGHBOUR
from compiler.addresses import Address

UPLINK = "eth0"
"""The name of every namespace's only way out."""

# All links are point to point, so that every one may have the same two hardware addresses.
_ROUTER_MAC, _LEAF_MAC = "02:6c:61:62:00:01", "02:6c:61:62:00:02"

_FAMILY = {4: 2, 6: 10}
_ONLINK = 4
_SCOPE_LINK = 253
_NO_DUPLICATE_DETECTION = 2
_PERMANENT = 0x80
_EVERYTHING = {4: "0.0.0.0/0", 6: "::/0"}


@dataclass(frozen=True, slots=True)
class Link:
    """A veth between a router and its leaf; `discovers` says whether the two find each other by neighbour discovery."""

    router: Namespace
    leaf: Namespace
    name: str
    discovers: bool


def prepare(namespace: Namespace, *, forwards: bool) -> None:
    """Make a new namespace fit for the lab: loopback up, addresses usable at once, no limit on ICMP errors.

    Raises:
        UnsupportedKernelError: the kernel has no IPv6.
        LabError: the kernel refuses a setting.

    """

    def body() -> None:
        if not Path("/proc/sys/net/ipv6").exists():
            raise UnsupportedKernelError("the lab needs IPv6, which this kernel lacks or was told to switch off")
        for name, value in _sysctls(forwards=forwards):
            _set(name, value)
        with _netlink("bring up loopback") as netlink:
            netlink.link("set", index=1, state="up")

    namespace.call(body)


def prepare_fabric(namespace: Namespace) -> None:
    """Make `namespace` the router between nodes and outside hosts, with an address to send errors from."""
    prepare(namespace, forwards=True)

    def body() -> None:
        with _netlink("give the fabric its addresses") as netlink:
            for address in FABRIC_ADDRESS.values():
                _put_address(netlink, 1, address)

    namespace.call(body)


def connect(link: Link) -> None:
    """Lay the veth and give both ends a way to the other."""

    def router_end() -> None:
        with _netlink(f"make the veth {link.name}") as netlink:
            netlink.link(
                "add",
                ifname=link.name,
                kind="veth",
                address=_ROUTER_MAC,
                peer={"ifname": UPLINK, "net_ns_fd": link.leaf.fd, "address": _LEAF_MAC},
            )
            index = _index(netlink, link.name)
            netlink.link("set", index=index, state="up")
            netlink.addr(
                "add",
                index=index,
                address=str(GATEWAY[6]),
                prefixlen=64,
                family=_FAMILY[6],
                flags=_NO_DUPLICATE_DETECTION,
            )
            _know_neighbour(netlink, index, NEIGHBOUR[4], _LEAF_MAC)
            if not link.discovers:
                _know_neighbour(netlink, index, NEIGHBOUR[6], _LEAF_MAC)

    def leaf_end() -> None:
        with _netlink(f"bring up {UPLINK}") as netlink:
            netlink.link("set", index=_index(netlink, UPLINK), state="up")

    link.router.call(router_end)
    link.leaf.call(leaf_end)


def disconnect(link: Link) -> None:
    """Take the veth away, and with it all that was routed over it.

    The kernel may have done so: it takes the leaf's namespace back some time after nobody holds it any more.
    """

    def body() -> None:
        with _netlink(f"remove the veth {link.name}") as netlink, _missing_is_fine():
            for index in netlink.link_lookup(ifname=link.name):
                netlink.link("del", index=index)

    link.router.call(body)


def readdress(link: Link, old: Iterable[Address], new: Iterable[Address]) -> None:
    """Give the leaf the addresses `new` instead of `old`, and have its router send them there."""
    before, after = set(old), set(new)

    def leaf_end() -> None:
        with _netlink(f"change the addresses of {UPLINK}") as netlink:
            index = _index(netlink, UPLINK)
            for item in after - before:
                _put_address(netlink, index, item)
            for item in before - after:
                netlink.addr(
                    "del", index=index, address=str(item), prefixlen=item.max_prefixlen, family=_FAMILY[item.version]
                )
            # Last, because the kernel takes routes and neighbours away with the last address.
            for version in sorted({item.version for item in after}):
                if version == 4 or not link.discovers:
                    _know_neighbour(netlink, index, GATEWAY[version], _ROUTER_MAC)
                netlink.route(
                    "replace",
                    family=_FAMILY[version],
                    dst=_EVERYTHING[version],
                    gateway=str(GATEWAY[version]),
                    oif=index,
                    flags=_ONLINK,
                )

    link.leaf.call(leaf_end)
    route(link, before, after)


def route(link: Link, old: Iterable[Address], new: Iterable[Address]) -> None:
    """Have the router send packets to `new` over this link, and no longer those to the rest of `old`."""
    before, after = set(old), set(new)

    def body() -> None:
        with _netlink(f"change the routes over {link.name}") as netlink:
            index = _index(netlink, link.name)
            for item in after - before:
                netlink.route("replace", **_route_to(link, index, item))
            for item in before - after:
                with _missing_is_fine():
                    netlink.route("del", **_route_to(link, index, item))

    link.router.call(body)


def _route_to(link: Link, index: int, destination: Address) -> dict[str, object]:
    version = destination.version
    base = {"family": _FAMILY[version], "dst": f"{destination}/{destination.max_prefixlen}", "oif": index}
    if version == 6 and link.discovers:
        return base
    return {**base, "gateway": str(NEIGHBOUR[version]), "flags": _ONLINK}


def _sysctls(*, forwards: bool) -> Iterator[tuple[str, str]]:
    forwarding = str(int(forwards))
    yield "net/ipv4/ip_forward", forwarding
    # No ICMP error may go missing: no kind of them counts against any limit (IPv6 wants at least one that does).
    yield "net/ipv4/icmp_ratemask", "0"
    yield "net/ipv6/icmp/ratemask", "255"
    # Who may open an echo socket: the group that we are.
    yield "net/ipv4/ping_group_range", f"{os.getegid()} {os.getegid()}"
    for which in ("all", "default"):
        # Strict: the way back is always the way that a packet came, and a pod that lies about its address is a bug.
        yield f"net/ipv4/conf/{which}/rp_filter", "1"
        yield f"net/ipv6/conf/{which}/disable_ipv6", "0"
        yield f"net/ipv6/conf/{which}/forwarding", forwarding
        yield f"net/ipv6/conf/{which}/accept_dad", "0"
        yield f"net/ipv6/conf/{which}/accept_ra", "0"
        yield f"net/ipv6/conf/{which}/router_solicitations", "0"
        # Link-local addresses are ours to give.
        yield f"net/ipv6/conf/{which}/addr_gen_mode", "1"


def _set(name: str, value: str) -> None:
    try:
        Path("/proc/sys", name).write_text(value, encoding="utf-8")
    except OSError as error:
        raise LabError(f"cannot set the sysctl {name.replace('/', '.')} to {value}: {error.strerror}") from error


@contextmanager
def _netlink(purpose: str) -> Iterator[IPRoute]:
    """Talk to the kernel about the namespace of this thread; what it refuses is an error that names `purpose`."""
    try:
        with IPRoute() as netlink:
            yield netlink
    except NetlinkError as error:
        if error.code == errno.EOPNOTSUPP:
            raise UnsupportedKernelError(
                f"cannot {purpose}: the kernel does not know how (is there a veth module?)"
            ) from error
        raise LabError(f"cannot {purpose}: {os.strerror(error.code)}") from error


def _index(netlink: IPRoute, name: str) -> int:
    found = netlink.link_lookup(ifname=name)
    if not found:
        raise LabError(f"somebody took the link {name} away")
    return int(found[0])


def _put_address(netlink: IPRoute, index: int, item: Address) -> None:
    flags = {"flags": _NO_DUPLICATE_DETECTION} if item.version == 6 else {}
    netlink.addr(
        "add", index=index, address=str(item), prefixlen=item.max_prefixlen, family=_FAMILY[item.version], **flags
    )


def _know_neighbour(netlink: IPRoute, index: int, neighbour: Address, mac: str) -> None:
    netlink.neigh(
        "replace", ifindex=index, dst=str(neighbour), lladdr=mac, state=_PERMANENT, family=_FAMILY[neighbour.version]
    )


@contextmanager
def _missing_is_fine() -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        if error.code not in {errno.ESRCH, errno.ENODEV}:
            raise
