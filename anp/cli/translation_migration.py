"""The work of `anp translate convert --from anp`: policies of one version of the API as those of the next."""

from collections.abc import Iterator
from typing import Any

from anp import api
from anp.analysis.difference_document import flow_json
from anp.analysis.wording import packets_text
from anp.cli import console
from anp.cli.options import Output
from anp.cli.paint import bold, green, red
from anp.cli.translation_input import Asked, policies_of
from anp.cli.translation_output import Destination
from anp.cli.translation_report import Telling
from anp.firewall.convert.model import PolicyObject
from anp.firewall.convert.writing import MARKER, object_text
from anp.firewall.migrate import Migration, migrate, read
from anp.firewall.proof.migration import Sameness, compare
from anp.sources.diagnostics import Severity, has_errors, printable

LANGUAGE = "anp"
_SHOWN = 20


def print_migration(asked: Asked, destination: Destination, telling: Telling) -> bool:
    """Rewrite policies, write them, and say whether what was written means the same."""
    if len(asked.sources) != 1:
        console.fail("name one directory or file with all policies: their priorities are relative to each other")
    if telling.files:
        console.fail("--report is for firewalls; -o json has all that there is to say here")
    source = asked.sources[0]
    originals = read(source)
    migration = migrate(originals.policies)
    diagnostics = tuple(sorted({*originals.diagnostics, *migration.diagnostics}))
    console.tell(diagnostics, verbose=True)
    if has_errors(diagnostics):
        errors = sum(found.severity is Severity.ERROR for found in diagnostics)
        console.fail(f"{errors} error{'s' if errors > 1 else ''}; nothing was written")
    if not migration.policies:
        console.fail(f"there are no policies of administrators in {source}")
    put = destination.put(_files(migration), quiet=telling.output is not Output.TEXT)
    with destination.readable() as folder:
        console.progress("comparing")
        before = tuple(api.to_policy(each.policy).policy for each in originals.policies)
        sameness = compare(before, policies_of(str(folder), verbose=telling.verbose))
    if telling.output is Output.TEXT:
        for line in _lines(source, migration, sameness):
            console.say(line)
    else:
        console.document(_document(source, migration, sameness) | {"output": put}, telling.output)
    return not sameness.differences


def _files(migration: Migration) -> dict[str, str]:
    texts = {
        str(each.document["metadata"]["name"]): object_text(PolicyObject(each.document)) for each in migration.policies
    }
    return {f"{name}.yaml": f"{MARKER}\n{text}" for name, text in sorted(texts.items())}


def _lines(source: str, migration: Migration, sameness: Sameness) -> Iterator[str]:
    yield bold(printable(f"Migration of {source}"))
    for each in migration.policies:
        spec, name = each.document["spec"], each.document["metadata"]["name"]
        yield printable(f"  {each.original.name} → ClusterNetworkPolicy {name}, {spec['tier']} {spec['priority']}")
    yield ""
    if sameness.differences:
        yield bold(red("DIFFERENT"))
        for one in sameness.differences[:_SHOWN]:
            yield f"  {packets_text(one.packets)}: {printable(str(one.turn))}"
            yield f"    example: {one.witness}"
    else:
        yield bold(green("EQUAL")) + ": for every flow, and whatever NetworkPolicies there are"
    yield f"  compared: {sameness.pods} kinds of pods"
    yield from (printable(f"  {text}") for text in sameness.assumptions)


def _document(source: str, migration: Migration, sameness: Sameness) -> dict[str, Any]:
    return {
        "kind": "PolicyMigration",
        "version": 1,
        "source": source,
        "policies": [
            {
                "from": each.original.name,
                "name": each.document["metadata"]["name"],
                "tier": each.document["spec"]["tier"],
                "priority": each.document["spec"]["priority"],
            }
            for each in migration.policies
        ],
        "equal": not sameness.differences,
        "pods": sameness.pods,
        "assumptions": list(sameness.assumptions),
        "differences": [flow_json(one.witness) for one in sameness.differences],
    }
