"""A picture as SVG: no scripts, nothing from elsewhere, light or dark as the reader's system is."""

from collections.abc import Iterator
from html import escape

from anp.analysis.graph.choosing import drawn
from anp.analysis.graph.layout import BOX, HEAD, ROW, Layout, Place, laid_out
from anp.analysis.graph.model import Detail, Edge, Picture, PolicyBox, Relation, RuleBox
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

_LETTERS = BOX // 7 - 2
"""What fits a box; all of it is in the tooltip."""
_BEHIND = frozenset({Relation.COMPILES, Relation.TELLS_APART})
"""What crosses other boxes on its way down."""
_STYLE = """
svg { --paper: #ffffff; --ink: #1c2733; --faint: #6b7a89; --box: #f4f6f8; --line: #c3ccd5; --band: #fafbfc;
  --accept: #1b7f3b; --deny: #b3261e; --pass: #8a5a00; background: var(--paper);
  font: 12px system-ui, sans-serif; fill: var(--ink); }
@media (prefers-color-scheme: dark) { svg { --paper: #14191f; --ink: #e4e9ee; --faint: #93a1af; --box: #202831;
  --line: #3b4753; --band: #191f26; --accept: #58c27d; --deny: #f2857d; --pass: #e0b050; } }
.band rect { fill: var(--band); stroke: var(--line); }
.band text { fill: var(--faint); font-weight: 600; }
.box rect { fill: var(--box); stroke: var(--line); }
.box .title { font-weight: 600; }
.Accept { fill: var(--accept); } .Deny { fill: var(--deny); } .Pass { fill: var(--pass); }
.dead, .idle { opacity: .55; } .dead text { text-decoration: line-through; }
.edge { fill: none; stroke: var(--faint); stroke-opacity: .7; }
.kills { stroke: var(--deny); stroke-dasharray: 5 3; }
.compiles, .tells-apart { stroke-opacity: .3; } .tells-apart { stroke-dasharray: 2 3; }
.edge:hover { stroke-width: 3; stroke-opacity: 1; }
"""


def as_svg(picture: Picture) -> str:
    """Return a picture as a file of its own."""
    return "\n".join(_lines(picture, laid_out(picture))) + "\n"


def _lines(picture: Picture, layout: Layout) -> Iterator[str]:
    size = f'width="{layout.width}" height="{layout.height}" viewBox="0 0 {layout.width} {layout.height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>'
    yield "<title>Policies, and what depends on what</title>"
    yield f"<style>{_STYLE}</style>"
    yield (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>'
    )
    for title, place in layout.bands:
        yield f'<g class="band">{_rect(place)}<text x="{place.x + 10}" y="{place.y + 18}">{text(title)}</text></g>'
    names = _names(picture)
    edges = [(edge, count, edge.relation in _BEHIND) for edge, count in drawn(picture)]
    yield from (_edge(edge, count, layout, names) for edge, count, behind in edges if behind)
    for policy in picture.policies:
        yield from _policy(policy, picture, layout)
    for program in picture.programs:
        yield _box(layout.boxes[program.id], program_title(program), program_about(program))
    for one in picture.classes:
        yield _box(layout.boxes[one.id], class_title(one), class_about(one))
    yield from (_edge(edge, count, layout, names) for edge, count, behind in edges if not behind)
    yield "</svg>"


def _policy(policy: PolicyBox, picture: Picture, layout: Layout) -> Iterator[str]:
    yield _box(layout.boxes[policy.id], policy_title(policy), policy_about(policy, picture))
    if picture.detail is not Detail.POLICIES:
        for rule in policy.rules:
            yield _rule(rule, layout.boxes[rule.id])


def _box(place: Place, title: str, about: str) -> str:
    shown = f'<text class="title" x="{place.x + 8}" y="{place.y + HEAD - 9}">{text(_short(title))}</text>'
    return f'<g class="box"><title>{text(about)}</title>{_rect(place)}{shown}</g>'


def _rule(rule: RuleBox, place: Place) -> str:
    shown = f'<text class="{rule.action.value}" x="{place.x + 8}" y="{place.y + ROW - 6}">'
    shown += f"{text(_short(rule_title(rule)))}</text>"
    hit = f'<rect x="{place.x}" y="{place.y}" width="{place.width}" height="{place.height}" fill-opacity="0"/>'
    return f'<g class="rule {rule.standing.value}"><title>{text(rule_about(rule))}</title>{hit}{shown}</g>'


def _rect(place: Place) -> str:
    return f'<rect x="{place.x}" y="{place.y}" width="{place.width}" height="{place.height}" rx="5"/>'


def _edge(edge: Edge, count: int, layout: Layout, names: dict[str, str]) -> str:
    many = f" ({count})" if count > 1 else ""
    about = f"{names[edge.source]} {edge.relation.value} {names[edge.target]}{many}"
    way = _curve(layout.boxes[edge.source], layout.boxes[edge.target], edge.relation)
    kind = f"edge {edge.relation.value}"
    return f'<path class="{kind}" d="{way}" marker-end="url(#arrow)"><title>{text(about)}</title></path>'


def _curve(source: Place, target: Place, relation: Relation) -> str:
    """Return a curve: between rows at their sides, and from a box to one of a band below from edge to edge."""
    if relation in _BEHIND:
        x, y = source.x + source.width // 2, source.y + source.height
        to_x, to_y = target.x + target.width // 2, target.y
        half = (y + to_y) // 2
        return f"M{x} {y}C{x} {half} {to_x} {half} {to_x} {to_y}"
    x, y, to_y = source.x + source.width, source.middle, target.middle
    if target.x > source.x:
        bend = max(20, (target.x - x) // 2)
        return f"M{x} {y}C{x + bend} {y} {target.x - bend} {to_y} {target.x} {to_y}"
    bend = 18 + min(60, abs(to_y - y) // 6)
    to_x = target.x + target.width
    return f"M{x} {y}C{x + bend} {y} {to_x + bend} {to_y} {to_x} {to_y}"


def _names(picture: Picture) -> dict[str, str]:
    names = {policy.id: policy_title(policy) for policy in picture.policies}
    for policy in picture.policies:
        names.update((rule.id, f"{policy.label} {rule.title}") for rule in policy.rules)
    names.update((program.id, program_about(program)) for program in picture.programs)
    names.update((one.id, class_title(one)) for one in picture.classes)
    return names


def _short(title: str) -> str:
    return title if len(title) <= _LETTERS else f"{title[: _LETTERS - 1]}…"


def text(content: str) -> str:
    """Return a text that is nothing else in SVG; what no XML may hold is spelled out."""
    return escape(printable(content))
