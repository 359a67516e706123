"""What a translation looks like: the objects, their limits and names, and what is said of every statement."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp import api
from anp.firewall.codes import CODES
from anp.firewall.convert.drafts import rule_name
from anp.firewall.convert.levels import levels
from anp.firewall.convert.lists import Entry
from anp.firewall.convert.model import Closure, Settings, Tail, Target, Translation
from anp.firewall.convert.packets import ANY
from anp.firewall.convert.translation import translate
from anp.firewall.convert.writing import render
from anp.firewall.inventory.model import Confidence, Neighbours, Rewrite
from anp.firewall.model import (
    EVERY_ADDRESS,
    NO_ADDRESS,
    Action,
    Fate,
    Infrastructure,
    InterfaceMatch,
    Rule,
    RuleList,
    Statement,
)
from anp.firewall.services import EVERY_SERVICE, ICMP, TCP, Services
from anp.sources.diagnostics import Location, has_errors
from compiler.addresses import AddressSet
from compiler.labels import Selector
from compiler.model import PodSelection
from compiler.packets import PacketSet
from tests.firewalls.worlds import (
    CONDITION,
    POD_ADDRESSES,
    World,
    deny,
    entity,
    firewall_of,
    inventory_of,
    permit,
    segment_of,
    tcp,
    worlds,
)

WEB, APP, DB = (entity(number, name=name) for number, name in enumerate(("web", "app", "db")))
PARTNER = AddressSet.of("198.51.100.7")
MANAGEMENT = AddressSet.of("10.99.0.0/16")


def translated(*rules, entities=(WEB, APP, DB), settings: Settings | None = None, **mapping) -> Translation:
    firewall = firewall_of(RuleList("DC", (*rules, deny()), frozenset({4})))
    inventory = replace(inventory_of(*entities), **mapping)
    return translate(firewall, inventory, settings or Settings())


def spec(translation: Translation, name: str) -> dict:
    return next(dict(one.document["spec"]) for one in translation.objects if one.name == name)


def rules_of(translation: Translation, name: str, direction: str) -> list[str]:
    """Write the rules of an object in short."""

    def peer(found) -> str:
        if "pods" in found:
            return found["pods"]["podSelector"]["matchLabels"]["app"]
        if "ipBlock" in found:
            block = found["ipBlock"]
            return block["cidr"] + "".join(f"!{one}" for one in block.get("except", ()))
        return "pods" if "namespaces" in found else ",".join(found["networks"])

    def port(found) -> str:
        if "protocol" in found:
            return f"{found['protocol'].lower()}/{found.get('port', 'all')}"
        ((protocol, value),) = found.items()
        at = value["destinationPort"]
        return f"{protocol}/{at['number'] if 'number' in at else '{start}-{end}'.format(**at['range'])}"

    return [
        " ".join(
            [
                rule.get("action", "Allow"),
                "+".join(map(peer, rule.get("from") or rule.get("to"))),
                *map(port, rule.get("protocols") or rule.get("ports") or ()),
            ]
        )
        for rule in spec(translation, name).get(direction, ())
    ]


def fates(translation: Translation) -> list[tuple[Fate, set[str]]]:
    return [(found.fate, {reason.code for reason in found.reasons}) for found in translation.dispositions]


# The example that everything began with (translation.md 2.3).


@pytest.fixture
def data_centre() -> Translation:
    quarantine = replace(entity(9, name="quarantine"), segment="app")
    entities = (
        quarantine,
        replace(APP, segment="app"),
        replace(WEB, segment="web"),
        replace(DB, segment="db", addresses=AddressSet.of("10.20.2.10")),
    )
    app = quarantine.addresses | APP.addresses
    db = AddressSet.of("10.20.2.10")
    rules = (
        permit(EVERY_ADDRESS, WEB.addresses, tcp(80, 443)),
        permit(WEB.addresses, app, tcp(8080)),
        deny(quarantine.addresses, db, tcp(5432)),
        permit(app, db, tcp(5432)),
        permit(app, PARTNER, tcp(443)),
        permit(MANAGEMENT, WEB.addresses, tcp(22)),
        permit(EVERY_ADDRESS, WEB.addresses, Services.every_port(ICMP)),
        permit(app, EVERY_ADDRESS, tcp(123), conditions=(CONDITION,)),
        permit(WEB.addresses, quarantine.addresses, tcp(8080)),
        permit(EVERY_ADDRESS, AddressSet.of("10.20.8.8"), tcp(25)),
    )
    segments = (
        replace(segment_of("web", 0), interfaces=()),
        replace(segment_of("app", 1, 9), interfaces=()),
        replace(segment_of("db", 2), interfaces=()),
    )
    rewrites = (Rewrite("web", TCP, 443, 8443), Rewrite("web", TCP, 80, 8080))
    return translated(*rules, entities=entities, segments=segments, rewrites=rewrites)


def test_the_database_of_the_example(data_centre: Translation) -> None:
    assert rules_of(data_centre, "ClusterNetworkPolicy fw-db", "ingress") == [
        "Accept db",
        "Deny quarantine tcp/5432",
        "Accept quarantine+app tcp/5432",
        "Deny pods",
    ]
    assert rules_of(data_centre, "ClusterNetworkPolicy fw-db", "egress") == [
        "Accept db",
        "Accept web tcp/8080 tcp/8443",
        "Deny pods",
        "Accept 10.20.8.8/32 tcp/25",
        "Deny 0.0.0.0/0",
    ]


def test_the_web_farm_of_the_example(data_centre: Translation) -> None:
    """A permit that no deny touches is written as the firewall has it."""
    assert rules_of(data_centre, "NetworkPolicy ns0/fw-web-outside", "ingress") == [
        "Allow 0.0.0.0/0 tcp/8080 tcp/8443",
        "Allow 10.99.0.0/16 tcp/22",
    ]
    assert rules_of(data_centre, "NetworkPolicy ns0/fw-db-outside", "ingress") == []
    assert spec(data_centre, "NetworkPolicy ns0/fw-db-outside")["policyTypes"] == ["Ingress"]


def test_what_the_example_is_told(data_centre: Translation) -> None:
    told = fates(data_centre)
    assert [fate for fate, _codes in told] == [
        *(Fate.TRANSLATED,) * 6,
        Fate.NOT_EXPRESSIBLE,
        Fate.NARROWED,
        Fate.IMPLIED,
        Fate.TRANSLATED,
        Fate.TRANSLATED,
        Fate.IMPLIED,
    ]
    assert {"FW121", "FW204", "FW401"} <= told[0][1]
    assert "FW101" in told[6][1]
    assert "FW104" in told[7][1]
    assert data_centre.dispositions[8].killers == (1,)
    assert data_centre.dispositions[7].objects == ()


def test_a_rule_has_the_name_and_the_line_of_its_statement(data_centre: Translation) -> None:
    names = [rule["name"] for rule in spec(data_centre, "ClusterNetworkPolicy fw-db")["ingress"]]
    assert names == ["intra-segment-not-firewalled", "DC-3-line3", "DC-4-line4", "DC-11-line11"]
    text = render(data_centre)["db.yaml"]
    assert "  # line 3: deny tcp/5432 of rule 2\n  - name: DC-3-line3\n" in text


# Order and parties.


def test_what_is_about_pods_comes_before_networks_that_could_hold_them() -> None:
    """The pods' own addresses are in a network that is permitted; the deny of pods must be asked first."""
    found = translated(permit(WEB.addresses, MANAGEMENT, tcp(22)))
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "egress") == [
        "Deny pods",
        "Accept 10.99.0.0/16 tcp/22",
        "Deny 0.0.0.0/0",
    ]


