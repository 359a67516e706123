"""NSX-T's distributed firewall: what exports mean, held against rules in the abstract, and how they may look."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anp.firewall.model import Action, Fate, Firewall, Role
from anp.firewall.providers.nsxt import NsxtProvider
from anp.firewall.providers.provider import Options, Source
from anp.firewall.services import TCP, UDP
from compiler.addresses import AddressSet
from tests.firewalls import generate_vendor
from tests.firewalls.generate_vendor import (
    STYLES,
    Abstract,
    abstracts,
    assert_says,
    nsxt,
    numbers_of_errors,
    realistic,
    split,
    with_dead,
)
from tests.firewalls.oracle import Packet, bounds

SAMPLES = Path("testdata/firewalls/nsxt")
PERMIT, DENY = Action.PERMIT, Action.DENY
DOMAIN = "/infra/domains/default"


def read(export, *lists: str, **groups: AddressSet) -> Firewall:
    text = export if isinstance(export, str | bytes) else json.dumps(export, indent=1)
    return generate_vendor.read(NsxtProvider(), text, Options(lists, groups))


def sample(name: str) -> Firewall:
    return read((SAMPLES / name).read_bytes())


def says(firewall: Firewall, source: str, destination: str, port: int = 0, protocol: int = TCP):
    return bounds(firewall, Packet.of(source, destination, protocol, port))


def group(name: str, *expression, **more) -> dict:
    path = f"{DOMAIN}/groups/{name}"
    return {"resource_type": "Group", "display_name": name, "path": path, "expression": list(expression), **more}


def addresses(*texts: str) -> dict:
    return {"resource_type": "IPAddressExpression", "ip_addresses": list(texts)}


def nested(*names: str) -> dict:
    return {"resource_type": "PathExpression", "paths": [f"{DOMAIN}/groups/{name}" for name in names]}


def joined(operator: str) -> dict:
    return {"resource_type": "ConjunctionOperator", "conjunction_operator": operator}


TAG = {
    "resource_type": "Condition",
    "member_type": "VirtualMachine",
    "key": "Tag",
    "operator": "EQUALS",
    "value": "tier|web",
}


def rule(name: str, action: str, source: str = "ANY", destination: str = "ANY", **more) -> dict:
    """Make a rule between groups, or addresses."""

    def written(end: str) -> list[str]:
        return [end if end == "ANY" or end[0].isdigit() else f"{DOMAIN}/groups/{end}"]

    return {
        "resource_type": "Rule",
        "display_name": name,
        "id": name,
        "action": action,
        "source_groups": written(source),
        "destination_groups": written(destination),
        "services": ["ANY"],
        "scope": ["ANY"],
        "direction": "IN_OUT",
        **more,
    }


def policy(name: str, category: str, *rules: dict, number: int = 10, **more) -> dict:
    path = f"{DOMAIN}/security-policies/{name}"
    numbered = [
        {"sequence_number": place, "path": f"{path}/rules/{one['id']}", **one} for place, one in enumerate(rules)
    ]
    return {
        "resource_type": "SecurityPolicy",
        "display_name": name,
        "path": path,
        "category": category,
        "sequence_number": number,
        "rules": numbered,
        **more,
    }


def last(action: str) -> dict:
    return policy("last", "Application", rule("last", action), number=99, is_default=True)


def tcp(*ports: str, source: tuple[str, ...] = ()) -> dict:
    entry = {"resource_type": "L4PortSetServiceEntry", "l4_protocol": "TCP", "destination_ports": list(ports)}
    return {"service_entries": [{**entry, "source_ports": list(source)}]}


# Meaning.


@given(rules=abstracts(), style=st.sampled_from(STYLES), seed=st.integers(0, 1 << 30))
def test_says_what_the_rules_say(rules, style, seed):
    assert_says(read(nsxt(rules, style)), rules, seed)


@given(rules=abstracts(), style=st.sampled_from(STYLES), seed=st.integers(0, 1 << 30))
def test_halved_networks_and_dead_rules_change_nothing(rules, style, seed):
    assert_says(read(nsxt(split(rules), style)), rules, seed)
    assert_says(read(nsxt(list(with_dead(rules)), style)), rules, seed)


@given(
    early=abstracts(),
    late=abstracts(),
    jumps=st.lists(st.tuples(st.integers(0, 8), abstracts()), min_size=1, max_size=3),
    seed=st.integers(0, 1 << 30),
)
def test_a_jump_goes_on_at_the_application_category(early, late, jumps, seed):
    """Held against a walk that goes on at the rules of Application."""
    written = json.loads(nsxt([*early, *late, *(one for _place, its in jumps for one in its[:1])]))["results"]
    rules = [one for section in reversed(written) for one in reversed(section.get("rules", []))]
    by_number = {one["id"]: one for one in rules}
    order: list[tuple[Abstract, dict]] = []
    for number, one in enumerate([*early, *late, *(its[0] for _place, its in jumps)]):
        order.append((one, by_number[f"rule-{number}"]))
    before, after = order[: len(early)], order[len(early) : len(early) + len(late)]
    for (place, _its), jump in zip(jumps, order[len(early) + len(late) :], strict=True):
        jump[1]["action"] = "JUMP_TO_APPLICATION"
        before.insert(place, jump)
    others = [one for one in written if one["resource_type"] != "SecurityPolicy"]
    export = [
        *others,
        policy("early", "Environment", *({**raw, "sequence_number": n} for n, (_rule, raw) in enumerate(before))),
        policy("late", "Application", *({**raw, "sequence_number": n} for n, (_rule, raw) in enumerate(after))),
        last("DROP"),
    ]
    firewall = read(export)

    def walk(packet: Packet) -> bool:
        for one, raw in before:
            if one.matches(packet):
                if raw["action"] == "JUMP_TO_APPLICATION":
                    break
                return one.permit
        return generate_vendor.verdict(late, packet)

    for packet in generate_vendor.packets([*early, *late], random.Random(seed), 40):
        assert bounds(firewall, packet) == ((PERMIT,) * 2 if walk(packet) else (DENY,) * 2), packet


def test_the_hierarchical_export():
    firewall = sample("shop-infra.json")
    assert [one.name for one in firewall.lists] == ["distributed firewall"]
    web, app, db = "10.20.1.5", "10.20.2.5", "10.20.3.25"
    assert says(firewall, "192.0.2.1", web, 443) == (PERMIT, PERMIT)
    assert says(firewall, "192.0.2.1", web, 80) == (DENY, DENY)
    assert says(firewall, web, app, 8081) == (PERMIT, PERMIT)
    assert says(firewall, web, "10.20.2.66", 8081) == (DENY, DENY)
    assert says(firewall, app, db, 5432) == (PERMIT, PERMIT)
    assert says(firewall, web, db, 443) == (DENY, PERMIT)  # a group by tags, and a profile
    assert says(firewall, "10.99.0.1", db, 22) == (PERMIT, PERMIT)
    assert says(firewall, "10.99.0.16", db, 22) == (DENY, DENY)
    assert says(firewall, "10.99.0.1", db, 0, protocol=1) == (DENY, PERMIT)
    fates = {one.name: (one.fate, [reason.code for reason in one.reasons]) for one in firewall.statements if one.fate}
    assert fates == {
        "frames": (Fate.NOT_OURS, ["FW106"]),
        "old": (Fate.IMPLIED, ["FW001"]),
        "shop-inside": (Fate.IMPLIED, ["FW003"]),
        "to-web": (Fate.IMPLIED, ["FW003"]),
    }
    assert [one.name for one in firewall.statements if one.role is Role.JUMP] == ["shop-inside", "to-web"]
    assert firewall.statements[-1].role is Role.DEFAULT
    lines = (SAMPLES / "shop-infra.json").read_text().split("\n")
    for one in firewall.statements:
        assert f'"{one.name}"' in "".join(lines[one.at.line - 5 : one.at.line + 5])
    assert [one.comment for one in firewall.statements if one.name == "app-db"] == ["CHG-1"]


def test_all_forms_say_the_same():
    parts = [
        policy("shop", "Application", rule("a", "ALLOW", "WEB", "10.0.0.9", **tcp("80")), rule("b", "DROP", "WEB")),
        last("ALLOW"),
    ]
    groups = [group("WEB", addresses("10.0.0.1"))]
    hierarchical = {
        "resource_type": "Infra",
        "children": [
            {"resource_type": "ChildGroup", "Group": groups[0]},
            *({"resource_type": "ChildSecurityPolicy", "SecurityPolicy": one} for one in parts),
        ],
    }
    bare = [{key: value for key, value in one.items() if key != "resource_type"} for one in (*parts, *groups)]
    apart = [{**one, "rules": []} for one in parts]
    rules = [{**it, "parent_path": one["path"]} for one in parts for it in one["rules"]]
    categories = [{"category": "Application", "policies": [{**one, "category": None} for one in parts]}]
    expected = read([*parts, *groups])
    assert says(expected, "10.0.0.1", "10.0.0.9", 80) == (PERMIT, PERMIT)
    assert says(expected, "10.0.0.1", "10.0.0.9", 81) == (DENY, DENY)
    for other in (
        hierarchical,
        {"results": [*parts, *groups]},
        {"policies": {"results": parts}, "groups": groups},
        [{"results": groups}, {"results": parts}],
        bare,
        [*rules, *groups, *apart],
        [*rules, *groups, *parts],
        [*parts, *rules, *groups],
        [*apart, *parts, *groups],
        {"categories": categories, "groups": groups},
    ):
        assert read(other).lists == expected.lists, other
        assert numbers_of_errors(read(other)) == []


def test_an_object_that_is_there_twice_has_to_be_the_same():
    section = policy("p", "Application", rule("a", "ALLOW"))
    changed = {**section["rules"][0], "action": "DROP"}
    firewall = read([section, changed, last("DROP")])
    assert [one.name for one in firewall.statements] == ["a", "last"]
    assert says(firewall, "10.0.0.1", "10.0.0.2") == (PERMIT, PERMIT)
    assert numbers_of_errors(firewall) != []


def test_categories_policies_and_rules_have_an_order():
    export = [
        policy("f", "", rule("f", "ALLOW", "10.0.0.6")),
        last("DROP"),
        policy("e", "Application", rule("e2", "ALLOW", sequence_number=9), rule("e1", "DROP", sequence_number=3)),
        policy("d", "Environment", rule("d", "ALLOW", "10.0.0.1"), number=20),
        policy("c", "Environment", rule("c", "DROP", "10.0.0.1"), number=10),
        policy("b", "Infrastructure", rule("b", "DROP", "10.0.0.2")),
        policy("a", "Emergency", rule("a", "ALLOW", "10.0.0.2")),
    ]
    names = [one.name for one in read(export).statements]
    assert [read(export).statements[one.statement].name for one in read(export).lists[0].rules] == [
        *("a", "b", "c", "d", "e1", "e2", "f", "last")
    ]
    assert sorted(names) == ["a", "b", "c", "d", "e1", "e2", "f", "last"]


# Where rules are enforced.


def test_sections_that_are_enforced_at_their_own_groups():
    firewall = sample("shop-scoped.json")
    assert [one.name for one in firewall.lists] == ["distributed firewall, out", "distributed firewall, in"]
    web, app, other = "10.20.1.5", "10.20.2.5", "10.50.0.1"
    assert says(firewall, other, web, 443) == (PERMIT, PERMIT)
    assert says(firewall, other, web, 80) == (DENY, DENY)
    assert says(firewall, web, other, 443) == (DENY, DENY)
    assert says(firewall, other, "10.50.0.2", 443) == (PERMIT, PERMIT)
    # It is for what comes in: at the source nothing permits it.
    assert says(firewall, app, web, 443) == (DENY, DENY)
    assert says(firewall, web, app, 8080) == (PERMIT, PERMIT)


def test_a_rule_that_is_enforced_at_one_end_permits_nothing_at_the_other():
    groups = [group("WEB", addresses("10.0.0.1")), group("APP", addresses("10.0.0.2"))]
    sections = [
        policy("p", "Application", rule("a", "ALLOW", "WEB", "APP", scope=[f"{DOMAIN}/groups/APP"])),
        policy("q", "Application", rule("b", "ALLOW", "APP", "WEB"), number=20, scope=[f"{DOMAIN}/groups/WEB"]),
        policy("r", "Application", rule("c", "ALLOW", "WEB", "10.0.0.9", direction="OUT"), number=30),
        policy("s", "Application", rule("d", "ALLOW", "10.0.0.8", "WEB", direction="IN"), number=40),
    ]
    firewall = read([*groups, *sections, last("DROP")])
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80) == (DENY, DENY)
    assert says(firewall, "10.0.0.2", "10.0.0.1", 80) == (DENY, DENY)
    # Whether the firewall guards the other end, nobody has said.
    assert says(firewall, "10.0.0.1", "10.0.0.9", 80) == (DENY, PERMIT)
    assert says(firewall, "10.0.0.8", "10.0.0.1", 80) == (DENY, PERMIT)
    assert says(firewall, "10.0.0.8", "10.0.0.9", 80) == (DENY, PERMIT)
    both = {**sections[0]["rules"][0], "scope": [f"{DOMAIN}/groups/APP", f"{DOMAIN}/groups/WEB"]}
    assert says(read([*groups, policy("p", "Application", both), last("DROP")]), "10.0.0.1", "10.0.0.2") == (
        PERMIT,
        PERMIT,
    )


GUARDED = AddressSet.of("10.0.0.0/30")


@given(
    rules=st.lists(
        st.tuples(
            st.sampled_from(["ALLOW", "DROP"]),
            st.sampled_from(["ANY", "A", "B", "10.0.0.8/29"]),
            st.sampled_from(["ANY", "A", "B", "10.0.0.8/29"]),
            st.sampled_from([None, ("A",), ("B",), ("A", "B")]),
            st.sampled_from(["IN", "OUT", "IN_OUT"]),
        ),
        min_size=1,
        max_size=6,
    ),
    default=st.sampled_from(["ALLOW", "DROP"]),
)
def test_each_end_judges_by_its_own_rules(rules, default):
    """Held against both ends' interfaces, one after the other; 10.0.0.0/30 are the guarded ones, others may be."""
    groups = {"A": "10.0.0.0/31", "B": "10.0.0.2/31"}
    written = [
        rule(
            f"r{number}",
            action,
            source,
            destination,
            direction=direction,
            scope=["ANY"] if scope is None else [f"{DOMAIN}/groups/{one}" for one in scope],
        )
        for number, (action, source, destination, scope, direction) in enumerate(rules)
    ]
    # A group by tags says that its members are guarded.
    exported = [group(name, TAG, effective_ip_addresses=[network]) for name, network in groups.items()]
    firewall = read([*exported, policy("p", "Application", *written), last(default)])
    numbers = {"A": (0, 1), "B": (2, 3), "ANY": range(16), "10.0.0.8/29": range(8, 16)}

    def judge(end: int, way: str, source: int, destination: int) -> bool:
        for action, its_source, its_destination, scope, direction in rules:
            enforced = scope is None or any(end in numbers[one] for one in scope)
            applies = enforced and direction in {way, "IN_OUT"}
            if applies and source in numbers[its_source] and destination in numbers[its_destination]:
                return action == "ALLOW"
        return default == "ALLOW"

    used = {one for _a, source, destination, scope, _d in rules for one in (source, destination, *(scope or ()))}
    everywhere = all(scope is None and direction == "IN_OUT" for *_rule, scope, direction in rules)
    known = {number for one in used & {"A", "B"} for number in numbers[one]}
    for source in (0, 1, 2, 9):
        for destination in (0, 1, 3, 10):
            judged = [judge(source, "OUT", source, destination), judge(destination, "IN", source, destination)]
            got = says(firewall, f"10.0.0.{source}", f"10.0.0.{destination}", 80)
            if {source, destination} <= known or everywhere:
                assert got == ((PERMIT,) * 2 if all(judged) else (DENY,) * 2)
            else:
                # An end that nobody guards has no say; all that may be lies between the bounds.
                least = all(judged)
                most = all(said for said, end in zip(judged, (source, destination), strict=True) if end in known)
                assert got == (PERMIT if least else DENY, PERMIT if most else DENY)


