"""Documents and what an API server would say of them: the words that the tests of schemas are written in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anp.api import Channel

ALPHA1 = "policy.networking.k8s.io/v1alpha1"
ALPHA2 = "policy.networking.k8s.io/v1alpha2"

EVERY_POD = {"namespaces": {}}
PODS = {"pods": {"namespaceSelector": {}, "podSelector": {}}}
NETWORKS = {"networks": ["10.0.0.0/8", "fd00::/8"]}
NODES = {"nodes": {}}
DOMAINS = {"domainNames": ["example.com"]}

SCHEMA, CEL, OURS = "schema", "cel", "ours"
"""Who finds a mistake: the structure of the CRD, its CEL rules, or what stands in no CRD."""


def tcp(**port: Any) -> dict[str, Any]:
    return {"tcp": {"destinationPort": port}}


def cnp(name: str = "policy", **changes: Any) -> dict[str, Any]:
    spec = {"tier": "Admin", "priority": 10, "subject": EVERY_POD} | changes
    return {"apiVersion": ALPHA2, "kind": "ClusterNetworkPolicy", "metadata": {"name": name}, "spec": _given(spec)}


def anp(name: str = "policy", **changes: Any) -> dict[str, Any]:
    spec = {"priority": 10, "subject": EVERY_POD} | changes
    return {"apiVersion": ALPHA1, "kind": "AdminNetworkPolicy", "metadata": {"name": name}, "spec": _given(spec)}


def banp(name: str = "default", **changes: Any) -> dict[str, Any]:
    spec = {"subject": EVERY_POD} | changes
    return {
        "apiVersion": ALPHA1,
        "kind": "BaselineAdminNetworkPolicy",
        "metadata": {"name": name},
        "spec": _given(spec),
    }


def netpol(name: str = "policy", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "x"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def ingress(action: str = "Deny", peers: Any = (EVERY_POD,), **rest: Any) -> dict[str, Any]:
    return _given({"action": action, "from": list(peers) if isinstance(peers, tuple) else peers, **rest})


def egress(action: str = "Deny", peers: Any = (EVERY_POD,), **rest: Any) -> dict[str, Any]:
    return _given({"action": action, "to": list(peers) if isinstance(peers, tuple) else peers, **rest})


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a test sets to `...`: a field that is not there at all."""
    return {name: value for name, value in fields.items() if value is not ...}


@dataclass(frozen=True)
class Vector:
    """A document, the places of its mistakes, and who finds them."""

    name: str
    document: dict[str, Any]
    places: tuple[str, ...] = ()
    by: str = SCHEMA
    channel: Channel = Channel.EXPERIMENTAL

    def __str__(self) -> str:
        return f"{self.document['kind']}: {self.name}"


def _cidrs(*texts: str) -> dict[str, Any]:
    return cnp(egress=[egress(peers=({"networks": list(texts)},))])


def _domains(*texts: str) -> dict[str, Any]:
    return cnp(egress=[egress("Accept", ({"domainNames": list(texts)},))])


def _traffic(*items: Any) -> dict[str, Any]:
    return cnp(ingress=[ingress(protocols=list(items))])


def _ports(*items: Any) -> dict[str, Any]:
    return anp(egress=[egress(ports=list(items))])


STANDARD = Channel.STANDARD
TO, PROTOCOLS, PORTS = "spec.egress[0].to", "spec.ingress[0].protocols", "spec.egress[0].ports"
MANY_CIDRS = [f"10.{number}.0.0/16" for number in range(26)]
MANY_NAMES = [f"n{number}.example.com" for number in range(26)]