def test_only_a_rule_about_any_address_is_about_pods_that_are_not_mapped() -> None:
    half = AddressSet.of("0.0.0.0/1")
    found = translated(permit(WEB.addresses, half, tcp(80)), permit(WEB.addresses, EVERY_ADDRESS, tcp(443)))
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "egress")[:3] == [
        "Accept web+app+db tcp/80",
        "Accept pods tcp/443",
        "Deny pods",
    ]


def test_an_entity_behind_a_service_is_decided_before_a_rule_about_all_pods() -> None:
    found = translated(
        permit(WEB.addresses, EVERY_ADDRESS, tcp(8443)),
        permit(WEB.addresses, APP.addresses, tcp(443)),
        rewrites=(Rewrite("app", TCP, 443, 8443),),
    )
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "egress") == [
        "Accept app tcp/8443",
        "Deny app",
        "Accept pods tcp/8443",
        "Deny pods",
        "Accept 0.0.0.0/0 tcp/8443",
        "Deny 0.0.0.0/0",
    ]
    assert found.dispositions[0].fate is Fate.NARROWED
    assert "FW122" in fates(found)[0][1]


def test_denied_sources_are_cut_out_of_what_is_permitted_after_them() -> None:
    bad = AddressSet.of("198.51.100.64/26")
    found = translated(
        deny(bad, WEB.addresses),
        permit(EVERY_ADDRESS, WEB.addresses, tcp(443)),
        permit(PARTNER, WEB.addresses, tcp(22)),
    )
    assert rules_of(found, "NetworkPolicy ns0/fw-web-outside", "ingress") == [
        "Allow 0.0.0.0/0!198.51.100.64/26 tcp/443",
        "Allow 198.51.100.7/32 tcp/22",
    ]