# Groups and services.


@pytest.mark.parametrize(
    ("expression", "inside", "outside"),
    [
        (
            [addresses("10.0.0.0/24", "10.1.0.5-10.1.0.9", "10.2.0.1")],
            ["10.0.0.7", "10.1.0.9", "10.2.0.1"],
            ["10.1.0.4"],
        ),
        ([addresses("10.0.0.1"), joined("OR"), addresses("10.0.0.2")], ["10.0.0.1", "10.0.0.2"], ["10.0.0.3"]),
        ([addresses("10.0.0.0/24"), joined("AND"), addresses("10.0.0.128/24")], ["10.0.0.1"], ["10.0.1.1"]),
        ([addresses("10.0.0.0/24"), joined("AND"), addresses("10.0.0.0/25")], ["10.0.0.1"], ["10.0.0.129"]),
        ([nested("INNER")], ["10.9.0.1"], ["10.9.0.2"]),
        (
            [
                {
                    "resource_type": "NestedExpression",
                    "expressions": [addresses("10.0.0.1"), joined("OR"), nested("INNER")],
                }
            ],
            ["10.0.0.1", "10.9.0.1"],
            ["10.0.0.2"],
        ),
    ],
)
def test_groups(expression, inside, outside):
    groups = [group("G", *expression), group("INNER", addresses("10.9.0.1"))]
    for excluded, end in ((False, inside), (True, outside)):
        allowed = rule("a", "ALLOW", "G", sources_excluded=excluded)
        firewall = read([*groups, policy("p", "Application", allowed), last("DROP")])
        for address in (*inside, *outside):
            assert says(firewall, address, "192.0.2.1") == ((PERMIT,) * 2 if address in end else (DENY,) * 2)