CLUSTER_VECTORS = (
    # ClusterNetworkPolicy, the rules of 1.5.
    Vector("smallest", cnp()),
    Vector("no rules", cnp(ingress=[], egress=[])),
    Vector("Deny from pods", cnp(ingress=[ingress(peers=({"pods": {"podSelector": {"matchLabels": {}}}},))])),
    Vector(
        "every kind of traffic",
        _traffic(
            tcp(number=8080),
            tcp(range={"start": 8080, "end": 9090}),
            {"udp": {"destinationPort": {"number": 8080}}},
            {"sctp": {"destinationPort": {"number": 9090}}},
            {"destinationNamedPort": "http"},
            {"destinationNamedPort": "monitoring"},
        ),
    ),
    Vector("every kind of peer", cnp(egress=[egress("Accept", (EVERY_POD, PODS, NETWORKS, NODES, DOMAINS))])),
    Vector("action unknown", cnp(ingress=[ingress("Invalid")]), ("spec.ingress[0].action",)),
    Vector("action of v1alpha1", cnp(egress=[egress("Allow")]), ("spec.egress[0].action",)),
    Vector("action missing", cnp(egress=[egress(...)]), ("spec.egress[0].action",)),
    Vector("Baseline Pass", cnp(tier="Baseline", egress=[egress("Pass")])),
    Vector("priority 0", cnp(priority=0)),
    Vector("priority 1000", cnp(priority=1000)),
    Vector("priority -1", cnp(priority=-1), ("spec.priority",)),
    Vector("priority 1001", cnp(priority=1001), ("spec.priority",)),
    Vector("priority missing", cnp(priority=...), ("spec.priority",)),
    Vector("priority text", cnp(priority="10"), ("spec.priority",)),
    Vector("priority true", cnp(priority=True), ("spec.priority",)),
    Vector("tier in lower case", cnp(tier="admin"), ("spec.tier",)),
    Vector("tier missing", cnp(tier=...), ("spec.tier",)),
    Vector("tier null", cnp(tier=None), ("spec.tier",)),
    Vector("25 rules", cnp(ingress=[ingress()] * 25, egress=[egress()] * 25)),
    Vector("26 ingress rules", cnp(ingress=[ingress()] * 26), ("spec.ingress",)),
    Vector("26 egress rules", cnp(egress=[egress()] * 26), ("spec.egress",)),
    Vector("25 peers", cnp(ingress=[ingress(peers=(EVERY_POD,) * 25)])),
    Vector("26 peers", cnp(ingress=[ingress(peers=(EVERY_POD,) * 26)]), ("spec.ingress[0].from",)),
    Vector("26 egress peers", cnp(egress=[egress(peers=(EVERY_POD,) * 26)]), (TO,)),
    Vector("no peers", cnp(ingress=[ingress(peers=())]), ("spec.ingress[0].from",)),
    Vector("from missing", cnp(ingress=[ingress(peers=...)]), ("spec.ingress[0].from",)),
    Vector("from no list", cnp(ingress=[ingress(peers={"namespaces": {}})]), ("spec.ingress[0].from",)),
    Vector("rule null", cnp(ingress=[None]), ("spec.ingress[0]",)),
    Vector("rules null", cnp(ingress=None)),
    Vector("26 protocols", _traffic(*[tcp(number=1)] * 26), (PROTOCOLS,)),
    Vector("no protocols", _traffic(), (PROTOCOLS,)),
    Vector("protocols null", cnp(ingress=[ingress(protocols=None)])),
    Vector("subject of both", cnp(subject=EVERY_POD | PODS), ("spec.subject",)),
    Vector("subject of nothing", cnp(subject={}), ("spec.subject",)),
    Vector("subject null", cnp(subject=None), ("spec.subject",)),
    Vector("peer empty", cnp(ingress=[ingress(peers=({},))]), ("spec.ingress[0].from[0]",)),
    Vector("peer of nulls", cnp(ingress=[ingress(peers=({"namespaces": None},))]), ("spec.ingress[0].from[0]",)),
    Vector("peer of both", cnp(egress=[egress(peers=(EVERY_POD | NETWORKS,))]), (f"{TO}[0]",)),
    Vector("ingress networks", cnp(ingress=[ingress(peers=(NETWORKS,))]), ("spec.ingress[0].from[0]",)),
    Vector("pods of all namespaces", cnp(subject={"pods": {"podSelector": {}}})),
    Vector(
        "pods without selector", cnp(subject={"pods": {"namespaceSelector": {}}}), ("spec.subject.pods.podSelector",)
    ),
    Vector("tcp of nothing", _traffic({"tcp": {}}), (f"{PROTOCOLS}[0].tcp",)),
    Vector("protocol of nothing", _traffic({}), (f"{PROTOCOLS}[0]",)),
    Vector("two protocols", _traffic(tcp(number=1) | {"destinationNamedPort": "web"}), (f"{PROTOCOLS}[0]",)),
    Vector("port of nothing", _traffic(tcp()), (f"{PROTOCOLS}[0].tcp.destinationPort",)),
    Vector(
        "number and range",
        _traffic(tcp(number=1, range={"start": 1, "end": 2})),
        (f"{PROTOCOLS}[0].tcp.destinationPort",),
    ),
    Vector("port 0", _traffic(tcp(number=0)), (f"{PROTOCOLS}[0].tcp.destinationPort.number",)),
    Vector("port 65536", _traffic(tcp(number=65536)), (f"{PROTOCOLS}[0].tcp.destinationPort.number",)),
    Vector("ports 1 and 65535", _traffic(tcp(number=1), tcp(number=65535))),
    Vector(
        "range of one",
        _traffic(tcp(range={"start": 80, "end": 80})),
        (f"{PROTOCOLS}[0].tcp.destinationPort.range",),
        CEL,
    ),
    Vector(
        "range backwards",
        _traffic(tcp(range={"start": 81, "end": 80})),
        (f"{PROTOCOLS}[0].tcp.destinationPort.range",),
        CEL,
    ),
    Vector("range of two", _traffic(tcp(range={"start": 80, "end": 81}))),
    Vector(
        "range to 65536",
        _traffic(tcp(range={"start": 80, "end": 65536})),
        (f"{PROTOCOLS}[0].tcp.destinationPort.range.end",),
    ),
    Vector("range without end", _traffic(tcp(range={"start": 80})), (f"{PROTOCOLS}[0].tcp.destinationPort.range.end",)),
    Vector("named port empty", _traffic({"destinationNamedPort": ""})),
    Vector("rule name of 100", cnp(ingress=[ingress(name="n" * 100)])),
    Vector("rule name of 101", cnp(ingress=[ingress(name="n" * 101)]), ("spec.ingress[0].name",)),
    Vector("same CIDR twice", _cidrs("10.0.0.0/8", "fd00::/8", "10.0.0.0/8"), (f"{TO}[0].networks[2]",)),
    Vector("same network twice", _cidrs("10.0.0.0/8", "10.0.0.1/8")),
    Vector("25 CIDRs", _cidrs(*MANY_CIDRS[:25])),
    Vector("26 CIDRs", _cidrs(*MANY_CIDRS), (f"{TO}[0].networks",)),
    Vector("no CIDR", _cidrs(), (f"{TO}[0].networks",)),
    Vector(
        "bad CIDRs",
        _cidrs("10.0.0.0/8", "10.0.0.0", "10.0.0.0/33"),
        (f"{TO}[0].networks[1]", f"{TO}[0].networks[2]"),
        CEL,
    ),
    Vector("long CIDR", _cidrs("0000:0000:0000:0000:0000:ffff:192.168.100.100/128"), (f"{TO}[0].networks[0]",)),
    Vector("domains", _domains("example.com", "*.example.com", "a.b.c.d.", "_x.a-b.c")),
    Vector(
        "bad domains",
        _domains("kubernetes", "example.com", "*.com"),
        (f"{TO}[0].domainNames[0]", f"{TO}[0].domainNames[2]"),
    ),
    Vector("same domain twice", _domains("a.b", "a.b"), (f"{TO}[0].domainNames[1]",)),
    Vector("26 domains", _domains(*MANY_NAMES), (f"{TO}[0].domainNames",)),
    Vector("Deny of domains", cnp(egress=[egress("Deny", (DOMAINS,))])),
    Vector(
        "selector without sense in a peer",
        cnp(ingress=[ingress(peers=({"namespaces": {"matchExpressions": [{"key": "a b", "operator": "in"}]}},))]),
    ),
    Vector(
        "selector without sense in the subject",
        cnp(subject={"namespaces": {"matchExpressions": [{"key": "a", "operator": "in"}]}}),
        ("spec.subject.namespaces.matchExpressions[0].operator",),
        OURS,
    ),
    Vector(
        "selector without operator",
        cnp(subject={"namespaces": {"matchExpressions": [{"key": "a"}]}}),
        ("spec.subject.namespaces.matchExpressions[0].operator",),
    ),
    Vector(
        "label no text",
        cnp(subject={"namespaces": {"matchLabels": {"a": True}}}),
        ("spec.subject.namespaces.matchLabels.a",),
    ),
    Vector("no spec", {key: value for key, value in cnp().items() if key != "spec"}, ("spec",)),
    Vector("bad name", cnp("Not_A_Name"), ("metadata.name",), OURS),
    Vector("two mistakes", cnp(tier="x", priority=-1), ("spec.tier", "spec.priority")),
    *(
        Vector(
            f"named port to {next(iter(peer))}",
            cnp(
                egress=[egress("Accept", (EVERY_POD, peer), protocols=[tcp(number=1), {"destinationNamedPort": "web"}])]
            ),
            ("spec.egress[0]",),
            CEL,
        )
        for peer in (NETWORKS, NODES, DOMAINS)
    ),
    Vector("named port to pods", cnp(egress=[egress(peers=(PODS,), protocols=[{"destinationNamedPort": "web"}])])),
    Vector(
        "named port to networks",
        cnp(egress=[egress(peers=(NETWORKS,), protocols=[{"destinationNamedPort": "w"}])]),
        channel=STANDARD,
    ),
    *(
        Vector(
            f"{next(iter(peer))} in the standard channel",
            cnp(egress=[egress("Accept", (peer,))]),
            (f"{TO}[0]",),
            channel=STANDARD,
        )
        for peer in (NODES, DOMAINS)
    ),
    Vector(
        "condition",
        cnp()
        | {
            "status": {
                "conditions": [
                    {
                        "type": "example.com/Ready",
                        "status": "True",
                        "reason": "Done",
                        "message": "",
                        "lastTransitionTime": "2026-01-31T12:00:00Z",
                        "observedGeneration": 1,
                    }
                ]
            }
        },
    ),
    Vector("status of nothing", cnp() | {"status": {}}, ("status.conditions",)),
    Vector(
        "bad condition",
        cnp()
        | {
            "status": {
                "conditions": [
                    {
                        "type": "-",
                        "status": "true",
                        "reason": ",",
                        "message": "m" * 32769,
                        "lastTransitionTime": 5,
                        "observedGeneration": -1,
                    }
                ]
            }
        },
        tuple(
            f"status.conditions[0].{name}"
            for name in ("type", "status", "reason", "message", "lastTransitionTime", "observedGeneration")
        ),
    ),
    # AdminNetworkPolicy, 1.3.
    Vector("smallest", anp()),
    Vector("all actions", anp(ingress=[ingress(action) for action in ("Allow", "Deny", "Pass")])),
    Vector("action of v1alpha2", anp(ingress=[ingress("Accept")]), ("spec.ingress[0].action",)),
    Vector("priority -1", anp(priority=-1), ("spec.priority",)),
    Vector("priority 1001", anp(priority=1001), ("spec.priority",)),
    Vector("priority missing", anp(priority=...), ("spec.priority",)),
    Vector(
        "pods need both selectors", anp(subject={"pods": {"podSelector": {}}}), ("spec.subject.pods.namespaceSelector",)
    ),
    Vector(
        "peer pods need both selectors",
        anp(egress=[egress(peers=({"pods": {"podSelector": {}}},))]),
        (f"{TO}[0].pods.namespaceSelector",),
    ),
    Vector(
        "100 of everything",
        anp(egress=[egress(peers=(EVERY_POD,) * 100, ports=[{"portNumber": {"port": 1}}] * 100)] * 100),
    ),
    Vector("101 rules", anp(egress=[egress()] * 101), ("spec.egress",)),
    Vector("101 peers", anp(egress=[egress(peers=(EVERY_POD,) * 101)]), (TO,)),
    Vector("101 ports", _ports(*[{"namedPort": "web"}] * 101), (PORTS,)),
    Vector("no ports", _ports(), (PORTS,)),
    Vector("26 CIDRs", anp(egress=[egress(peers=({"networks": MANY_CIDRS},))]), (f"{TO}[0].networks",)),
    Vector(
        "every kind of port",
        _ports(
            {"portNumber": {"protocol": "UDP", "port": 53}},
            {"portNumber": {"port": 53}},
            {"portRange": {"start": 1, "end": 2}},
            {"namedPort": "web"},
        ),
    ),
    Vector("any protocol text", _ports({"portNumber": {"protocol": "ICMP", "port": 1}})),
    Vector("range of one", _ports({"portRange": {"start": 80, "end": 80}})),
    Vector("range backwards", _ports({"portRange": {"start": 81, "end": 80}})),
    Vector("range from 0", _ports({"portRange": {"start": 0, "end": 80}}), (f"{PORTS}[0].portRange.start",)),
    Vector("port of nothing", _ports({}), (f"{PORTS}[0]",)),
    Vector("two ports", _ports({"namedPort": "web", "portNumber": {"port": 1}}), (f"{PORTS}[0]",)),
    Vector("port without number", _ports({"portNumber": {}}), (f"{PORTS}[0].portNumber.port",)),
    *(
        Vector(
            f"named port to {next(iter(peer))}",
            anp(egress=[egress("Allow", (peer,), ports=[{"namedPort": "w"}])]),
            ("spec.egress[0]",),
            CEL,
        )
        for peer in (NETWORKS, NODES, DOMAINS)
    ),
    Vector("named port in the standard channel", _ports({"namedPort": "web"}), (f"{PORTS}[0]",), channel=STANDARD),
    Vector("networks in the standard channel", anp(egress=[egress(peers=(NETWORKS,))]), channel=STANDARD),
    # BaselineAdminNetworkPolicy, 1.4.
    Vector("smallest", banp()),
    Vector("other name", banp("other"), ("",), CEL),
    Vector(
        "Pass",
        banp(ingress=[ingress("Pass")], egress=[egress("Pass")]),
        ("spec.ingress[0].action", "spec.egress[0].action"),
    ),
    Vector("every kind of peer", banp(egress=[egress(peers=(EVERY_POD, PODS, NETWORKS, NODES))])),
    Vector("domains", banp(egress=[egress("Allow", (DOMAINS,))]), (f"{TO}[0]",)),
    Vector(
        "named port to nodes",
        banp(egress=[egress(peers=(NODES,), ports=[{"namedPort": "w"}])]),
        ("spec.egress[0]",),
        CEL,
    ),
    Vector("101 rules", banp(ingress=[ingress()] * 101), ("spec.ingress",)),
    Vector("nodes in the standard channel", banp(egress=[egress(peers=(NODES,))]), (f"{TO}[0]",), channel=STANDARD),
)


