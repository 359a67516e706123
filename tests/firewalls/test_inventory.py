"""The mapping file: what it means, what is wrong with it and where, and whether rules fit it."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anp.firewall.codes import CODES
from anp.firewall.inventory.addressing import addresses_of, texts_of, union
from anp.firewall.inventory.atlas import Atlas
from anp.firewall.inventory.checks import guesses
from anp.firewall.inventory.loading import load, parse
from anp.firewall.inventory.model import Confidence, Neighbours
from anp.firewall.inventory.refinement import refinement, stanza
from anp.firewall.inventory.schema import FirewallMapping, json_schema
from anp.firewall.model import EVERY_ADDRESS, RuleList
from anp.firewall.services import TCP
from anp.sources.diagnostics import Severity, has_errors
from anp.state.disjoint import witness
from compiler import intervals
from compiler.addresses import AddressSet
from compiler.labels import NAMESPACE_NAME_LABEL, Labels
from compiler.model import Snapshot
from docs.generate import HERE, pages
from tests.builders import pod
from tests.firewalls.worlds import deny, firewall_of, permit

SAMPLE = Path(__file__).parents[2] / "testdata" / "firewalls" / "mappings" / "dc.yaml"

WEB = "- {name: web, cidrs: [10.20.1.0/24], namespace: shop, labels: {tier: web}}\n"
APP = "- {name: app, cidrs: [10.20.2.0/24], namespace: shop, labels: {tier: app}}\n"
BOTH = f"segments: {{one: [10.20.1.0/24], two: [10.20.2.0/24]}}\nentities:\n{WEB}{APP}"


def told(text, **more):
    """What is said about a mapping, as `line: message`."""
    return [f"{found.line}: {found.message}" for found in parse(text, "map.yaml", **more).diagnostics]


def loaded(text):
    inventory, diagnostics = parse(text, "map.yaml")
    assert inventory is not None, diagnostics
    return inventory


# What a file means.


def test_the_sample_means_what_it_says():
    inventory, diagnostics = load(str(SAMPLE))
    assert diagnostics == ()
    assert [entity.name for entity in inventory.entities] == ["quarantine", "app", "web", "db"]
    assert [entity.segment for entity in inventory.entities] == ["app", "app", "web", "db"]
    quarantine, app, *_ = inventory.entities
    assert app.addresses == AddressSet.of("10.20.2.0/24") - quarantine.addresses
    assert app.selector == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
        "podSelector": {
            "matchLabels": {"tier": "app"},
            "matchExpressions": [{"key": "quarantine", "operator": "NotIn", "values": ["true"]}],
        },
    }
    assert inventory.segment("db").neighbours is Neighbours.DENY
    assert inventory.segment("web").neighbours is Neighbours.UNSTATED
    assert [(each.protocol, each.port, each.container_port) for each in inventory.rewrites] == [
        (TCP, 443, 8443),
        (TCP, 80, 8080),
    ]
    assert inventory.node_addresses == AddressSet.of("192.0.2.11", "192.0.2.12/31")
    assert app.at.line == 13


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("namespace: shop", "namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}"),
        ("labels: {a: b}", "pods: {podSelector: {matchLabels: {a: b}}}"),
        ("labels: {a: b}", "pods: {podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}"),
        (
            "namespace: shop, labels: {a: b}",
            (
                "pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, "
                "podSelector: {matchLabels: {a: b}}}"
            ),
        ),
    ],
)
def test_ways_to_say_which_pods(short, long):
    one, other = (
        loaded(f"entities: [{{name: x, cidrs: [10.0.0.1], {ways}}}]").entities[0].pods for ways in (short, long)
    )
    assert one == other


def test_a_selector_is_only_of_namespaces_where_nothing_is_said_of_pods():
    entity = loaded("entities: [{name: x, cidrs: [10.0.0.1], namespace: shop}]").entities[0]
    assert "podSelector" not in entity.selector


numbers = st.integers(0, (1 << 32) - 1)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4))
def test_addresses_are_read_as_they_are_written(pairs):
    addresses = AddressSet(intervals.union((min(pair), max(pair)) for pair in pairs))
    assert union(map(addresses_of, texts_of(addresses))) == addresses


@pytest.mark.parametrize(
    "text", ["10.0.0.1/24", "10.0.0.9-10.0.0.1", "10.0.0.1-fd00::1", "::ffff:10.0.0.1", "fe80::1%eth0", "x", "", "-"]
)
def test_addresses_that_could_be_a_slip_are_refused(text):
    with pytest.raises(ValueError, match=r"write|not a network|families"):
        addresses_of(text)


# What is wrong with one.


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", 1, "the mapping has no entities"),
        ("entities: []", 1, "anp translate suggest"),
        ("segments: {}\n---\nentities: []", 3, "one document"),
        ("- 1", 1, "no FirewallMapping"),
        (f"entities:\n{WEB}segmnts: {{}}", 3, "is no field"),
        ("entities:\n- name: web\n  cidrs: [10.0.0.0/24]\n  labels: {a: b}\n  cidr: []", 5, "is no field"),
        ("entities:\n- name: web\n  cidrs:\n  - 10.0.0.0/24\n  - 10.0.0.1/24\n  labels: {a: b}", 5, "host bits"),
        ("entities:\n- name: web\n  cidrs: [10.0.0.0/24]", 2, "does not say which pods"),
        ("entities:\n- {name: w, cidrs: [10.0.0.1], namespace: a, pods: {}}", 2, "in two ways"),
        ("entities:\n- name: web\n  cidrs: [10.0.0.0/24]\n  labels:\n    a: true", 5, "must be text, not true"),
        ("entities:\n- name: web\n  cidrs: [10.0.0.0/24]\n  labels:\n    a b: c", 5, "not a label key"),
        ("entities:\n- name: web\n  cidrs: [10.0.0.0/24]\n  labels: {a: b}\n  confidence: sure", 5, "must be 'stated'"),
        (f"{BOTH}- {{name: web, cidrs: [10.0.0.1], namespace: x}}", 5, "FW208: there are two entities web"),
        (f"{BOTH}- {{name: z, cidrs: [10.20.1.5], namespace: x}}", 5, "all belong to entities before it"),
        (f"{BOTH}- {{name: z, cidrs: [10.0.0.1], namespace: x, segment: tw}}", 5, "there is no segment tw"),
        (f"{BOTH}- {{name: z, cidrs: [10.0.0.1], namespace: x, segment: two}}", 5, "is not in its segment two"),
        ("segments:\n  a: [10.0.0.0/24]\n  b: [10.0.1.0/24]\n  c: [10.0.0.0/28]\nentities:\n" + WEB, 4, "FW207"),
        ("segments: {a: [10.20.1.0/25], b: [10.20.1.128/25]}\nentities:\n" + WEB, 3, "in several segments"),
        ("segments: {a: [10.20.1.0/25]}\nentities:\n" + WEB, 3, "is in no segment"),
        (f"{BOTH}ports:\n- {{entity: wbe, from: 1, to: 2}}", 6, "which is no entity"),
        (f"{BOTH}ports:\n- {{entity: web, from: 1, to: 2}}\n- {{entity: web, from: 1, to: 3}}", 7, "at 2 and at 3"),
        (f"{BOTH}ports:\n- {{entity: web, from: 1, to: 2}}\n- {{entity: web, from: 3, to: 2}}", 7, "FW121"),
        (f"{BOTH}ports:\n- {{entity: web, from: 0, to: 2}}", 6, "at least 1"),
        (f"{BOTH}external: {{X: [10.20.1.7]}}", 5, "which entities have too"),
        (f"entities:\n{WEB}- {{name: z, cidrs: [10.0.0.1], namespace: shop}}", 3, "FW205"),
        (
            (
                "entities:\n- {name: z, cidrs: [10.0.0.1], labels: {a: b},\n   namespace: x}\n"
                "- name: v\n  cidrs: [10.0.0.2]\n  pods: {podSelector: {matchLabels: {a: b}, "
                "matchExpressions: [{key: a, operator: DoesNotExist}]}}"
            ),
            4,
            "no pod can have",
        ),
        ("segments: {a: {cidrs: [10.20.1.0/24], interfaces: [eth1]}}\nentities:\n" + WEB, 1, "leads outside"),
        (
            "segments:\n  a: [10.20.1.0/24]\noutside: {interfaces: [eth0]}\nentities:\n" + WEB,
            2,
            "no interface leads to segment a",
        ),
        ("entities: [1]", 1, "must be a mapping"),
        ("entities: {", 2, "not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, line, part):
    assert any(found.startswith(f"{line}: ") and part in found for found in told(text)), told(text)


def test_with_an_error_there_is_no_inventory():
    for text in (f"{BOTH}ports:\n- {{entity: x, from: 1, to: 2}}", f"{BOTH}x: 1", "", "entities: {"):
        assert parse(text, "map.yaml").inventory is None
    assert load("/nowhere/at/all.yaml").inventory is None


def test_a_misspelt_field_is_suggested():
    found = parse("entities:\n- {name: web, cidrs: [10.0.0.1], namespace: x, confidance: guess}", "m").diagnostics[0]
    assert found.hint == "did you mean confidence?"


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(["10.0.0.0/24", "web"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(max_size=5),
                st.sampled_from(
                    [
                        *FirewallMapping.model_json_schema()["properties"],
                        "name",
                        "cidrs",
                        "pods",
                        "podSelector",
                        "labels",
                    ]
                ),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@given(st.one_of(junk.map(json.dumps), st.text()))
def test_no_file_makes_reading_fail(text):
    inventory, diagnostics = parse(text, "map.yaml")
    assert (inventory is None) == has_errors(diagnostics)
    assert all(str(found).isprintable() for found in diagnostics)


def test_the_schema_for_editors_takes_what_we_take():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(SAMPLE.read_text()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"entitys": []}, schema)


# Labels.

OVERLAPPING = f"entities:\n{WEB}- {{name: other, cidrs: [10.0.0.1], namespace: shop, labels: {{app: z}}}}"


def cluster(*labels):
    pods = [replace(pod(f"x/{chr(97 + number)}", labels=each), namespace="shop") for number, each in enumerate(labels)]
    return Snapshot.of(namespaces={"shop": Labels({NAMESPACE_NAME_LABEL: "shop"})}, pods=pods)


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        ([{"tier": "web"}, {"app": "z"}], ["FW206"]),
        ([{"tier": "web", "app": "z"}], ["FW205"]),
        ([{"tier": "web"}], ["FW211", "FW206"]),
    ],
)
def test_a_cluster_tells_whether_selectors_meet_today(labels, codes):
    found = told(OVERLAPPING, snapshot=cluster(*labels))
    assert sorted(line.split()[1].rstrip(":") for line in found) == sorted(codes)


def test_the_way_apart_that_is_told_leads_apart():
    found = next(each for each in parse(OVERLAPPING, "m").diagnostics)
    assert found.hint == 'add {key: tier, operator: NotIn, values: ["web"]} to the matchExpressions of other'
    mended = OVERLAPPING.replace(
        "namespace: shop, labels: {app: z}",
        "pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, podSelector: {matchLabels: "
        '{app: z}, matchExpressions: [{key: tier, operator: NotIn, values: ["web"]}]}}',
    )
    one, other = loaded(mended).entities
    assert witness(one.pods, other.pods) is None


def test_the_way_apart_leaves_pods_to_both():
    """What both ask for is no way apart: without it the later one would have nobody."""
    text = "entities:\n- {name: one, cidrs: [10.0.0.1], labels: {app: a, tier: web}}\n"
    (found,) = parse(f"{text}- {{name: two, cidrs: [10.0.0.2], labels: {{app: a}}}}", "m").diagnostics
    assert found.hint.startswith("add {key: tier, operator: NotIn")


def test_guesses_are_errors_until_they_are_accepted():
    inventory = loaded(BOTH.replace("labels: {tier: web}", "labels: {tier: web}, confidence: guess"))
    assert inventory.entities[0].confidence is Confidence.GUESS
    assert [found.severity for found in guesses(inventory, accepted=False)] == [Severity.ERROR]
    assert [found.severity for found in guesses(inventory, accepted=True)] == [Severity.WARNING]


# Rules.

ANY = EVERY_ADDRESS
WEB_NET, APP_NET = AddressSet.of("10.20.1.0/24"), AddressSet.of("10.20.2.0/24")


def refined(text, *rules):
    firewall = firewall_of(RuleList("list", (*rules, deny(ANY, ANY))))
    return refinement(loaded(text), firewall, firewall.lists[0].rules)


def codes(diagnostics):
    return [found.message[:5] for found in diagnostics]


def test_rules_that_fit_have_nothing_to_tell():
    assert refined(BOTH, permit(WEB_NET, APP_NET)) == ()


def test_an_entity_that_is_cut_can_be_mended_as_told():
    part = AddressSet.of("10.20.2.66")
    rules = permit(WEB_NET, part), permit(WEB_NET, APP_NET)
    (found,) = refined(BOTH, *rules)
    assert found.message.startswith("FW201: rule list 1 (fw.conf:1) tells 10.20.2.66 apart from the rest of app")
    assert found.line == 4
    carved = found.hint.partition("\n")[2]
    excluded = "{key: translate.anp.internal/entity, operator: NotIn, values: [app-10-20-2-66]}"
    assert excluded in found.hint
    mended = BOTH.replace(WEB + APP, f"{WEB}{carved}\n{APP}").replace(
        "namespace: shop, labels: {tier: app}}\n",
        "pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, podSelector: {matchLabels: "
        f"{{tier: app}}, matchExpressions: [{excluded}]}}}}}}\n",
    )
    assert refined(mended, *rules) == ()


@st.composite
def cuts(draw):
    """Sets of addresses that rules have, over a small network."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, 31))
        found.append((first, draw(st.integers(first, 31))))
    base = int(addresses_of("10.20.2.0").v4[0][0])
    return [AddressSet(((base + first, base + last),)) for first, last in found]