def test_groups_by_criteria_need_addresses():
    export = [group("G", TAG), policy("p", "Application", rule("a", "ALLOW", "G")), last("DROP")]
    firewall = read(export)
    assert says(firewall, "10.0.0.1", "10.0.0.2") == (DENY, PERMIT)
    assert [one.code for one in firewall.lists[0].rules[0].conditions] == ["FW152"]
    for key in ("G", f"{DOMAIN}/groups/G"):
        given_ = read(export, **{key: AddressSet.of("10.0.0.1")})
        assert says(given_, "10.0.0.1", "10.0.0.2") == (PERMIT, PERMIT)
        assert says(given_, "10.0.0.3", "10.0.0.2") == (DENY, DENY)
    for members in (["10.0.0.1"], {"results": ["10.0.0.1"]}):
        export[0]["effective_ip_addresses"] = members
        assert says(read(export), "10.0.0.1", "10.0.0.2") == (PERMIT, PERMIT)
        assert says(read(export), "10.0.0.3", "10.0.0.2") == (DENY, DENY)


def test_what_is_left_open_in_a_group_is_left_open_outside_of_it():
    groups = [group("G", TAG, joined("AND"), addresses("10.0.0.0/24"))]
    allowed = rule("a", "ALLOW", "G", sources_excluded=True)
    firewall = read([*groups, policy("p", "Application", allowed), last("DROP")])
    assert says(firewall, "10.0.0.1", "192.0.2.1") == (DENY, PERMIT)
    assert says(firewall, "10.0.1.1", "192.0.2.1") == (PERMIT, PERMIT)


