"""A policy with one mistake in it: some field that no longer says anything valid, and never another valid thing."""

import copy
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.trees import at, places
from tests.unit.api.vectors import ALPHA1, ALPHA2

LABELS = ({}, {"a": "0"}, {"a": "1"}, {"b": "0"})
_NO_TEXT = (0, 1.5, True, [], ["a"], {"a": "b"})
_NO_NUMBER = ("", "80", "many", 0.5, True, [], [80], {"number": 80}, -1, 70_000, 10**40)
_NO_BOUND = (1001, -1)
_NO_LIST = ("", "all", 5, True, {}, {"a": "b"})
_NO_MAPPING = ("", "all", 5, False, [], ["a"], [{}])
_NO_LABEL = ("-a", "a b", "a" * 64, "é", "x/y/z", "*")
_NO_CIDR = (
    *("", "all", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "fe80::%eth0/64", "::/129", "10.0.0/8", "0/0", "*"),
    *("10.0.0.0/8,::/0", " 0.0.0.0/0", "0.0.0.0/0 ", "256.0.0.0/8", "0.0.0.0\n/0", "0x0/0", "\u0661.0.0.0/8"),
)
_NO_WORD = ("", "accept", "ACCEPT", "Allowed", "Any", "tcp", "ingress", "*", "In", "TCP ", "\u0130n")
_MAPS = ("matchLabels", "labels", "annotations")

Path = tuple[Any, ...]


