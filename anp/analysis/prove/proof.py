"""The proof: what the kernel does and what the policies mean, as diagrams of one space, are one object or are not."""

from collections.abc import Iterator
from dataclasses import dataclass

from anp.analysis.prove.ends import Questions, View, ends_of
from anp.analysis.prove.grouping import Gaps
from anp.analysis.prove.language import Listed
from anp.analysis.prove.meant import Meant
from anp.analysis.prove.result import Gap, Size
from anp.analysis.prove.space import REGIONS, PacketSpace
from anp.analysis.prove.walk import let_through
from compiler.addresses import VERSIONS
from compiler.compilation import Compilation
from compiler.diagram.algebra import apply


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every packet that is not treated as meant, and how much was compared to find that out."""

    gaps: tuple[Gap, ...]
    size: Size


def compare(listed: Listed, compilation: Compilation, node: str) -> Comparison:
    """Compare what a listing of a node does with what the policies mean there, for every packet.

    Packets are those that cross `forward` and `input` of the node: not what the node itself sends, and not what other
    nodes judge. What is compared is whether they get through. Nothing is said of ICMP in IPv6 and of ICMPv6 in IPv4.

    Raises:
        UnknownMeaningError: some packet comes to something whose meaning is not known.

    """
    view = View(compilation, node)
    gaps: list[Gap] = []
    sizes: list[Size] = []
    for version in VERSIONS:
        questions = Questions(listed, version)
        ends = ends_of(view, questions)
        for region in (region for region in REGIONS if region.version == version):
            space = PacketSpace(region, ends, questions)
            gaps.extend(_gaps(listed, space, compilation))
            sources, destinations = len(space.sources), len(space.destinations)
            sizes.append(Size(sources, destinations, sources * destinations, len(space)))
    total = Size(
        max(size.sources for size in sizes),
        max(size.destinations for size in sizes),
        sum(size.pairs for size in sizes),
        sum(size.nodes for size in sizes),
    )
    return Comparison(tuple(gaps), total)


def _gaps(listed: Listed, space: PacketSpace, compilation: Compilation) -> Iterator[Gap]:
    meant = Meant(space)
    untold = space.untold()
    done, wanted = (
        apply(space, lambda through, odd: through or odd, node, untold)
        for node in (let_through(listed, space), meant.let_through())
    )
    if done is wanted:
        return
    different = apply(space, lambda one, other: None if one is other else one, done, wanted)
    yield from Gaps(space, meant, compilation.snapshot).of(different)