def test_groups_in_a_circle_are_named():
    groups = [group("G", nested("H"), joined("OR"), addresses("10.0.0.1")), group("H", nested("G"))]
    firewall = read([*groups, policy("p", "Application", rule("a", "ALLOW", "G")), last("DROP")])
    assert says(firewall, "10.0.0.1", "192.0.2.1") == (PERMIT, PERMIT)
    assert says(firewall, "10.0.0.2", "192.0.2.1") == (DENY, PERMIT)
    assert any("FW151" in one.message for one in firewall.diagnostics)


def entry(kind: str, **more) -> dict:
    return {"service_entries": [{"resource_type": kind, **more}]}


@pytest.mark.parametrize(
    ("services", "protocol", "ports"),
    [
        (tcp("80", "8000-8010"), TCP, "80,8000-8010"),
        (tcp(), TCP, "0-65535"),
        (entry("ALGTypeServiceEntry", alg="FTP", destination_ports=["21"]), TCP, "21"),
        (entry("ALGTypeServiceEntry", alg="TFTP", destination_ports=["69"]), UDP, "69"),
        (entry("IPProtocolServiceEntry", protocol_number=17), UDP, "0-65535"),
        (entry("IPProtocolServiceEntry", protocol_number=50), 50, "0-65535"),
        (entry("ICMPTypeServiceEntry", protocol="ICMPv4"), 1, "0-65535"),
        ({"services": ["/infra/services/OUTER"]}, TCP, "22,443"),
    ],
)
def test_services(services, protocol, ports):
    nested_entry = {"resource_type": "NestedServiceServiceEntry", "nested_service_path": "/infra/services/INNER"}
    known = [
        {"resource_type": "Service", "path": "/infra/services/INNER", **tcp("22")},
        {
            "resource_type": "Service",
            "path": "/infra/services/OUTER",
            "service_entries": [nested_entry, tcp("443")["service_entries"][0]],
        },
    ]
    firewall = read([*known, policy("p", "Application", rule("a", "ALLOW", **services)), last("DROP")])
    found = firewall.lists[0].rules[0].services.ports(protocol)
    assert ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in found) == ports
    assert not firewall.lists[0].rules[0].conditions


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (tcp("80", source=("1024-65535",)), "FW143"),
        (entry("ICMPTypeServiceEntry", protocol="ICMPv4", icmp_type=8), "FW101"),
        ({"profiles": ["/infra/context-profiles/SSL"]}, "FW105"),
        ({"services": ["/infra/services/NOWHERE"]}, "FW151"),
        ({"source_groups": [f"{DOMAIN}/groups/NOWHERE"]}, "FW151"),
        (entry("Strange"), "FW150"),
        (tcp("80-"), "FW150"),
        (tcp("90-80"), "FW150"),
        ({"services": 7}, "FW150"),
        ({"source_groups": ["10.0.0.0/99"]}, "FW150"),
        ({"source_groups": [{}]}, "FW150"),
        ({"sources_excluded": "no"}, "FW150"),
        ({"disabled": "yes"}, "FW150"),
        ({"direction": "UP"}, "FW150"),
        ({"ip_protocol": "IPX"}, "FW150"),
    ],
)
def test_what_no_policy_can_ask_is_a_condition(more, code):
    for action, outcome in (("ALLOW", (DENY, PERMIT)), ("DROP", (DENY, DENY))):
        firewall = read([policy("p", "Application", rule("a", action) | more), last("DROP")])
        assert [one.code for one in firewall.lists[0].rules[0].conditions] == [code]
        assert says(firewall, "10.0.0.1", "10.0.0.2", 80, protocol=1 if code == "FW101" else TCP) == outcome
        assert bool(numbers_of_errors(firewall)) is (code in {"FW150", "FW151"})


