"""The nft text that makes Services work on a node, with the hooks and priorities of kube-proxy's nftables mode.

Policies must hold whatever rewrites packets around them, so this is what they are tested beside: destinations are
rewritten in prerouting and output at -100, sources in postrouting at 100 where a mark asks for it, and what nobody is
behind is refused in the filter hooks at 0. The tables are ours to write whole, and no user's text is in them: all words
are from this file, from numbers, addresses and hashes.
"""

import hashlib
from collections.abc import Iterable, Iterator

from anp.lab.services import Backend, Route, by_cluster_address, by_node_port
from compiler.addresses import VERSIONS, Address, IpVersion
from compiler.model import Protocol

TABLE = "lab-services"
"""The name of the table, one in each of nft's families ``ip`` and ``ip6``."""

MASQUERADE_BIT = 0x4000
"""The bit of the packet mark that asks postrouting for another source, as in kube-proxy."""

_FAMILY: dict[IpVersion, str] = {4: "ip", 6: "ip6"}
_ADDRESS_TYPE: dict[IpVersion, str] = {4: "ipv4_addr", 6: "ipv6_addr"}
_PORT = "inet_proto . inet_service"


def services_script(routes: Iterable[Route], node: Iterable[Address]) -> str:
    """Return one transaction that gives a node with these addresses exactly these routes; without any, no table.

    Node ports are answered on the node's first address of each family, its primary one.
    """
    known = tuple(routes)
    primary = {address.version: address for address in reversed(tuple(node))}
    return "".join(
        f"{line}\n"
        for version in VERSIONS
        for line in _table(version, [r for r in known if r.version == version], primary.get(version))
    )


def _table(version: IpVersion, routes: list[Route], node: Address | None) -> Iterator[str]:
    here = f"{_FAMILY[version]} {TABLE}"
    # Adding first makes deleting one that is not there no mistake.
    yield f"add table {here}"
    yield f"delete table {here}"
    if not routes:
        return
    cluster, ports = by_cluster_address(routes), by_node_port(routes) if node else {}
    chosen = {_service(route): route for route in (*cluster.values(), *ports.values())}
    backends = {(_protocol(route), backend) for route in chosen.values() for backend in route.backends}
    yield f"table {here} {{"
    yield from _sets(version, cluster, ports, node)
    yield from _fixed_chains(version)
    for protocol, backend in sorted(backends, key=str):
        yield from _endpoint_chain(version, protocol, backend)
    for name, route in sorted(chosen.items()):
        if route.backends:
            yield from _service_chains(name, route)
    yield "}"


def _sets(
    version: IpVersion,
    cluster: dict[tuple[Address, Protocol, int], Route],
    ports: dict[tuple[IpVersion, Protocol, int], Route],
    node: Address | None,
) -> Iterator[str]:
    address = _ADDRESS_TYPE[version]
    at_cluster = [(f"{ip} . {proto.value} . {port}", route) for (ip, proto, port), route in cluster.items()]
    at_node = [(f"{proto.value} . {port}", route) for (_version, proto, port), route in ports.items()]
    yield from _set("cluster-addresses", address, sorted({str(ip) for ip, _proto, _port in cluster}))
    yield from _set("node-addresses", address, [str(node)] if node else [])
    for name, kind, entries, target in (
        ("cluster-services", f"{address} . {_PORT}", at_cluster, "service"),
        ("node-services", _PORT, at_node, "outer"),
    ):
        found = [f"{key} : goto {target}-{_service(route)}" for key, route in entries if route.backends]
        absent = [f"{key} : goto refuse" for key, route in entries if not route.backends]
        yield from _map(name, kind, found)
        yield from _map(f"absent-{name}", kind, absent)


def _set(name: str, kind: str, elements: list[str]) -> Iterator[str]:
    yield f"set {name} {{ type {kind}; {_elements(elements)}}}"


def _map(name: str, kind: str, elements: list[str]) -> Iterator[str]:
    yield f"map {name} {{ type {kind} : verdict; {_elements(elements)}}}"


def _elements(elements: list[str]) -> str:
    return f"elements = {{ {', '.join(elements)} }}; " if elements else ""


def _fixed_chains(version: IpVersion) -> Iterator[str]:
    to = f"{_FAMILY[version]} daddr"
    what = "meta l4proto . th dport"
    yield from _chain(
        "translate",
        f"{to} . {what} vmap @cluster-services",
        f"{to} @node-addresses {what} vmap @node-services",
    )
    yield from _chain(
        "check",
        f"{to} . {what} vmap @absent-cluster-services",
        f"{to} @node-addresses {what} vmap @absent-node-services",
        f"{to} @cluster-addresses goto refuse",
    )
    yield from _chain("refuse", "reject")
    yield from _chain("ask-for-masquerade", f"meta mark set meta mark or {MASQUERADE_BIT:#x}")
    for hook in ("prerouting", "output"):
        yield from _chain(f"nat-{hook}", f"type nat hook {hook} priority -100;", "jump translate")
    yield from _chain(
        "nat-postrouting",
        "type nat hook postrouting priority 100;",
        f"meta mark and {MASQUERADE_BIT:#x} == 0 return",
        f"meta mark set meta mark xor {MASQUERADE_BIT:#x}",
        "masquerade fully-random",
    )
    for hook in ("input", "forward", "output"):
        yield from _chain(f"filter-{hook}", f"type filter hook {hook} priority 0;", "ct state new jump check")


def _endpoint_chain(version: IpVersion, protocol: Protocol, backend: Backend) -> Iterator[str]:
    address, port = backend
    target = f"{address}:{port}" if version == 4 else f"[{address}]:{port}"
    # A pod must not see its own address as the sender, or it would answer itself without the way back (2.14).
    yield from _chain(
        _endpoint(protocol, backend),
        f"{_FAMILY[version]} saddr {address} jump ask-for-masquerade",
        f"meta l4proto {protocol.value} dnat to {target}",
    )


def _service_chains(name: str, route: Route) -> Iterator[str]:
    choices = ", ".join(
        f"{number} : goto {_endpoint(_protocol(route), backend)}" for number, backend in enumerate(route.backends)
    )
    yield from _chain(f"service-{name}", f"numgen random mod {len(route.backends)} vmap {{ {choices} }}")
    # Answers have to come back this way, whatever node the pod is on.
    yield from _chain(f"outer-{name}", "jump ask-for-masquerade", f"goto service-{name}")


def _chain(name: str, *rules: str) -> Iterator[str]:
    yield f"chain {name} {{"
    yield from rules
    yield "}"


def _protocol(route: Route) -> Protocol:
    return route.port.protocol


def _service(route: Route) -> str:
    # Pods are part of it: manifests may give one port twice, once with and once without anybody behind it.
    return _hash(route.service, route.address, _protocol(route).value, route.port.port, *route.backends)


def _endpoint(protocol: Protocol, backend: Backend) -> str:
    return f"endpoint-{_hash(protocol.value, *backend)}"


def _hash(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]
