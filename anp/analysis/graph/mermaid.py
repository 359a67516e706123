"""A picture in the language of Mermaid, which Markdown on code hosts shows."""

import re
from collections.abc import Iterator

from anp.analysis.graph.choosing import drawn
from anp.analysis.graph.model import Detail, Picture, Relation, Standing
from anp.analysis.graph.words import class_title, policy_title, program_title, rule_title
from anp.sources.diagnostics import printable

_SPECIAL = re.compile(r"[^A-Za-z0-9 .,/()_-]")
_ARROWS = {
    Relation.PRECEDES: "-->",
    Relation.KILLS: "-. kills .->",
    Relation.COMPILES: "==>",
    Relation.TELLS_APART: "-.->",
}


def as_mermaid(picture: Picture) -> str:
    """Return a picture as a flowchart."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "flowchart TD"
    for band in picture.bands:
        yield f'  subgraph tier{band.tier.value}["{label(f"{band.tier.title} tier")}"]'
        for policy in band.policies:
            if picture.detail is Detail.POLICIES or not policy.rules:
                yield f'    {policy.id}["{label(policy_title(policy))}"]'
                continue
            yield f'    subgraph {policy.id}["{label(policy_title(policy))}"]'
            for rule in policy.rules:
                faded = "" if rule.standing is Standing.LIVE else ":::faded"
                yield f'      {rule.id}["{label(rule_title(rule))}"]{faded}'
            yield "    end"
        yield "  end"
    for program in picture.programs:
        yield f'  {program.id}(["{label(program_title(program))}"])'
    for one in picture.classes:
        yield f'  {one.id}{{{{"{label(class_title(one))}"}}}}'
    for edge, _count in drawn(picture):
        yield f"  {edge.source} {_ARROWS[edge.relation]} {edge.target}"
    yield "  classDef faded stroke-dasharray:4,opacity:0.6"


def label(text: str) -> str:
    """Return a text in which all that could be markup is spelled as its number."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", printable(text))