def test_one_family():
    allowed = rule("a", "ALLOW", ip_protocol="IPV6")
    firewall = read([policy("p", "Application", allowed), last("DROP")])
    assert says(firewall, "10.0.0.1", "10.0.0.2") == (DENY, DENY)
    assert says(firewall, "2001:db8::1", "2001:db8::2") == (PERMIT, PERMIT)


def test_an_export_without_the_default_rule_leaves_the_rest_open():
    firewall = read([policy("p", "Application", rule("a", "ALLOW", "10.0.0.1"))])
    assert says(firewall, "10.0.0.1", "10.0.0.2") == (PERMIT, PERMIT)
    assert says(firewall, "10.0.0.2", "10.0.0.2") == (DENY, PERMIT)


def test_a_gateways_policies_and_those_not_chosen_are_set_aside():
    gateway = policy("g", "LocalGatewayRules", rule("g", "ALLOW")) | {"resource_type": "GatewayPolicy"}
    sections = [gateway, policy("p", "Emergency", rule("a", "ALLOW")), policy("q", "Application", rule("b", "DROP"))]
    fates = {one.name: one.fate for one in read([*sections, last("DROP")]).statements}
    assert fates == {"g": Fate.NOT_OURS, "a": None, "b": None, "last": None}
    chosen = read([*sections, last("DROP")], "q", "last")
    assert {one.name: one.fate for one in chosen.statements}["a"] is Fate.IMPLIED
    assert says(chosen, "10.0.0.1", "10.0.0.2") == (DENY, DENY)
    assert any("no policy" in one.message for one in read(sections, "nowhere").diagnostics)


