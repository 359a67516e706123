"""The graph of policies: all of it is there, it says what precedence says, and no name is ever markup."""

import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.analysis.ends import UnknownEndError
from anp.analysis.graph.choosing import about, drawn
from anp.analysis.graph.document import as_json
from anp.analysis.graph.dot import as_dot, quoted
from anp.analysis.graph.mermaid import as_mermaid
from anp.analysis.graph.model import Detail, Relation, Standing, picture
from anp.analysis.graph.svg import as_svg
from anp.sources.diagnostics import printable
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.model import Direction, Tier
from compiler.precedence import Precedence
from tests.strategies import snapshots

HOSTILE = (
    "]]></style><script>alert(1)</script>",
    '"]; evil [label="x',
    "</title></svg>",
    "a\\",
    '\\"',
    "a\nb --> c",
    "`rm`${x}",
    "#quot;#34;&quot;",
    "end",
    "x\x00\x1b[31m\u202e\ufffe",
    "%%{init: {}}%%",
    "javascript:alert(1)",
)
details = st.sampled_from(Detail)


def renamed(snapshot, names):
    """The same cluster where policies, rules and peers' names are such as nobody should have."""

    def rules(found):
        return tuple(replace(rule, name=names[rule.index % len(names)]) for rule in found)

    policies = tuple(
        replace(
            policy,
            name=f"{names[number % len(names)]}{number}",
            ingress=rules(policy.ingress),
            egress=rules(policy.egress),
        )
        for number, policy in enumerate(snapshot.policies)
    )
    return replace(snapshot, policies=tuple(sorted(policies, key=lambda policy: policy.order)))


hostile = st.builds(renamed, snapshots(), st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4))


def every_rule(found):
    return [rule for policy in found.policies for rule in policy.rules]


@given(snapshots(), details)
def test_every_policy_and_rule_is_there_once(snapshot, detail):
    found = picture(snapshot, detail)

    assert [policy.label for policy in found.policies] == [policy.label for policy in snapshot.policies]
    count = sum(len(policy.rules(direction)) for policy in snapshot.policies for direction in Direction)
    ids = [rule.id for rule in every_rule(found)]
    assert len(ids) == len(set(ids)) == count
    assert sum(len(policy["rules"]) for tier in as_json(found)["tiers"] for policy in tier["policies"]) == count


@given(snapshots())
def test_edges_and_standings_are_those_of_precedence(snapshot):
    found = picture(snapshot, Detail.RULES)
    by_id = {rule.id: (band.tier, rule) for band in found.bands for policy in band.policies for rule in policy.rules}
    said = {relation: set() for relation in Relation}
    for edge in found.edges:
        (tier, source), (other, target) = by_id[edge.source], by_id[edge.target]
        assert (tier, source.direction) == (other, target.direction)
        said[edge.relation].add((tier, source.direction, source.rank, target.rank))
    precedes, kills = set(), set()
    for tier in Tier:
        for direction in Direction:
            precedence = Precedence.of(snapshot, tier, direction)
            precedes |= {(tier, direction, one.rank, other.rank) for one, other in precedence.graph.edges}
            kills |= {
                (tier, direction, by.rank, one.rank) for one, killers in precedence.dead.items() for by in killers
            }
            here = [rule for of, rule in by_id.values() if (of, rule.direction) == (tier, direction)]
            assert {box.standing for box in here if box.rank is None} <= {Standing.IDLE}
            boxes = {rule.rank: rule for rule in here if rule.rank is not None}
            assert {r for r, box in boxes.items() if box.standing is Standing.DEAD} == {r.rank for r in precedence.dead}
            assert {r for r, box in boxes.items() if box.standing is Standing.IDLE} == {r.rank for r in precedence.idle}
            assert {box.level for box in boxes.values()} == set(range(len(precedence.levels)))

    assert said[Relation.PRECEDES] == precedes
    assert said[Relation.KILLS] == kills
    assert not said[Relation.COMPILES] | said[Relation.TELLS_APART]


@given(snapshots())
def test_programs_are_those_that_nodes_hold(snapshot):
    found = {program.digest for program in picture(snapshot, Detail.PROGRAMS).programs}
    compilation = compile_cluster(snapshot)
    nodes = {pod.node for pod in snapshot.pods} - {""}
    held = {
        name.removeprefix("program-") for node in nodes for name in lower(compilation, node).maps if "program" in name
    }

    assert held <= found


@given(snapshots(), details)
def test_without_rules_edges_are_between_policies_and_none_is_lost(snapshot, detail):
    found = picture(snapshot, detail)
    counts = Counter(edge.relation for edge, count in drawn(found) for _ in range(count))
    owner = {rule.id: policy.id for policy in found.policies for rule in policy.rules}
    inside = Counter(
        e.relation for e in found.edges if detail is Detail.POLICIES and owner[e.source] == owner[e.target]
    )

    assert counts + inside == Counter(edge.relation for edge in found.edges)


