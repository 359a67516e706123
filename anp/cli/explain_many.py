"""What `anp explain` prints beyond one connection between two pods: answers for patterns, Services, suggestions."""

from collections.abc import Iterator, Sequence

from anp.analysis.difference import Comparison
from anp.analysis.difference_document import as_json as difference_json
from anp.analysis.explanation import Explanation
from anp.analysis.parties import Party, few
from anp.analysis.patterns import Answer, TooManyPairsError, answers, as_json, ends_of_pattern
from anp.analysis.places import places
from anp.analysis.suggestion import Suggestion, suggest
from anp.analysis.wording import packets_text
from anp.cli import console
from anp.cli.options import Output
from anp.cli.paint import bold, dim, green, red
from anp.cli.subject import told
from anp.sources.diagnostics import printable
from anp.state.cluster import Cluster
from compiler.diagram.turns import Way
from compiler.packets import PacketSet
from compiler.profiles import Outcome

_VERDICT = {True: bold(green("ACCEPTED")), False: bold(red("DENIED"))}


def print_answers(cluster: Cluster, ends: tuple[str, str], asked: PacketSet, output: Output) -> bool:
    """Print what becomes of all connections between those whom two patterns choose; say whether all get through."""
    with told():
        sources, destinations = (ends_of_pattern(end, cluster.snapshot) for end in ends)
        try:
            found = answers(cluster.snapshot, sources, destinations, asked)
        except TooManyPairsError as error:
            console.fail(str(error))
    if not found:
        console.fail("no packet can go between them: they are one pod, or have no address family in common")
    if output is Output.TEXT:
        for line in _lines(found, cluster):
            console.say(line)
    else:
        console.document(as_json(found, ends, cluster, asked), output)
    return all(answer.verdict.accept for answer in found)


def _lines(found: Sequence[Answer], cluster: Cluster) -> Iterator[str]:
    for number, answer in enumerate(sorted(found, key=lambda answer: (answer.verdict.accept, _ends(answer)))):
        if number:
            yield ""
        yield f"{bold(printable(_ends(answer)))}  {packets_text(answer.packets)}: {_VERDICT[answer.verdict.accept]}"
        yield f"  egress {_outcome(answer.verdict.egress, cluster)}"
        yield f"  ingress {_outcome(answer.verdict.ingress, cluster)}"
        yield dim(f"  example: {answer.witness}")


def _ends(answer: Answer) -> str:
    return f"{_named(answer.sources)} → {_named(answer.destinations)}"


def _named(parties: tuple[Party, ...]) -> str:
    return few([str(party) for party in parties])


def _outcome(outcome: Outcome, cluster: Cluster) -> str:
    there = few([str(place) for place in places(outcome.origin, cluster)])
    word = "accepted" if outcome.accept else "denied"
    return f"{word} by {printable(str(outcome.origin))}" + (dim(f" ({there})") if there else "")


def suggestion_for(explanation: Explanation, cluster: Cluster) -> Suggestion | None:
    """Return what would turn the verdict of an explanation."""
    return suggest(cluster.snapshot, [decision.flow for decision in explanation.decisions])


def suggestion_lines(found: Suggestion | None) -> Iterator[str]:
    """Yield a suggestion as lines for people."""
    yield ""
    if found is None:
        yield "No change of one rule is known that would turn this."
        return
    yield bold(f"To have it {'accepted' if found.accepts else 'denied'}:")
    yield from (f"  {printable(edit)}" for edit in found.edits)
    yield "It has been checked, and would change exactly this:"
    for change in found.changes:
        word = green("+ gained") if change.way is Way.OPENED else red("- lost")
        ends = f"{_named(change.sources)} → {_named(change.destinations)}"
        yield f"  {word}  {printable(ends)}  {packets_text(change.packets)}"


def suggestion_json(found: Suggestion | None, cluster: Cluster) -> dict[str, object] | None:
    """Return a suggestion as part of a document."""
    if found is None:
        return None
    changes = difference_json(Comparison(found.changes), cluster, cluster, policies_only=True)["changes"]
    return {"accepts": found.accepts, "edits": list(found.edits), "changes": changes}