# What people have.


def test_a_rule_without_a_verdict_is_named_and_the_rest_is_read():
    rules = realistic(20, 4)
    export = json.loads(nsxt(rules))
    emergency = next(one for one in export["results"] if one.get("category") == "Emergency")
    emergency["rules"].append(rule("junk", "PERHAPS", path="/infra/junk", sequence_number=0))
    text = json.dumps(export, indent=1)
    firewall = read(text)
    place = next(number for number, line in enumerate(text.split("\n"), 1) if '"/infra/junk"' in line)
    assert numbers_of_errors(firewall) == [place]
    assert [one.fate for one in firewall.statements if one.name == "junk"] == [Fate.NOT_EXPRESSIBLE]
    assert_says(firewall, rules, 9)


@settings(max_examples=150)
@given(data=st.data())
def test_no_text_raises(data):
    text = (SAMPLES / data.draw(st.sampled_from(["shop-infra.json", "shop-scoped.json"]))).read_bytes()
    for _ in range(data.draw(st.integers(0, 2))):
        start = data.draw(st.integers(0, len(text)))
        text = text[:start] + data.draw(st.binary(max_size=4)) + text[start:]
    read(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["ANY", "10.0.0.1", "", "/x", "AND", "ALLOW", "\x1b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["resource_type", "path"]), inner),
    max_leaves=5,
)


@settings(max_examples=200)
@given(data=st.data())
def test_no_value_raises(data):
    export = json.loads((SAMPLES / data.draw(st.sampled_from(["shop-infra.json", "shop-scoped.json"]))).read_text())
    fields = [*_fields(export)]
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = fields[data.draw(st.integers(0, len(fields) - 1))]
        holder[key] = data.draw(VALUES)
    read(export)


def _fields(value):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _fields(inner)


def test_hostile_texts_are_read():
    for text in (
        "",
        "{",
        "null",
        "[" * 100_000,
        '{"results": ' * 5000 + "1" + "}" * 5000,
        '{"results": [1e999, NaN, ' + "9" * 10_000 + "]}",
        '{"resource_type": "Group", "expression": 5}',
        '{"rules": 7, "sequence_number": "x"}',
    ):
        firewall = read(text)
        assert firewall.lists == ()
        assert firewall.diagnostics
    chain = [group(f"G{number}", nested(f"G{number + 1}")) for number in range(500)]
    firewall = read([*chain, policy("p", "Application", rule("a", "ALLOW", "G0")), last("DROP")])
    assert says(firewall, "10.0.0.1", "10.0.0.2") == (DENY, PERMIT)


def test_large_exports_keep_every_rule():
    rules = realistic(1500, 1)
    firewall = read(nsxt(rules))
    assert sum(one.role is Role.RULE for one in firewall.statements) == len(rules)
    assert_says(firewall, rules, 7, count=40)


def test_only_an_export_is_recognised():
    for name, is_export in (("nsxt/shop-infra.json", True), ("nsxt/shop-scoped.json", True), ("asa/dc.cfg", False)):
        source = Source.of("x", (SAMPLES.parent / name).read_bytes())
        assert NsxtProvider().recognises(source) is is_export
    assert not NsxtProvider().recognises(Source.of("x", b'{"nftables": []}'))