@given(snapshots(), details, st.data())
def test_a_part_is_of_the_whole_and_has_all_that_touches_it(snapshot, detail, data):
    whole = picture(snapshot, detail)
    labels = [policy.label for policy in whole.policies]
    wanted = data.draw(st.sampled_from([*labels, "admin", "Baseline", "NetworkPolicy"]))
    part = about(whole, wanted)
    kept = {policy.id for policy in part.policies}
    chosen = {policy.id for policy in whole.policies if policy.label == wanted}
    owner = {rule.id: policy.id for policy in whole.policies for rule in policy.rules}

    assert chosen <= kept
    assert set(part.edges) <= set(whole.edges)
    for edge in whole.edges:
        ends = {owner.get(edge.source, edge.source), owner.get(edge.target, edge.target)}
        if ends & chosen:
            assert edge in part.edges
    with pytest.raises(UnknownEndError, match="nobody"):
        about(whole, "nobody")


# Names.

SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "title", "style", "defs", "marker", "path", "g", "rect", "text"}


@given(hostile, details)
def test_svg_is_xml_in_which_names_are_text(snapshot, detail):
    found = picture(snapshot, detail)
    drawing = as_svg(found)
    root = ET.fromstring(drawing)
    elements = list(root.iter())

    assert {element.tag.removeprefix(SVG) for element in elements} <= ALLOWED
    assert not [name for element in elements for name in element.attrib if name.startswith("on") or "href" in name]
    assert [element.tag for element in root].count(f"{SVG}style") == 1
    titles = Counter(
        element.findtext(f"{SVG}title") for element in elements if element.get("class", "").startswith("rule ")
    )
    if detail is Detail.POLICIES:
        assert not titles
    else:
        assert titles.total() == len(every_rule(found))
        for rule in every_rule(found):
            assert any(printable(rule.title) in title for title in titles)
    assert as_svg(picture(snapshot, detail)) == drawing


STRING = r'"(?:[^"\\\n]|\\["\\])*"'
ATTRIBUTE = rf"[a-z]+={STRING}"
DOT = [
    r"digraph policies \{",
    r"\s*subgraph cluster_[a-z0-9_]+ \{",
    r"\s*\}",
    rf"\s*(?:graph|node|[a-z][a-z0-9]*) \[{ATTRIBUTE}(?: {ATTRIBUTE})*\];",
    rf"\s*[a-z][a-z0-9]* -> [a-z][a-z0-9]* \[{ATTRIBUTE}(?: {ATTRIBUTE})*\];",
    rf"\s*{ATTRIBUTE};(?: {ATTRIBUTE};)*",
]


@given(hostile, details)
def test_dot_is_only_what_we_say_with_names_in_strings(snapshot, detail):
    found = picture(snapshot, detail)
    lines = as_dot(found).splitlines()

    assert not [line for line in lines if not any(re.fullmatch(form, line) for form in DOT)]
    assert sum(line.rstrip().endswith("{") for line in lines) == sum(line.strip() == "}" for line in lines)
    rules = every_rule(found) if detail is not Detail.POLICIES else []
    heads = Counter(line.split()[0] for line in lines if "[label=" in line)
    assert all(heads[rule.id] == 1 for rule in rules)


@given(st.text())
def test_a_string_of_dot_stands_for_the_text(text):
    inside = quoted(text)

    assert re.fullmatch(STRING, inside)
    assert re.sub(r"\\(.)", r"\1", inside[1:-1]).replace("&amp;", "&") == printable(text)


TEXT = r"(?:[A-Za-z0-9 .,/()_-]|#[0-9]+;)*"
MERMAID = [
    "flowchart TD",
    rf'\s*subgraph [a-z0-9]+\["{TEXT}"\]',
    r"\s*end",
    rf'\s*[a-z0-9]+\["{TEXT}"\](?::::faded)?',
    rf'\s*[a-z0-9]+\(\["{TEXT}"\]\)',
    rf'\s*[a-z0-9]+\{{\{{"{TEXT}"\}}\}}',
    r"\s*[a-z0-9]+ (?:-->|-\. kills \.->|==>|-\.->) [a-z0-9]+",
    r"\s*classDef faded stroke-dasharray:4,opacity:0\.6",
]


@given(hostile, details)
def test_mermaid_is_only_what_we_say_with_names_in_labels(snapshot, detail):
    found = picture(snapshot, detail)
    lines = as_mermaid(found).splitlines()

    assert not [line for line in lines if not any(re.fullmatch(form, line) for form in MERMAID)]
    assert sum(line.lstrip().startswith("subgraph") for line in lines) == sum(line.strip() == "end" for line in lines)
    rules = every_rule(found) if detail is not Detail.POLICIES else []
    heads = Counter(line.strip().partition("[")[0] for line in lines if '["' in line)
    assert all(heads[rule.id] == 1 for rule in rules)
