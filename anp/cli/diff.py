"""The work of `anp diff`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from anp.analysis.difference import Cause, Change, Comparison, Kinship, compare
from anp.analysis.difference_document import as_json
from anp.analysis.parties import Party, few
from anp.analysis.places import places
from anp.analysis.revision import RevisionError, load_revision
from anp.analysis.wording import packets_text
from anp.cli import console
from anp.cli.options import Origin, Output
from anp.cli.paint import bold, dim, green, red
from anp.cli.subject import cluster_or_exit, live_or_exit, mixed_or_exit
from anp.sources.diagnostics import Severity, printable
from anp.sources.files import STANDARD_INPUT
from anp.state.cluster import Cluster, cluster_of
from compiler.diagram.turns import Turn, Way
from compiler.profiles import Outcome

_KINSHIP = {
    Kinship.OTHERS: "",
    Kinship.ITSELF: " (a pod to itself, sent back by a Service)",
    Kinship.OWN_ADDRESSES: " (between these addresses directly)",
}
_TITLES = {
    Cause.POLICIES: "By policies:",
    Cause.OBJECTS: "By labels, ports, nodes and namespaces of what stays, under the old policies:",
}


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared: two paths, or with `revision` that revision of the new path against itself.

    With a `live` cluster that is the old side, and the new one is the same with the new path applied to it, which with
    `prune` leaves no other policies.
    """

    old: str
    new: str
    revision: str = ""
    live: Origin | None = None
    prune: bool = False


def sides_or_exit(paths: Sequence[str], revision: str, origin: Origin, *, prune: bool) -> Sides:
    """Say what is to be compared, or end with exit code 2 where that makes no sense."""
    if origin.live:
        if revision:
            console.fail("--git and --live both say what is old; name one of them")
        if len(paths) != 1:
            console.fail(
                "--live compares the cluster with what it would be: name one path, that of what would be applied"
            )
        return Sides("", paths[0], live=origin, prune=prune)
    if prune:
        console.fail("--prune is about a running cluster; add --live")
    if revision:
        if len(paths) > 1:
            console.fail("--git compares one path with what it was: name one, or none for this directory")
        path = paths[0] if paths else "."
        if path == STANDARD_INPUT:
            console.fail("--git REV needs a path, as standard input has no history")
        return Sides(path, path, revision)
    if len(paths) != 2:
        console.fail("name two paths, the old one and the new one, or one with --git REV")
    if paths[0] == paths[1] == STANDARD_INPUT:
        console.fail("standard input can be one of the two, not both")
    old, new = paths
    return Sides(old, new)


def print_difference(sides: Sides, output: Output, *, policies_only: bool, verbose: bool) -> bool:
    """Print what changes in meaning, and return whether nothing does."""
    old, new = _clusters_or_exit(sides, verbose=verbose)
    comparison = compare(old.snapshot, new.snapshot, policies_only=policies_only)
    if output is Output.TEXT:
        for line in lines(comparison, old, new, policies_only=policies_only):
            console.say(line)
    else:
        console.document(as_json(comparison, old, new, policies_only=policies_only), output)
    return comparison.same


def _clusters_or_exit(sides: Sides, *, verbose: bool) -> tuple[Cluster, Cluster]:
    if sides.live:
        live = live_or_exit(sides.live)
        old = mixed_or_exit(live, verbose=verbose)
        return old, mixed_or_exit(live, sides.new, prune=sides.prune, verbose=verbose, heard=old.diagnostics)
    if sides.revision:
        old = _revision_or_exit(sides, verbose=verbose)
    else:
        old = cluster_or_exit(sides.old, invent=True, verbose=verbose)
    return old, cluster_or_exit(sides.new, invent=True, verbose=verbose)


def _revision_or_exit(sides: Sides, *, verbose: bool) -> Cluster:
    try:
        cluster = cluster_of(load_revision(sides.revision, sides.old), invent=True)
    except (RevisionError, ValueError) as error:
        console.fail(str(error))
    console.tell(cluster.diagnostics, verbose=verbose)
    if not cluster.sound:
        errors = sum(found.severity is Severity.ERROR for found in cluster.diagnostics)
        console.fail(f"{errors} error{'s' if errors > 1 else ''} in the manifests of {sides.revision}")
    return cluster


def lines(comparison: Comparison, old: Cluster, new: Cluster, *, policies_only: bool = False) -> Iterator[str]:
    """Yield a comparison as lines for people."""
    lost, gained = (comparison.of(way) for way in (Way.SHUT, Way.OPENED))
    for cause, changes in groupby(comparison.changes, lambda change: change.cause):
        yield bold(_TITLES[cause])
        yield ""
        for change in changes:
            yield from _change(change, old, new)
            yield ""
    movements = comparison.movements
    for title, names in (("come", movements.come), ("gone", movements.gone), ("readdressed", movements.readdressed)):
        if names:
            yield f"{title}: {printable(few(names))}"
    if movements:
        affected = "what they may send and get is not listed" if comparison.strangers else "no policy is about them"
        yield dim(f"  {affected}; anp reach tells who can talk to whom")
        yield ""
    what = "the objects of the new cluster" if policies_only else "every flow"
    if comparison.same:
        yield bold(green("No change in meaning")) + f": compared for {what}, exactly."
    else:
        yield bold(f"{len(lost)} lost, {len(gained)} gained") + f": compared for {what}, exactly."


def _change(change: Change, old: Cluster, new: Cluster) -> Iterator[str]:
    word = green("+ gained") if change.way is Way.OPENED else red("- lost")
    ends = f"{_named(change.sources)} → {_named(change.destinations)}"
    family = "".join(f" over IPv{version}" for version in change.families) if len(change.families) == 1 else ""
    told = f"{packets_text(change.packets)}{family}{_KINSHIP[change.kinship]}"
    yield f"{bold(word)}  {bold(printable(ends))}  {told}"
    for turn in change.turns:
        yield from _turn(turn, old, new)
    for flow in change.witnesses:
        yield dim(f"    example: {flow}")


def _turn(turn: Turn, old: Cluster, new: Cluster) -> Iterator[str]:
    yield f"    {turn.direction.value} before: {_outcome(turn.before, old)}"
    yield f"    {' ' * len(turn.direction.value)}  after: {_outcome(turn.after, new)}"


def _outcome(outcome: Outcome, cluster: Cluster) -> str:
    there = few([str(place) for place in places(outcome.origin, cluster)])
    word = "accepted" if outcome.accept else "denied"
    return f"{word} by {printable(str(outcome.origin))}" + (dim(f" ({there})") if there else "")


def _named(parties: tuple[Party, ...]) -> str:
    return few([str(party) for party in parties])