def test_a_network_policy_says_when_it_cannot_deny_before_it_permits() -> None:
    found = translated(deny(EVERY_ADDRESS, WEB.addresses, tcp(22)), permit(EVERY_ADDRESS, WEB.addresses))
    assert rules_of(found, "NetworkPolicy ns0/fw-web-outside", "ingress") == [
        "Allow 0.0.0.0/0 tcp/1 tcp/23 udp/all sctp/all"
    ]
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "ingress") == ["Deny pods tcp/22", "Accept pods"]
    assert fates(found)[1] == (Fate.NARROWED, {"FW103", "FW204", "FW401"})


def test_neighbours_go_on_talking_where_the_mapping_says_so() -> None:
    home = replace(segment_of("dmz", 0, neighbours=Neighbours.ALLOW), addresses=AddressSet.of("10.20.0.0/27"))
    found = translated(entities=(replace(WEB, segment="dmz"),), segments=(home,))
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "egress") == [
        "Accept web",
        "Deny pods",
        "Accept 10.20.0.16/28",
        "Deny 0.0.0.0/0",
    ]
    assert rules_of(found, "NetworkPolicy ns0/fw-web-outside", "ingress") == ["Allow 10.20.0.16/28"]


def test_workloads_that_the_firewall_is_not_between_go_on_talking() -> None:
    """A list that only meets packets from one side says nothing of those from the other."""
    inside = replace(segment_of("inside", 0), interfaces=("inside",))
    rules = RuleList("in", (deny(),), frozenset({4}), incoming=(InterfaceMatch(("inside",)),))
    inventory = inventory_of(replace(WEB, segment="inside"), APP, segments=(inside,))
    found = translate(firewall_of(rules), inventory, Settings())
    assert rules_of(found, "ClusterNetworkPolicy fw-app", "ingress") == ["Deny web", "Accept app", "Deny pods"]
    assert rules_of(found, "ClusterNetworkPolicy fw-app", "egress") == []
    assert rules_of(found, "NetworkPolicy ns1/fw-app-outside", "ingress") == ["Allow 0.0.0.0/0!10.20.0.0/24"]


def test_closing_a_workload_to_the_outside_leaves_it_open_to_pods_that_the_firewall_never_met() -> None:
    """A NetworkPolicy would isolate it from those as well."""
    rules = RuleList("in", (deny(),), frozenset({4}), incoming=(InterfaceMatch(("if-outside",)),))
    homes = (segment_of("s0", 0), segment_of("s1", 1))
    inventory = inventory_of(replace(WEB, segment="s0"), replace(APP, segment="s1"), segments=homes)
    found = translate(firewall_of(rules), inventory, Settings())
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "ingress") == ["Accept web", "Accept app", "Deny pods"]