def _block(cidr: Any, *holes: str) -> dict[str, Any]:
    return netpol(ingress=[{"from": [{"ipBlock": {"cidr": cidr, "except": list(holes)}}]}])


def _netpol_ports(*ports: Any) -> dict[str, Any]:
    return netpol(ingress=[{"ports": list(ports)}])


FROM, NP_PORTS = "spec.ingress[0].from", "spec.ingress[0].ports"

NETPOL_VECTORS = (
    Vector("empty", netpol()),
    Vector("no spec", {key: value for key, value in netpol().items() if key != "spec"}),
    Vector("podSelector null", netpol(podSelector=None)),
    Vector("both types", netpol(policyTypes=["Ingress", "Egress"])),
    Vector("a type twice", netpol(policyTypes=["Ingress", "Ingress"])),
    Vector("three types", netpol(policyTypes=["Ingress", "Egress", "Egress"]), ("spec.policyTypes",)),
    Vector("type in lower case", netpol(policyTypes=["ingress"]), ("spec.policyTypes[0]",)),
    Vector("empty rules", netpol(ingress=[{}], egress=[{}])),
    Vector("empty lists in a rule", netpol(ingress=[{"from": [], "ports": []}])),
    Vector(
        "selector without sense",
        netpol(podSelector={"matchExpressions": [{"key": "a", "operator": "Is"}]}),
        ("spec.podSelector.matchExpressions[0].operator",),
    ),
    Vector(
        "In of nothing",
        netpol(podSelector={"matchExpressions": [{"key": "a", "operator": "In"}]}),
        ("spec.podSelector.matchExpressions[0].values",),
    ),
    Vector(
        "Exists with a value",
        netpol(podSelector={"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}),
        ("spec.podSelector.matchExpressions[0].values",),
    ),
    Vector(
        "bad label in a peer",
        netpol(ingress=[{"from": [{"podSelector": {"matchLabels": {"a b": "-"}}}]}]),
        (f"{FROM}[0].podSelector.matchLabels.a b",) * 2,
    ),
    Vector("peer empty", netpol(ingress=[{"from": [{}]}]), (f"{FROM}[0]",)),
    Vector("both selectors", netpol(ingress=[{"from": [{"podSelector": {}, "namespaceSelector": {}}]}])),
    Vector(
        "block beside selector",
        netpol(ingress=[{"from": [{"podSelector": {}, "ipBlock": {"cidr": "::/0"}}]}]),
        (f"{FROM}[0].ipBlock",),
    ),
    Vector("block without cidr", netpol(ingress=[{"from": [{"ipBlock": {}}]}]), (f"{FROM}[0].ipBlock.cidr",)),
    Vector("cidr empty", _block(""), (f"{FROM}[0].ipBlock.cidr",)),
    Vector("cidr without prefix", _block("10.0.0.1"), (f"{FROM}[0].ipBlock.cidr",)),
    Vector("legacy cidrs", _block("010.001.0.0/08", "10.1.0.0/16", "::ffff:10.2.0.0/112", "10.3.3.3/24")),
    Vector("hole as large", _block("10.0.0.0/8", "10.0.0.0/8"), (f"{FROM}[0].ipBlock.except[0]",)),
    Vector("hole larger", _block("10.0.0.0/8", "10.0.0.0/7"), (f"{FROM}[0].ipBlock.except[0]",)),
    Vector("hole outside", _block("10.0.0.0/8", "11.0.0.0/16"), (f"{FROM}[0].ipBlock.except[0]",)),
    Vector("hole of other family", _block("10.0.0.0/8", "10.9.0.0/16", "fd00::/64"), (f"{FROM}[0].ipBlock.except[1]",)),
    Vector(
        "every kind of port",
        _netpol_ports(
            {},
            {"protocol": "UDP"},
            {"port": 80},
            {"port": "web"},
            {"port": 80, "endPort": 80},
            {"port": 1, "endPort": 65535},
        ),
    ),
    Vector("protocol in lower case", _netpol_ports({"protocol": "tcp"}), (f"{NP_PORTS}[0].protocol",)),
    Vector("port 0", _netpol_ports({"port": 0}), (f"{NP_PORTS}[0].port",)),
    Vector("port 65536", _netpol_ports({"port": 65536}), (f"{NP_PORTS}[0].port",)),
    Vector("port true", _netpol_ports({"port": True}), (f"{NP_PORTS}[0].port",)),
    *(
        Vector(f"port name {name!r}", _netpol_ports({"port": name}), (f"{NP_PORTS}[0].port",))
        for name in ("", "80", "-a", "a-", "a--b", "Web", "a_b", "a" * 16)
    ),
    Vector("good port names", _netpol_ports(*({"port": name} for name in ("a", "1a", "a-1", "a" * 15)))),
    Vector("end without port", _netpol_ports({"endPort": 80}), (f"{NP_PORTS}[0].endPort",)),
    Vector("end of a name", _netpol_ports({"port": "web", "endPort": 80}), (f"{NP_PORTS}[0].endPort",)),
    Vector("end below port", _netpol_ports({"port": 80, "endPort": 79}), (f"{NP_PORTS}[0].endPort",)),
    Vector("end 65536", _netpol_ports({"port": 80, "endPort": 65536}), (f"{NP_PORTS}[0].endPort",)),
    Vector("bad name", netpol("A"), ("metadata.name",)),
)

VECTORS = CLUSTER_VECTORS + NETPOL_VECTORS
