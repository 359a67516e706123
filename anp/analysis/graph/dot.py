"""A picture in the language of Graphviz."""

from collections.abc import Iterator

from anp.analysis.graph.choosing import drawn
from anp.analysis.graph.model import Detail, Picture, PolicyBox, Relation, Standing
from anp.analysis.graph.words import (
    class_about,
    class_title,
    policy_about,
    policy_title,
    program_about,
    program_title,
    rule_about,
    rule_title,
)
from anp.sources.diagnostics import printable

_EDGES = {
    Relation.PRECEDES: "",
    Relation.KILLS: ' style="dashed" color="#c62828"',
    Relation.COMPILES: ' color="#78909c" arrowhead="empty"',
    Relation.TELLS_APART: ' style="dotted" color="#78909c"',
}


def as_dot(picture: Picture) -> str:
    """Return a picture for `dot`."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "digraph policies {"
    yield '  graph [rankdir="TB" fontname="sans-serif" compound="true"];'
    yield '  node [shape="box" fontname="sans-serif" fontsize="11"];'
    for band in picture.bands:
        yield f"  subgraph cluster_{band.tier.name.lower()} {{"
        yield f"    label={quoted(f'{band.tier.title} tier')};"
        for policy in band.policies:
            yield from _policy(policy, picture)
        yield "  }"
    for program in picture.programs:
        yield _box("  ", program.id, program_title(program), program_about(program), ' style="rounded"')
    for one in picture.classes:
        yield _box("  ", one.id, class_title(one), class_about(one), ' shape="ellipse"')
    inner = {policy.id: policy.rules[0].id for policy in picture.policies if policy.rules}
    for edge, count in drawn(picture):
        source = edge.source
        more = f' label="{count}"' if count > 1 else ""
        if picture.detail is not Detail.POLICIES and source in inner:
            more += f' ltail="cluster_{source}"'
            source = inner[source]
        yield f'  {source} -> {edge.target} [tooltip="{edge.relation.value}"{_EDGES[edge.relation]}{more}];'
    yield "}"


def _policy(policy: PolicyBox, picture: Picture) -> Iterator[str]:
    about = policy_about(policy, picture)
    if picture.detail is Detail.POLICIES or not policy.rules:
        yield _box("    ", policy.id, policy_title(policy), about)
        return
    yield f"    subgraph cluster_{policy.id} {{"
    yield f"      label={quoted(policy_title(policy))}; tooltip={quoted(about)};"
    for rule in policy.rules:
        faded = "" if rule.standing is Standing.LIVE else ' style="dashed" fontcolor="#78909c"'
        yield _box("      ", rule.id, rule_title(rule), rule_about(rule), faded)
    yield "    }"


def _box(indent: str, name: str, title: str, about: str, more: str = "") -> str:
    return f"{indent}{name} [label={quoted(title)} tooltip={quoted(about)}{more}];"


def quoted(text: str) -> str:
    """Return a text as a string of the language that stands for just that text, whatever is in it.

    A backslash before another is one for labels; what is like an entity of HTML is none.
    """
    safe = printable(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{safe}"'