def test_networks_are_of_families_that_the_workload_has() -> None:
    both = AddressSet.of("198.51.100.7", "2001:db8:99::7")
    firewall = firewall_of(RuleList("DC", (permit(WEB.addresses, both, tcp(443)), deny()), frozenset({4, 6})))
    found = translate(firewall, inventory_of(WEB), Settings())
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "egress") == [
        "Deny pods",
        "Accept 198.51.100.7/32 tcp/443",
        "Deny 0.0.0.0/0,::/0",
    ]


# Protocols that no policy can name.


def test_a_deny_of_icmp_holds_where_everything_is_permitted_later() -> None:
    rules = (
        deny(APP.addresses, WEB.addresses, Services.every_port(ICMP)),
        permit(APP.addresses | DB.addresses, WEB.addresses),
    )
    strict = translated(*rules)
    assert rules_of(strict, "ClusterNetworkPolicy fw-web", "ingress") == [
        "Accept app tcp/1-65535 udp/1-65535 sctp/1-65535",
        "Deny app",
        "Accept app+db",
        "Deny pods",
    ]
    assert fates(strict)[0] == (Fate.WIDENED, {"FW101"})
    permissive = translated(*rules, settings=Settings(closure=Closure.PERMISSIVE))
    assert rules_of(permissive, "ClusterNetworkPolicy fw-web", "ingress") == ["Accept app+db", "Deny pods"]
    assert fates(permissive)[0] == (Fate.NOT_EXPRESSIBLE, {"FW101"})


def test_a_deny_of_icmp_holds_outside_too() -> None:
    """Also where no rule but the absence of one permits what comes later."""
    ping = Services.every_port(ICMP)
    found = translated(
        deny(WEB.addresses, PARTNER, ping), deny(PARTNER, WEB.addresses, ping), permit(EVERY_ADDRESS, EVERY_ADDRESS)
    )
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "egress")[-3:] == [
        "Accept 198.51.100.7/32 tcp/1-65535 udp/1-65535 sctp/1-65535",
        "Deny 198.51.100.7/32",
        "Accept 0.0.0.0/0",
    ]
    assert rules_of(found, "NetworkPolicy ns0/fw-web-outside", "ingress") == [
        "Allow 198.51.100.7/32 tcp/all udp/all sctp/all",
        "Allow 0.0.0.0/0!198.51.100.7/32",
    ]


def test_a_rule_that_never_matches_is_not_heard_where_the_one_before_it_cannot_be_said() -> None:
    ping = Services.every_port(ICMP)
    found = translated(
        permit(EVERY_ADDRESS, WEB.addresses, ping),
        deny(APP.addresses, WEB.addresses, ping),
        permit(APP.addresses, WEB.addresses),
    )
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "ingress") == ["Accept app", "Deny pods"]
    assert found.dispositions[1].killers == (0,)


@pytest.mark.parametrize(
    ("rule", "closure", "fate"),
    [
        (permit(APP.addresses, WEB.addresses, conditions=(CONDITION,)), Closure.STRICT, Fate.NARROWED),
        (permit(APP.addresses, WEB.addresses, conditions=(CONDITION,)), Closure.PERMISSIVE, Fate.WIDENED),
        (deny(APP.addresses, WEB.addresses, tcp(1), conditions=(CONDITION,)), Closure.STRICT, Fate.WIDENED),
        (deny(APP.addresses, WEB.addresses, tcp(1), conditions=(CONDITION,)), Closure.PERMISSIVE, Fate.NARROWED),
    ],
)
def test_a_condition_is_decided_by_the_closure(rule, closure: Closure, fate: Fate) -> None:
    found = translated(rule, permit(APP.addresses, WEB.addresses, tcp(1, 2)), settings=Settings(closure=closure))
    assert fates(found)[0] == (fate, {"FW104"})


