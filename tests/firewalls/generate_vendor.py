"""Rules in the abstract, the same rules in the languages of vendors, and large configurations made of them by a seed.

Run as ``python -m tests.firewalls.generate_vendor asa 3500 > big.cfg``, with ``asa``, ``ios``, ``nxos`` or ``nsxt``.
"""

import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address, ip_network

from hypothesis import strategies as st

from anp.firewall.model import Action, Firewall
from anp.firewall.providers.provider import Options, Provider, Source
from tests.firewalls.oracle import Packet, ends_with_its_default, evaluate, is_accounted_for

NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "gre": 47}


@dataclass(frozen=True)
class Abstract:
    """One rule: no networks and no ports mean any, and the protocol ``ip`` means every one."""

    permit: bool
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    protocol: str = "ip"
    ports: tuple[tuple[int, int], ...] = ()

    def matches(self, packet: Packet) -> bool:
        def within(networks: tuple[str, ...], address) -> bool:
            return not networks or any(address in ip_network(network) for network in networks)

        return (
            within(self.sources, packet.source)
            and within(self.destinations, packet.destination)
            and self.protocol in {"ip", *(name for name, number in NUMBERS.items() if number == packet.protocol)}
            and (not self.ports or any(first <= packet.port <= last for first, last in self.ports))
        )

    @property
    def verb(self) -> str:
        return "permit" if self.permit else "deny"


def verdict(rules: Iterable[Abstract], packet: Packet) -> bool:
    """Say whether the first rule that matches permits; nothing else does."""
    return next((rule.permit for rule in rules if rule.matches(packet)), False)


def packets(rules: Sequence[Abstract], chance: random.Random, count: int) -> Iterator[Packet]:
    """Yield packets of which most are in the corners of rules."""
    for _ in range(count):
        known = [chance.choice(rules) for _ in range(3)] or [Abstract(permit=True)]
        source = _near(chance, known[0].sources)
        destination = _near(chance, known[1].destinations)
        if source.version != destination.version:
            destination = ip_address("10.1.2.3") if source.version == 4 else ip_address("2001:db8::7")
        ports = [end + step for first, last in known[2].ports for end in (first, last) for step in (-1, 0, 1)]
        port = chance.choice([*ports, chance.randrange(65_536)])
        protocol = chance.choice([6, 6, 17, *NUMBERS.values()])
        yield Packet(source, destination, protocol, min(max(port, 0), 65_535))


def _near(chance: random.Random, networks: Sequence[str]):
    if not networks or chance.random() < 0.1:
        return ip_address(f"10.{chance.randrange(40)}.{chance.randrange(256)}.{chance.randrange(256)}")
    network = ip_network(chance.choice(networks))
    low, high = int(network.network_address), int(network.broadcast_address)
    number = chance.choice((low - 1, low, high, high + 1, chance.randint(low, high)))
    top = (1 << network.max_prefixlen) - 1
    return type(network.network_address)(min(max(number, 0), top))


@st.composite
def abstracts(draw: st.DrawFn) -> list[Abstract]:
    """Rules about so few addresses and ports that they meet."""
    networks = st.lists(st.sampled_from(NETWORKS), max_size=4, unique=True).map(tuple)
    edges = st.tuples(st.sampled_from(EDGES), st.sampled_from(EDGES)).map(sorted).map(tuple)
    found = []
    for _ in range(draw(st.integers(1, 8))):
        protocol = draw(st.sampled_from(["ip", "tcp", "tcp", "udp", "icmp", "gre"]))
        ports = draw(st.lists(edges, max_size=3)) if protocol in {"tcp", "udp"} else []
        found.append(Abstract(draw(st.booleans()), draw(networks), draw(networks), protocol, tuple(ports)))
    return found


