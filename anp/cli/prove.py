"""The work of `anp prove`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anp.analysis.parties import Party, few
from anp.analysis.places import places
from anp.analysis.prove.document import as_json
from anp.analysis.prove.elements import Body
from anp.analysis.prove.language import PROTOCOL, UnknownMeaningError
from anp.analysis.prove.listing import objects
from anp.analysis.prove.proving import prove
from anp.analysis.prove.result import Condition, Fault, Finding, Proof
from anp.analysis.prove.words import packet_text
from anp.analysis.wording import packets_text
from anp.cli import console
from anp.cli.options import Origin, Output
from anp.cli.paint import bold, dim, green, red
from anp.cli.subject import cluster_or_exit, layout_or_exit, node_or_exit, told
from anp.sources.diagnostics import printable
from anp.state.cluster import Cluster
from compiler.profiles import Outcome
from enforcer.errors import ListingError
from enforcer.kernel import KernelDataplane

_SHOWN = 20
"""Differences told to people; a document has them all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be proven: policies of a node, against rules that were saved, or else those of this machine."""

    origin: Origin
    node: str
    ruleset: Path | None
    mark_mask: str


def print_proof(asked: Asked, output: Output, *, verbose: bool) -> bool:
    """Print whether the rules mean what the policies mean, and return it."""
    layout = layout_or_exit(asked.mark_mask)
    # Addresses are those that the kernel has, so none can be invented.
    cluster = cluster_or_exit(asked.origin, invent=False, verbose=verbose)
    node = node_or_exit(cluster, asked.node)
    with told():
        found = _saved_or_exit(asked.ruleset) if asked.ruleset is not None else _installed()
        console.progress(f"comparing {node}")
        try:
            proof = prove(found, cluster.snapshot, node, layout)
        except UnknownMeaningError as error:
            console.fail(f"nothing is proven: {error}", console.EXIT_CANNOT)
    if output is Output.TEXT:
        for line in lines(proof, cluster):
            console.say(line)
    else:
        console.document(as_json(proof, cluster), output)
    return proof.equal


def _saved_or_exit(path: Path) -> list[tuple[str, Body]]:
    try:
        return objects(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        console.fail(f"cannot read {path}: {error.strerror}")
    except ListingError as error:
        console.fail(f"{path}: {error}")


def _installed() -> list[tuple[str, Body]]:
    with KernelDataplane() as dataplane:
        ours = dataplane.listing()
        return [*(objects(ours) if ours else []), *_others(objects(dataplane.list_chains()), ours=bool(ours))]


def _others(found: list[tuple[str, Body]], *, ours: bool) -> Iterator[tuple[str, Body]]:
    """Yield chains of other tables; ours came with the listing of our table, if there is one."""
    for kind, body in found:
        if kind == "chain" and not (ours and (body.get("family"), body.get("table")) == ("inet", "anp")):
            yield kind, body


def lines(proof: Proof, cluster: Cluster) -> Iterator[str]:
    """Yield a proof as lines for people."""
    for finding in proof.findings[:_SHOWN]:
        yield from _finding(finding, cluster)
        yield ""
    if len(proof.findings) > _SHOWN:
        yield dim(f"and {len(proof.findings) - _SHOWN} more; -o json has them all")
        yield ""
    for remark in proof.remarks:
        policy = "" if remark.policy == "accept" else f", policy {remark.policy}"
        place = f"chain {remark.chain} of table {remark.table} at {remark.hook}, priority {remark.priority}{policy}"
        yield dim(f"not ours, and may drop more: {printable(place)}")
    size = proof.size
    scope = f"{size.sources} by {size.destinations} kinds of addresses, {size.pairs} pairs, {size.nodes} nodes"
    there = "" if proof.installed else "; there is no table inet anp, so everything is let through"
    node = printable(proof.node)
    if proof.equal:
        yield (
            bold(green("equal"))
            + f": the rules of {node} do what the policies mean, for every packet that a host takes ({scope}{there})."
        )
    else:
        count = f"{len(proof.findings)} difference{'s' if len(proof.findings) > 1 else ''}"
        yield bold(red("different")) + f": {count} between the rules of {node} and the policies ({scope}{there})."


def _finding(finding: Finding, cluster: Cluster) -> Iterator[str]:
    word = red("+ let through") if finding.accepted else red("- dropped")
    ends = f"{_named(finding.sources)} → {_named(finding.destinations)}"
    yield f"{bold(word)}  {bold(printable(ends))}  {packets_text(finding.packets)}{printable(_more(finding))}"
    if finding.meant:
        for outcome in finding.meant:
            yield f"    policies: {_outcome(outcome, cluster)}"
    else:
        yield "    policies: nobody judges that here, so it is accepted"
    for packet in finding.examples:
        yield dim(f"    example: {packet_text(packet)}")
    for fault in finding.faults:
        yield f"    wrong: {printable(_fault(fault))}"
    if finding.way and not finding.faults:
        yield "    wrong: nothing on its way is other than compiled, so this is a bug in anp; please report it"
    if finding.way:
        yield dim(f"    way: {printable(' > '.join(finding.way))}")


def _more(finding: Finding) -> str:
    states = f", only {' or '.join(finding.states)}" if finding.states else ""
    hooks = f", at {' and '.join(hook.value for hook in finding.hooks)}"
    return _conditions(finding.condition) + states + hooks


def _conditions(condition: Condition) -> str:
    told = []
    for name, ranges in condition:
        numbers = few([str(first) if first == last else f"{first}-{last}" for first, last in ranges])
        told.append(f", only {'protocol number' if name == PROTOCOL else name} {numbers}")
    return "".join(told)


def _fault(fault: Fault) -> str:
    if not fault.found:
        return f"{fault.object} is missing: {fault.wanted}"
    if not fault.wanted:
        return f"{fault.object} should not be there: {fault.found}"
    return f"{fault.object} is: {fault.found}; it should be: {fault.wanted}"


def _outcome(outcome: Outcome, cluster: Cluster) -> str:
    there = few([str(place) for place in places(outcome.origin, cluster)])
    word = "accepted" if outcome.accept else "denied"
    return f"{word} by {printable(str(outcome.origin))}" + (dim(f" ({printable(there)})") if there else "")


def _named(parties: tuple[Party, ...]) -> str:
    return few([str(party) for party in parties])