@pytest.mark.parametrize(
    ("rule", "fate", "code"),
    [
        (permit(PARTNER, MANAGEMENT), Fate.NOT_OURS, "FW202"),
        (permit(APP.addresses, WEB.addresses, tcp(0)), Fate.IMPLIED, "FW109"),
        (permit(APP.addresses, WEB.addresses, Services.every_port(47)), Fate.NOT_EXPRESSIBLE, "FW103"),
        (permit(APP.addresses, WEB.addresses, EVERY_SERVICE - Services.every_port(TCP)), Fate.NARROWED, "FW103"),
    ],
)
def test_what_becomes_of_other_rules(rule, fate: Fate, code: str) -> None:
    told = fates(translated(rule))[0]
    assert told[0] is fate
    assert code in told[1]


@given(world=worlds(), closure=st.sampled_from(Closure))
def test_every_statement_is_accounted_for_once(world: World, closure: Closure) -> None:
    found = translate(world.firewall, world.inventory, Settings(closure=closure))
    assert [one.statement for one in found.dispositions] == [one.number for one in world.firewall.statements]
    objects = {one.name: one for one in found.objects}
    for one in found.dispositions:
        assert all(reason.code in CODES for reason in one.reasons)
        assert one.fate is Fate.TRANSLATED or one.reasons or world.firewall.statements[one.statement].fate
        assert one.fate is not Fate.TRANSLATED or one.objects
        assert all(one.statement in objects[name].statements for name in one.objects)


# Tails, infrastructure, targets.


def test_a_tail_in_the_baseline_tier_can_be_opened_by_a_namespace() -> None:
    found = translated(
        permit(APP.addresses, WEB.addresses, tcp(80)),
        permit(MANAGEMENT, WEB.addresses, tcp(22)),
        permit(WEB.addresses, PARTNER, tcp(443)),
        settings=Settings(tail=Tail.BASELINE),
    )
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "ingress") == ["Accept app tcp/80"]
    assert rules_of(found, "ClusterNetworkPolicy fw-web", "egress") == ["Pass pods", "Accept 198.51.100.7/32 tcp/443"]
    assert rules_of(found, "ClusterNetworkPolicy fw-web-tail", "ingress") == ["Deny pods"]
    assert rules_of(found, "ClusterNetworkPolicy fw-web-tail", "egress") == ["Deny pods", "Deny 0.0.0.0/0"]
    assert spec(found, "ClusterNetworkPolicy fw-web-tail")["tier"] == "Baseline"
    # Pods whose addresses are among the permitted ones are not meant.
    assert rules_of(found, "NetworkPolicy ns0/fw-web-outside", "ingress") == ["Allow 10.99.0.0/17 tcp/22"]
    assert str(POD_ADDRESSES).startswith("10.99.128.0/17")


def test_there_is_one_baseline_policy_of_the_old_kind() -> None:
    settings = Settings(target=Target.ANP, tail=Tail.BASELINE)
    several = translated(settings=settings)
    assert not several.objects
    assert any("FW402" in found.message for found in several.diagnostics)
    alone = translated(entities=(WEB,), settings=settings)
    assert spec(alone, "BaselineAdminNetworkPolicy default")["ingress"][0]["action"] == "Deny"


def test_infrastructure_is_accepted_first_and_by_name() -> None:
    every = frozenset(Infrastructure)
    nodes = AddressSet.of("192.0.2.1", "192.0.2.2")
    found = translated(settings=Settings(infrastructure=every), node_addresses=nodes)
    of_web = spec(found, "ClusterNetworkPolicy fw-web")
    assert [rule["name"] for rule in of_web["egress"]][:2] == ["infra-dns", "infra-api"]
    assert of_web["ingress"][0]["name"] == "infra-metrics"
    assert not any(code in found.message for found in found.diagnostics for code in ("FW501", "FW502", "FW504"))
    denied = translated()
    assert {"FW501", "FW502", "FW504"} <= {found.message[:5] for found in denied.diagnostics}


# Limits.


def many(count: int) -> list[Rule]:
    """Return rules that all disagree with the one before, and of which each decides about one port."""
    return [
        (deny if number % 2 else permit)(APP.addresses, WEB.addresses, tcp(*range(1, number + 2)))
        for number in range(count)
    ]


def scattered(count: int) -> list[Rule]:
    """Return rules that have little to do with each other, in two levels."""
    denies = [deny(APP.addresses, WEB.addresses, tcp(3 * number + 1)) for number in range(count)]
    return [*denies, *(permit(APP.addresses, WEB.addresses, tcp(3 * n + 1, 3 * n + 2)) for n in range(count))]


