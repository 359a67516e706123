"""A part of a picture: one tier, policy or namespace, with all that it has to do with."""

from collections.abc import Iterator
from dataclasses import replace

from anp.analysis.ends import UnknownEndError
from anp.analysis.graph.model import Detail, Edge, Picture, PolicyBox, Relation
from anp.analysis.parties import few


def about(picture: Picture, wanted: str) -> Picture:
    """Return what of a picture is about a tier, a policy by ``name`` or ``namespace/name``, or a namespace.

    Policies with a rule that takes precedence over one of theirs, or the other way round, stay with them.

    Raises:
        UnknownEndError: nothing is named so.

    """
    chosen = {policy.id for band in picture.bands for policy in band.policies if _is(policy, band.tier.title, wanted)}
    if not chosen and wanted.lower() not in {band.tier.title.lower() for band in picture.bands}:
        known = few([policy.label for policy in picture.policies]) or "none"
        tiers = ", ".join(band.tier.title for band in picture.bands)
        raise UnknownEndError(
            f"no tier, policy or namespace with policies is named {wanted!r}: tiers are {tiers}, policies are {known}"
        )
    owner = owners(picture)
    near = {owner[end] for edge in picture.edges if _touches(edge, owner, chosen) for end in (edge.source, edge.target)}
    kept = chosen | near
    programs = tuple(program for program in picture.programs if chosen & set(program.policies))
    names = {program.id for program in programs}
    apart = {edge.target for edge in picture.edges if edge.relation is Relation.TELLS_APART and edge.source in names}
    classes = tuple(one for one in picture.classes if one.id in apart)
    boxes = kept | names | apart
    return replace(
        picture,
        bands=tuple(
            replace(band, policies=tuple(policy for policy in band.policies if policy.id in kept))
            for band in picture.bands
        ),
        edges=tuple(
            edge
            for edge in picture.edges
            if owner.get(edge.source, edge.source) in boxes and owner.get(edge.target, edge.target) in boxes
        ),
        programs=programs,
        classes=classes,
    )


def owners(picture: Picture) -> dict[str, str]:
    """Return the policy of every rule, by their names."""
    return {rule.id: policy.id for policy in picture.policies for rule in policy.rules}


def drawn(picture: Picture) -> Iterator[tuple[Edge, int]]:
    """Yield the edges to draw, each with how many it stands for: without rules, those between policies, each once."""
    if picture.detail is not Detail.POLICIES:
        yield from ((edge, 1) for edge in picture.edges)
        return
    owner = owners(picture)
    counts: dict[Edge, int] = {}
    for edge in picture.edges:
        between = Edge(owner[edge.source], owner[edge.target], edge.relation)
        if between.source != between.target:
            counts[between] = counts.get(between, 0) + 1
    yield from counts.items()


def _is(policy: PolicyBox, tier: str, wanted: str) -> bool:
    return wanted in {policy.label, policy.namespace} or wanted.lower() == tier.lower()


def _touches(edge: Edge, owner: dict[str, str], chosen: set[str]) -> bool:
    if edge.relation not in {Relation.PRECEDES, Relation.KILLS}:
        return False
    return owner[edge.source] in chosen or owner[edge.target] in chosen