@given(cuts())
def test_carving_out_what_is_told_leaves_nothing_cut(sets):
    text = BOTH.replace("[10.20.2.0/24]", "[10.20.2.0/27]")
    rules = [permit(WEB_NET, addresses) for addresses in sets]
    found = [each for each in refined(text, *rules) if each.message.startswith("FW201")]
    inventory = loaded(text)
    # A mapping in which every carved part is an entity of its own; labels do not matter here.
    carved = [
        loaded(f"segments: {{two: [10.20.2.0/24]}}\nentities:\n{each.hint.partition(chr(10))[2]}").entities[0]
        for each in found
    ]
    app = replace(inventory.entities[1], addresses=inventory.entities[1].addresses - union(e.addresses for e in carved))
    atlas = Atlas(replace(inventory, entities=(inventory.entities[0], *carved, app)))
    assert all(not atlas.split(addresses).cut for addresses in sets)
    assert bool(found) == any(Atlas(inventory).split(addresses).cut for addresses in sets)
    assert len({entity.name for entity in carved}) == len(carved)


def test_the_other_family_cuts_only_where_rules_speak_of_it():
    text = BOTH.replace("cidrs: [10.20.2.0/24]", 'cidrs: [10.20.2.0/24, "fd00::/64"]').replace(
        "two: [10.20.2.0/24]", 'two: [10.20.2.0/24, "fd00::/64"]'
    )
    rules = permit(WEB_NET, APP_NET), deny(ANY, ANY)
    both = firewall_of(RuleList("list", rules))
    only = firewall_of(RuleList("list", rules, versions=frozenset({4})))
    inventory = loaded(text)
    assert codes(refinement(inventory, both, both.lists[0].rules)) == ["FW201"]
    assert codes(refinement(inventory, only, only.lists[0].rules)) == []


