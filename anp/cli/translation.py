"""The work of `anp translate inspect`, `convert` and `prove`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anp.cli import console
from anp.cli.options import Origin, Output
from anp.cli.translation_input import (
    Asked,
    firewall_or_exit,
    inventory_or_exit,
    known_groups,
    policies_of,
    policies_or_exit,
)
from anp.cli.translation_migration import LANGUAGE, print_migration
from anp.cli.translation_output import Destination
from anp.cli.translation_report import Telling
from anp.firewall.convert.model import Closure, Settings, Tail, Target, Translation
from anp.firewall.convert.profiles import limits
from anp.firewall.convert.translation import translate
from anp.firewall.convert.writing import render
from anp.firewall.model import Infrastructure
from anp.firewall.proof.model import Equality, Proof
from anp.firewall.proof.prove import prove
from anp.firewall.report.judging import budget, judge
from anp.firewall.report.model import Report, inspected, proven, translated
from anp.sources.diagnostics import Severity, has_errors

__all__ = ["Asked", "Wanted", "print_conversion", "print_inspection", "print_proof"]

_MAX_NAME = 40
"""So much of a name is left to entities and numbers."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a conversion is to make, as it was said on the command line."""

    out: Path
    target: str
    profile: str
    closure: str
    tail: str
    infrastructure: str
    prefix: str
    priority: int | None
    accept_guesses: bool = False
    unique_priorities: bool = False
    prove: bool = True
    dry_run: bool = False

    def settings(self) -> Settings:
        """Return what the translation is told; end the command if it makes no sense."""
        if not _is_name(self.prefix):
            console.fail(f"--prefix {self.prefix:.60}: up to {_MAX_NAME} of a-z, 0-9 and -, beginning with a letter")
        return Settings(
            target=Target(self.target),
            profile=self.profile,
            closure=Closure(self.closure),
            tail=Tail(self.tail),
            infrastructure=_infrastructure(self.infrastructure),
            prefix=self.prefix,
            priority=self.priority,
            unique_priorities=self.unique_priorities,
            accept_guesses=self.accept_guesses,
        )


def print_inspection(asked: Asked, mapping: str, reports: tuple[Path, ...], output: Output, *, verbose: bool) -> None:
    """Print what is in a firewall."""
    telling = Telling(output, reports, verbose)
    telling.check()
    groups = known_groups(inventory_or_exit(mapping, verbose=verbose)) if mapping else {}
    telling.tell(inspected(firewall_or_exit(asked, groups, verbose=verbose)))


def print_conversion(
    asked: Asked, mapping: str, wanted: Wanted, reports: tuple[Path, ...], output: Output, *, verbose: bool
) -> bool:
    """Translate, write, prove what was written, and say whether it is equal or explained."""
    telling = Telling(output, reports, verbose)
    telling.check()
    destination = Destination(wanted.out, dry_run=wanted.dry_run)
    if asked.language.lower() == LANGUAGE:
        return print_migration(asked, destination, telling)
    settings = wanted.settings()
    inventory = inventory_or_exit(mapping, verbose=verbose)
    firewall = firewall_or_exit(asked, known_groups(inventory), verbose=verbose)
    console.progress("translating")
    translation = translate(firewall, inventory, settings)
    console.tell((one for one in translation.diagnostics if one not in firewall.diagnostics), verbose=verbose)
    found = has_errors(one for one in translation.diagnostics if one not in firewall.diagnostics)
    if found or not translation.objects:
        telling.tell(_refused(translation))
        errors = sum(one.severity is Severity.ERROR for one in translation.diagnostics)
        console.fail(f"{errors} error{'s' if errors != 1 else ''}; nothing was written")
    put = destination.put(render(translation), quiet=telling.output is not Output.TEXT)
    report = _judged(translation, destination, prove_it=wanted.prove, verbose=verbose)
    telling.tell(report, output=put)
    return report.proof is None or _is_well(report.proof)


def _refused(translation: Translation) -> Report:
    """Return the report of a translation that came to nothing."""
    return translated(translation, None, (), budget((), limits(translation.settings)), ())


def _judged(translation: Translation, destination: Destination, *, prove_it: bool, verbose: bool) -> Report:
    with destination.readable() as folder:
        policies = policies_of(str(folder), verbose=verbose)
    allowed = translation.settings.infrastructure
    asked = (translation.firewall, translation.inventory, policies, console.progress, allowed)
    proof = prove(*asked) if prove_it else None
    judged = judge(translation.inventory, policies)
    used = budget(translation.objects, limits(translation.settings))
    return translated(translation, proof, judged.denied, used, judged.strength)


def print_proof(
    asked: Asked,
    mapping: str,
    origin: Origin,
    infrastructure: str,
    reports: tuple[Path, ...],
    output: Output,
    *,
    limit: int,
    verbose: bool,
) -> bool:
    """Compare a firewall with policies, and say whether they are equal or each difference is explained."""
    telling = Telling(output, reports, verbose, limit)
    telling.check()
    inventory = inventory_or_exit(mapping, verbose=verbose)
    firewall = firewall_or_exit(asked, known_groups(inventory), verbose=verbose)
    allowed = _infrastructure(infrastructure)
    policies = policies_or_exit(origin, verbose=verbose)
    proof = prove(firewall, inventory, policies, console.progress, allowed)
    judged = judge(inventory, policies)
    telling.tell(proven(firewall, inventory, proof, judged.denied, judged.strength))
    return _is_well(proof)


def _is_well(proof: Proof) -> bool:
    return proof.equality is not Equality.DIFFERENT


def _infrastructure(text: str) -> frozenset[Infrastructure]:
    words = [word for word in text.replace(",", " ").split() if word]
    known: Mapping[str, Infrastructure] = {kind.value: kind for kind in Infrastructure}
    for word in words:
        if word not in known:
            console.fail(f"--infra-allow {word:.40}: there are {', '.join(known)}")
    return frozenset(known[word] for word in words)


def _is_name(text: str) -> bool:
    plain = text.replace("-", "a")
    return (
        0 < len(text) <= _MAX_NAME
        and text.isascii()
        and plain.isalnum()
        and plain == plain.lower()
        and text[0].isalpha()
        and not text.endswith("-")
    )