def test_what_does_not_fit_is_told() -> None:
    deep = translated(*many(700), settings=Settings(profile="ovn-k"))
    assert any("FW402" in found.message for found in deep.diagnostics)
    assert any("FW403" in found.message for found in deep.diagnostics)
    assert all(0 <= one.document["spec"].get("priority", 0) <= 99 for one in deep.objects)
    too_deep = translated(*many(700), settings=Settings(profile="ovn-k", priority=90))
    assert not too_deep.objects
    assert has_errors(too_deep.diagnostics)


@pytest.mark.parametrize("target", list(Target))
def test_objects_keep_to_the_limits_of_their_kind(target: Target) -> None:
    outside = [AddressSet.of(f"198.51.{number}.0/24", f"203.0.{number}.0/25") for number in range(0, 240, 2)]
    everywhere = AddressSet(tuple(sorted(found for addresses in outside for found in addresses.v4)))
    peers = [entity(number) for number in range(60)]
    every_peer = AddressSet(tuple(found for one in peers for found in one.addresses.v4))
    ports = [tcp(*range(number, number + 120, 2)) for number in range(3)]
    rules = [deny(peers[0].addresses, every_peer, found) for found in ports]
    rules += [permit(peers[0].addresses, everywhere, found) for found in ports]
    rules += [permit(peers[0].addresses, one, tcp(4000 + place)) for place, one in enumerate(outside)]
    found = translated(*rules, entities=tuple(peers), settings=Settings(target=target, profile="anp"))
    assert not has_errors(found.diagnostics)
    assert len([one for one in found.objects if "fw-e0" in one.name]) > 1
    for one in found.objects:
        api.parse(one.document)


def test_order_is_kept_where_it_takes_no_more_priorities_than_levels() -> None:
    deep = translated(*many(60), settings=Settings(spacing=5))
    of_web = [one for one in deep.objects if one.name.startswith("ClusterNetworkPolicy fw-web")]
    assert [one.document["spec"]["priority"] for one in of_web] == [100, 105, 110]
    lines = [rule["name"] for one in of_web for rule in one.document["spec"]["ingress"]]
    assert lines == [f"DC-{number}-line{number}" for number in range(1, 62)]


def test_rules_of_one_level_are_joined_and_share_a_priority() -> None:
    flat = translated(*scattered(40))
    of_web = [one for one in flat.objects if one.name.startswith("ClusterNetworkPolicy fw-web")]
    assert [one.document["spec"]["priority"] for one in of_web] == [100, 110, 120]
    assert [len(one.document["spec"]["ingress"]) for one in of_web] == [2, 2, 1]
    unique = translated(*scattered(700), settings=Settings(unique_priorities=True))
    priorities = [
        one.document["spec"]["priority"]
        for one in unique.objects
        if "fw-web" in one.name and "tier" in one.document["spec"]
    ]
    assert priorities == sorted(set(priorities))
    assert len(priorities) > 3


def test_names_of_objects_are_never_alike() -> None:
    entities = (WEB, entity(1, name="web-2"), entity(2, name="web-tail"))
    rules = many(30)
    found = translated(
        *[replace(one, sources=entities[1].addresses) for one in rules],
        entities=entities,
        settings=Settings(tail=Tail.BASELINE),
    )
    names = [one.name for one in found.objects]
    assert len(names) > 8
    assert len(set(names)) == len(names)


@given(st.text(max_size=200), st.text(max_size=200), st.integers(0, 10**9))
def test_names_of_rules_are_short_and_plain(list_name: str, name: str, line: int) -> None:
    statement = Statement(0, Location("f", line), list_name, name, "")
    found = rule_name([statement, statement])
    assert len(found) <= 100
    assert found.isascii()
    assert found.isprintable()
    assert found.endswith(f"-line{line}-and-1-more")


# What a mapping must have.