NETWORKS = (
    *("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "10.1.2.4/32", "10.1.3.0/25", "10.2.0.0/15"),
    *("0.0.0.0/0", "198.51.100.0/24", "255.255.255.255/32", "2001:db8::/32", "2001:db8::7/128", "::/0"),
)
EDGES = (0, 1, 22, 23, 79, 80, 81, 443, 1023, 1024, 8080, 65_534, 65_535)


def read(provider: Provider, text: str | bytes, options: Options | None = None) -> Firewall:
    """Read a text, and check what holds of every answer of a provider."""
    data = text.encode() if isinstance(text, str) else text
    firewall = provider.read(Source.of("firewall", data), options or Options())
    assert is_accounted_for(firewall)
    assert all(ends_with_its_default(one, firewall) for one in firewall.lists)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    assert all(0 <= one.at.line <= lines for one in firewall.statements)
    assert all(one.line <= lines for one in firewall.diagnostics)
    return firewall


def assert_says(firewall: Firewall, rules: Sequence[Abstract], seed: int, count: int = 60) -> None:
    """Check that a firewall says of packets what abstract rules say."""
    for packet in packets(rules, random.Random(seed), count):
        said = evaluate(firewall, packet).action
        assert said is (Action.PERMIT if verdict(rules, packet) else Action.DENY), packet


def numbers_of_errors(firewall: Firewall) -> list[int]:
    """Return the lines of which there is something bad to say, ascending."""
    return sorted({one.line for one in firewall.diagnostics if one.severity.label == "error"})


# What must not change a verdict.


def split(rules: Iterable[Abstract]) -> list[Abstract]:
    """Write each network as its halves."""

    def halves(networks: Iterable[str]) -> tuple[str, ...]:
        found = (ip_network(network) for network in networks)
        return tuple(
            str(half)
            for network in found
            for half in (network.subnets() if network.prefixlen < network.max_prefixlen else [network])
        )

    return [replace(rule, sources=halves(rule.sources), destinations=halves(rule.destinations)) for rule in rules]


def with_dead(rules: Iterable[Abstract]) -> Iterator[Abstract]:
    """Repeat each rule with the other verdict."""
    for rule in rules:
        yield rule
        yield replace(rule, permit=not rule.permit)


@dataclass(frozen=True)
class Style:
    """How to write: what names begin with, and whether each network has a group of its own inside of another."""

    prefix: str = "G"
    nested: bool = False


PLAIN = Style()

STYLES = (PLAIN, Style(prefix="other.name-of", nested=True))

# ASA.


def asa(rules: Sequence[Abstract], style: Style = PLAIN) -> str:
    groups: list[str] = []
    lines = [_asa_rule(rule, groups, style) for rule in rules]
    return "\n".join([*groups, *lines, ""])


def _asa_rule(rule: Abstract, groups: list[str], style: Style) -> str:
    sources, destinations = (_asa_ends(ends, groups, style) for ends in (rule.sources, rule.destinations))
    return f"access-list MAIN extended {rule.verb} {rule.protocol} {sources} {destinations}{_asa_ports(rule, groups)}"


def _asa_ends(networks: tuple[str, ...], groups: list[str], style: Style) -> str:
    if not networks:
        return "any"
    if len(networks) == 1 and not style.nested:
        return _asa_network(networks[0])
    name = f"{style.prefix}_{len(groups)}"
    members = [f" network-object {_asa_network(network)}" for network in networks]
    if style.nested:
        inner = [f"{name}_{number}" for number in range(len(members))]
        groups.extend(f"object-group network {one}\n{member}" for one, member in zip(inner, members, strict=True))
        members = [f" group-object {one}" for one in inner]
    groups.append("\n".join([f"object-group network {name}", *members]))
    return f"object-group {name}"


def _asa_network(written: str) -> str:
    network = ip_network(written)
    if network.version == 6:
        return written
    if network.prefixlen == 32:
        return f"host {network.network_address}"
    return f"{network.network_address} {network.netmask}"


def _asa_ports(rule: Abstract, groups: list[str]) -> str:
    if not rule.ports:
        return ""
    if len(rule.ports) == 1:
        return f" {_operator(rule.ports[0])}"
    name = f"PORTS_{len(groups)}"
    groups.append("\n".join([f"object-group service {name} {rule.protocol}", *_port_objects(rule.ports)]))
    return f" object-group {name}"


def _port_objects(ports: Iterable[tuple[int, int]]) -> list[str]:
    return [f" port-object {_operator(one)}" for one in ports]


def _operator(ports: tuple[int, int]) -> str:
    first, last = ports
    if first == last:
        return f"eq {first}"
    if first == 0 and last < 65_535:
        return f"lt {last + 1}"
    return f"gt {first - 1}" if last == 65_535 and first else f"range {first} {last}"


# IOS and NX-OS: one list for each family, without groups where there are few combinations.


def ios(rules: Sequence[Abstract], style: Style = PLAIN) -> str:
    groups: list[str] = []
    v4 = [line for rule in rules for line in _ios_lines(rule, 4, groups, style, _ios_network)]
    v6 = [line for rule in rules for line in _ios_lines(rule, 6, groups, style, _ios_network)]
    # A deny at the end, for a list without any rule is none.
    v4, v6 = [*v4, " deny ip any any"], [*v6, " deny ipv6 any any"]
    return "\n".join([*groups, "ip access-list extended MAIN", *v4, "ipv6 access-list MAIN6", *v6, ""])


def nxos(rules: Sequence[Abstract], style: Style = PLAIN) -> str:
    groups: list[str] = []
    body = []
    for version, head in ((4, "ip access-list MAIN"), (6, "ipv6 access-list MAIN6")):
        lines = [line for rule in rules for line in _ios_lines(rule, version, groups, style, _nxos_network)]
        lines.append(" deny ip any any")
        numbered = [f" {number}{line}" for number, line in enumerate(lines, start=100)]
        # Numbers order the list, not lines.
        body += [head, *reversed(numbered)]
    return "\n".join([*groups, *body, ""])


def _ios_lines(rule: Abstract, version: int, groups: list[str], style: Style, network) -> Iterator[str]:
    protocol = "ipv6" if version == 6 and rule.protocol == "ip" else rule.protocol
    if version == 6 and protocol == "icmp":
        protocol = "1"
    ends = [_ios_ends(networks, version, groups, style, network) for networks in (rule.sources, rule.destinations)]
    operators = [f" {_operator(ports)}" for ports in rule.ports] or [""]
    for source in ends[0]:
        for destination in ends[1]:
            yield from (f" {rule.verb} {protocol} {source} {destination}{operator}" for operator in operators)


def _ios_ends(networks: tuple[str, ...], version: int, groups: list[str], style: Style, network) -> list[str]:
    if not networks:
        return ["any"]
    its = [one for one in networks if ip_network(one).version == version]
    if len(its) < 3 or version == 6 or network is _nxos_network:
        return [network(one) for one in its]
    name = f"{style.prefix}_{len(groups)}"
    members = [f" {_ios_member(one)}" for one in its]
    if style.nested:
        inner = [f"{name}_{number}" for number in range(len(members))]
        groups.extend(f"object-group network {one}\n{member}" for one, member in zip(inner, members, strict=True))
        members = [f" group-object {one}" for one in inner]
    groups.append("\n".join([f"object-group network {name}", *members]))
    return [f"object-group {name}"]


def _ios_member(written: str) -> str:
    network = ip_network(written)
    if network.prefixlen == 32:
        return f"host {network.network_address}"
    return f"{network.network_address} {network.netmask}"


def _ios_network(written: str) -> str:
    network = ip_network(written)
    if network.version == 6:
        return written
    if network.prefixlen == 32:
        return f"host {network.network_address}"
    return f"{network.network_address} {network.hostmask}"


def _nxos_network(written: str) -> str:
    return written


# NSX-T.


def nsxt(rules: Sequence[Abstract], style: Style = PLAIN) -> str:
    groups: list[dict] = []
    services: list[dict] = []
    written = [_nsxt_rule(rule, number, groups, services, style) for number, rule in enumerate(rules)]
    categories = ("Emergency", "Infrastructure", "Environment", "Application")
    size = len(written) // len(categories) + 1
    policies = [
        _policy(category, 10, written[place * size : (place + 1) * size], category=category)
        for place, category in enumerate(categories)
    ]
    last = _rule("default-layer3-rule", 1, "DROP", is_default=True)
    policies.append(_policy("default-layer3-section", 2**31 - 1, [last], category="Application", is_default=True))
    # Sequence numbers order them, not their places.
    return json.dumps({"results": [*reversed(policies), *groups, *services]}, indent=1)


def _policy(name: str, number: int, rules: list[dict], **more) -> dict:
    path = f"/infra/domains/default/security-policies/{name}"
    rules = [{**rule, "path": f"{path}/rules/{rule['id']}"} for rule in rules]
    return {
        "resource_type": "SecurityPolicy",
        "id": name,
        "display_name": name,
        "path": path,
        "sequence_number": number,
        "scope": ["ANY"],
        "rules": rules,
        **more,
    }


def _rule(name: str, number: int, action: str, **more) -> dict:
    return {
        "resource_type": "Rule",
        "id": name,
        "display_name": name,
        "sequence_number": number,
        "action": action,
        "source_groups": ["ANY"],
        "destination_groups": ["ANY"],
        "services": ["ANY"],
        "scope": ["ANY"],
        "direction": "IN_OUT",
        **more,
    }


def _nsxt_rule(rule: Abstract, number: int, groups: list[dict], services: list[dict], style: Style) -> dict:
    return _rule(
        f"rule-{number}",
        number,
        "ALLOW" if rule.permit else ("DROP", "REJECT")[number % 2],
        source_groups=_nsxt_ends(rule.sources, groups, style),
        destination_groups=_nsxt_ends(rule.destinations, groups, style),
        services=_nsxt_services(rule, services),
    )


def _nsxt_group(name: str, *expression: dict) -> dict:
    return {
        "resource_type": "Group",
        "id": name,
        "display_name": name,
        "path": f"/infra/domains/default/groups/{name}",
        "expression": list(expression),
    }


def _nsxt_ends(networks: tuple[str, ...], groups: list[dict], style: Style) -> list[str]:
    if not networks:
        return ["ANY"]
    name = f"{style.prefix}-{len(groups)}"
    if not style.nested:
        groups.append(_nsxt_group(name, {"resource_type": "IPAddressExpression", "ip_addresses": list(networks)}))
        return [groups[-1]["path"]]
    inner = [
        _nsxt_group(f"{name}-{number}", {"resource_type": "IPAddressExpression", "ip_addresses": [network]})
        for number, network in enumerate(networks)
    ]
    groups.extend(inner)
    paths = [{"resource_type": "PathExpression", "paths": [one["path"]]} for one in inner]
    operator = {"resource_type": "ConjunctionOperator", "conjunction_operator": "OR"}
    expression = [part for path in paths for part in (operator, path)][1:]
    groups.append(_nsxt_group(name, *expression))
    return [groups[-1]["path"]]


def _nsxt_services(rule: Abstract, services: list[dict]) -> list[str]:
    if rule.protocol == "ip":
        return ["ANY"]
    entry: dict = {"resource_type": "IPProtocolServiceEntry", "protocol_number": NUMBERS[rule.protocol]}
    if rule.protocol in {"tcp", "udp"}:
        ports = [str(first) if first == last else f"{first}-{last}" for first, last in rule.ports]
        entry = {
            "resource_type": "L4PortSetServiceEntry",
            "l4_protocol": rule.protocol.upper(),
            "destination_ports": ports,
        }
    name = f"service-{len(services)}"
    path = f"/infra/services/{name}"
    services.append(
        {"resource_type": "Service", "id": name, "display_name": name, "path": path, "service_entries": [entry]}
    )
    return [path]


# Large ones.


def realistic(count: int, seed: int = 0) -> list[Abstract]:
    """Return rules as large sites have them: mostly permits between few networks, some blocks, a deny at the end."""
    chance = random.Random(seed)

    def host() -> str:
        return f"10.{chance.randrange(20, 28)}.{chance.randrange(8)}.{chance.randrange(1, 255)}/32"

    def network() -> str:
        return f"10.{chance.randrange(20, 28)}.{chance.randrange(8)}.0/24"

    def outside() -> str:
        return f"{chance.choice(('198.51.100', '203.0.113'))}.{chance.randrange(256)}/32"

    def ends() -> tuple[str, ...]:
        kinds = (host, host, network, outside)
        return tuple(dict.fromkeys(chance.choice(kinds)() for _ in range(chance.choice((1, 1, 2, 4)))))

    services = (("tcp", 443), ("tcp", 80), ("tcp", 22), ("tcp", 5432), ("tcp", 1521), ("udp", 53), ("udp", 123))
    found = []
    for _ in range(count):
        protocol, port = chance.choice(services)
        ports = [(port, port)]
        if chance.random() < 0.2:
            start = chance.randrange(8000, 9000)
            ports.append((start, start + chance.randrange(1, 20)))
        either = chance.random()
        rule = Abstract(
            permit=chance.random() < 0.85,
            sources=() if either < 0.15 else ends(),
            destinations=() if 0.15 < either < 0.2 else ends(),
            protocol=protocol,
            ports=tuple(ports),
        )
        found.append(replace(rule, protocol="ip", ports=()) if chance.random() < 0.08 else rule)
    return found


WRITERS = {"asa": asa, "ios": ios, "nxos": nxos, "nsxt": nsxt}


def large(language: str, count: int, seed: int = 0) -> str:
    """Return a configuration of so many rules."""
    return WRITERS[language](realistic(count, seed))


asa_config, ios_config, nxos_config, nsxt_export = (partial(large, language) for language in WRITERS)


if __name__ == "__main__":
    sys.stdout.write(large(sys.argv[1], int(sys.argv[2])))