def test_neighbours_are_told_if_a_rule_names_some_of_them():
    text = BOTH.replace("cidrs: [10.20.2.0/24]", "cidrs: [10.20.2.0/25]")
    entity = AddressSet.of("10.20.2.0/25")
    assert codes(refined(text, permit(WEB_NET, APP_NET))) == []
    assert codes(refined(text, permit(WEB_NET, entity))) == []
    (found,) = refined(text, permit(WEB_NET, entity), permit(WEB_NET, AddressSet.of("10.20.2.200")))
    assert "FW203: rule list 2 (fw.conf:2) names 10.20.2.200 in segment two" in found.message


def test_an_entity_of_the_default_only_is_told():
    assert codes(refined(BOTH, permit(WEB_NET, ANY))) == ["FW210"]
    assert codes(refined(BOTH)) == ["FW210", "FW210"]


def test_a_stanza_quotes_what_a_reader_could_take_for_something_else():
    text = "entities:\n- {name: web, cidrs: [10.0.0.0/24], namespace: shop, labels: {'y': 'no', 'n': '1'}}"
    entity = loaded(text).entities[0]
    carved = loaded("entities:\n" + stanza(entity, AddressSet.of("10.0.0.1"))).entities[0]
    assert dict(carved.selector["podSelector"]["matchLabels"]) == {
        "y": "no",
        "n": "1",
        "translate.anp.internal/entity": "web-10-0-0-1",
    }


# The reference.


@pytest.mark.parametrize("name", ["mapping.md", "mapping.schema.json", "translation-codes.md"])
def test_made_pages_are_fresh(name):
    made = pages()[f"reference/{name}"]
    assert (HERE / "reference" / name).read_text(encoding="utf-8") == made, "run scripts/reference"


def test_every_code_and_every_field_is_in_the_reference():
    made = pages()
    assert all(f"### {code}\n" in made["reference/translation-codes.md"] for code in CODES)
    parts = json_schema()["$defs"]
    fields = {
        field
        for name in parts
        if "Requirement" not in name and "LabelSelector" not in name
        for field in parts[name].get("properties", {})
    }
    assert fields
    assert all(f"{field}`" in made["reference/mapping.md"] for field in fields)