def selector(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a selector; one in four selects everything."""
    match draw(st.integers(0, 3)):
        case 0:
            return {}
        case 1:
            return {"matchLabels": dict(draw(st.sampled_from(LABELS)))}
        case _:
            operator = draw(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")))
            values = {"values": draw(st.sampled_from((["0"], ["0", "1"])))} if "In" in operator else {}
            return {"matchExpressions": [{"key": draw(st.sampled_from("ab")), "operator": operator, **values}]}


def _pods(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"namespaces": selector(draw)}
    return {"pods": {"namespaceSelector": selector(draw), "podSelector": selector(draw)}}


def _rule(draw: st.DrawFn, direction: str, actions: tuple[str, ...]) -> dict[str, Any]:
    old = "Allow" in actions
    peers = [_pods(draw) for _ in range(draw(st.integers(1, 2)))]
    if direction == "egress" and draw(st.booleans()):
        peers.append({"networks": draw(st.sampled_from((["0.0.0.0/0"], ["10.0.0.2/32", "10.0.0.3/32"])))})
    rule: dict[str, Any] = {"action": draw(st.sampled_from(actions)), "from" if direction == "ingress" else "to": peers}
    number = draw(st.sampled_from((80, 81)))
    if old and draw(st.booleans()):
        rule["ports"] = draw(
            st.sampled_from(
                (
                    [{"portNumber": {"protocol": "TCP", "port": number}}],
                    [{"portRange": {"protocol": "UDP", "start": 1, "end": number}}],
                )
            )
        )
    elif not old and draw(st.booleans()):
        rule["protocols"] = draw(
            st.sampled_from(
                (
                    [{"tcp": {"destinationPort": {"number": number}}}],
                    [{"udp": {"destinationPort": {"range": {"start": 1, "end": number}}}}],
                )
            )
        )
    return rule


def _spec(draw: st.DrawFn, actions: tuple[str, ...]) -> dict[str, Any]:
    return {
        "subject": _pods(draw),
        **{way: [_rule(draw, way, actions) for _ in range(draw(st.integers(0, 2)))] for way in ("ingress", "egress")},
    }


def _network_policy_rule(draw: st.DrawFn, direction: str) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if draw(st.booleans()):
        rule["from" if direction == "ingress" else "to"] = [
            draw(
                st.sampled_from(
                    (
                        {"podSelector": selector(draw)},
                        {"namespaceSelector": selector(draw), "podSelector": selector(draw)},
                        {"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.2/32"]}},
                    )
                )
            )
        ]
    if draw(st.booleans()):
        rule["ports"] = [
            draw(st.sampled_from(({"protocol": "UDP", "port": 80}, {"port": 80, "endPort": 81}, {"port": "web"})))
        ]
    return rule


@st.composite
def policies(draw: st.DrawFn, name: str = "it") -> dict[str, Any]:
    """Draw a valid policy of any kind."""
    kind = draw(st.sampled_from(("Cluster", "Cluster", "Network", "Network", "Admin", "Baseline")))
    metadata = {"name": name}
    match kind:
        case "Network":
            types = draw(st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"], None)))
            spec: dict[str, Any] = {
                "podSelector": selector(draw),
                **{
                    way: [_network_policy_rule(draw, way) for _ in range(draw(st.integers(0, 2)))]
                    for way in ("ingress", "egress")
                },
            }
            if types:
                spec["policyTypes"] = list(types)
            metadata["namespace"] = draw(st.sampled_from("xy"))
            head = ("networking.k8s.io/v1", "NetworkPolicy")
        case "Cluster":
            tier = draw(st.sampled_from(("Admin", "Baseline")))
            spec = {"tier": tier, "priority": draw(st.integers(0, 2)), **_spec(draw, ("Accept", "Deny", "Pass"))}
            head = (ALPHA2, "ClusterNetworkPolicy")
        case "Admin":
            spec = {"priority": draw(st.integers(0, 2)), **_spec(draw, ("Allow", "Deny", "Pass"))}
            head = (ALPHA1, "AdminNetworkPolicy")
        case _:
            spec = _spec(draw, ("Allow", "Deny"))
            metadata["name"] = "default"
            head = (ALPHA1, "BaselineAdminNetworkPolicy")
    return copy.deepcopy({"apiVersion": head[0], "kind": head[1], "metadata": metadata, "spec": spec})


def _misspelt(name: str) -> tuple[str, ...]:
    return (f"{name}s", name[:-1] or "_", name.upper(), name.capitalize(), f" {name}", f"{name}\u200b", "x" + name)


def wrong_values(path: Path, value: Any) -> tuple[Any, ...]:
    """Return what the schema cannot accept in the place of a value, whatever stands around it."""
    match path[-1], value:
        case _, dict():
            return _NO_MAPPING
        case _, list():
            return _NO_LIST
        case "priority", _:
            return (*_NO_BOUND, *(wrong for wrong in _NO_NUMBER if wrong not in _NO_BOUND and not _in_bounds(wrong)))
        case _, int():
            return (*(wrong for wrong in _NO_NUMBER if not isinstance(wrong, str) or path[-1] != "port"), 0)
        case "action" | "tier" | "operator", str():
            return (*_NO_TEXT, *(word for word in _NO_WORD if word != "In"))
        case "cidr", str():
            return (*_NO_TEXT, *_NO_CIDR)
        case int(), str() if path[-2] in ("networks", "except"):
            return (*_NO_TEXT, *_NO_CIDR)
        case int(), str() if path[-2] == "policyTypes":
            return (*_NO_TEXT, *_NO_WORD)
        case _, str() if path[-2] in (*_MAPS, "values") or path[-1] == "key":
            return (*_NO_TEXT, *_NO_LABEL)
        case _:
            return _NO_TEXT


def _in_bounds(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000


@st.composite
def with_a_mistake(draw: st.DrawFn, policy: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Draw the policy with one field of its spec misspelt, unknown beside the others, or of a senseless value."""
    paths = [path for path in places(policy) if path[0] == "spec" and len(path) > 1]
    mistaken = copy.deepcopy(policy)
    path = draw(st.sampled_from(paths))
    parent, step = at(mistaken, path[:-1]), path[-1]
    how = draw(st.sampled_from(("misspelt", "value", "value", "more")))
    if how == "misspelt" and isinstance(step, str):
        kept = parent.pop(step)
        parent[draw(st.sampled_from(_NO_LABEL if path[-2] in _MAPS else _misspelt(step)))] = kept
    elif how == "more" and isinstance(parent, dict) and path[-2] not in _MAPS:
        parent[draw(st.sampled_from(("onlyOn", "serviceAccounts", "matchFields", "when", "sourcePort")))] = draw(
            st.sampled_from(("x", 1, [1], {"a": "b"}, False, 0, "", [], {}))
        )
    else:
        how = "value"
        parent[step] = draw(st.sampled_from(wrong_values(path, at(policy, path))))
    return mistaken, f"{how} at {path}: {parent!r:.200}"