def test_a_rule_that_cuts_an_entity_is_an_error_and_nothing_is_written() -> None:
    found = translated(permit(AddressSet.of("10.20.0.1"), DB.addresses))
    assert not found.objects
    assert any("FW201" in one.message for one in found.diagnostics)
    assert len(found.dispositions) == 3


def test_a_guess_must_be_looked_at() -> None:
    guessed = replace(WEB, confidence=Confidence.GUESS)
    assert not translated(entities=(guessed,)).objects
    assert translated(entities=(guessed,), settings=Settings(accept_guesses=True)).objects


def test_an_interface_must_have_a_segment() -> None:
    found = translated(permit(WEB.addresses, DB.addresses, outgoing=(InterfaceMatch(("eth9",)),)))
    assert not found.objects
    assert any("FW130" in one.message and one.line == 1 for one in found.diagnostics)
    assert fates(found)[0] == (Fate.NOT_EXPRESSIBLE, {"FW130"})


def test_outside_sources_need_a_namespace_with_a_name() -> None:
    by_label = {"namespaceSelector": {"matchLabels": {"env": "prod"}}}
    unnamed = replace(WEB, pods=PodSelection(Selector.of({"env": "prod"})), selector=by_label)
    found = translated(entities=(unnamed,))
    assert not found.objects
    assert any("kubernetes.io/metadata.name" in one.hint for one in found.diagnostics)


# Levels.

_PIECES = [PacketSet(tcp=((1, 5),)), PacketSet(tcp=((4, 9),)), PacketSet(tcp=((20, 20),)), ANY]
_ENTRIES = st.builds(
    lambda action, packets, pods, networks: Entry(action, packets, 0 if networks else pods, networks),
    st.sampled_from([*Action, None]),
    st.sampled_from(_PIECES),
    st.integers(1, 15),
    st.sampled_from([NO_ADDRESS, NO_ADDRESS, AddressSet.of("192.0.2.0/25"), AddressSet.of("192.0.2.64/26"), PARTNER]),
)


@given(entries=st.lists(_ENTRIES, max_size=12), order=st.randoms(use_true_random=False))
def test_order_matters_only_between_levels(entries: list[Entry], order) -> None:
    found = levels(entries)
    numbers = list(range(len(entries)))
    order.shuffle(numbers)
    numbers.sort(key=found.__getitem__)

    def verdict(of: list[Entry], pod: int, address: str, port: int):
        """A packet to a pod with this number, which has this address."""
        for entry in of:
            hits = (
                entry.pods >> pod & 1
                if entry.pods
                else AddressSet.of(address).v4[0][0]
                in {number for first, last in entry.networks.v4 for number in range(first, last + 1)}
            )
            if hits and any(first <= port <= last for first, last in entry.packets.tcp):
                return entry.action
        return "nobody"

    shuffled = [entries[number] for number in numbers]
    for pod in range(5):
        for address in ("192.0.2.1", "192.0.2.70", "198.51.100.7", "203.0.113.1"):
            for port in (1, 5, 9, 20, 30):
                assert verdict(entries, pod, address, port) == verdict(shuffled, pod, address, port)


# Size.


def test_thousands_of_rules_are_no_trouble() -> None:
    """Not a benchmark: what is quadratic here is noticed by whoever waits for it."""
    entities = [entity(number) for number in range(100)]

    def ends(number: int) -> tuple[AddressSet, AddressSet]:
        return entities[number % 100].addresses, entities[(number * 37 + number // 100) % 100].addresses

    rules = [(permit if number % 7 else deny)(*ends(number), tcp(number % 997 + 1)) for number in range(3_000)]
    outside = [AddressSet.of(f"198.51.{number}.0/24") for number in range(250)]
    rules += [permit(outside[number % 250], entities[number % 100].addresses, tcp(443)) for number in range(500)]
    found = translated(*rules, entities=tuple(entities))
    assert not has_errors(found.diagnostics)
    assert {one.fate for one in found.dispositions[:3_500]} <= {Fate.TRANSLATED, Fate.IMPLIED}
    assert sum(1 for one in found.objects if one.document["kind"] == "NetworkPolicy") == 100
    for one in found.objects:
        api.parse(one.document)
