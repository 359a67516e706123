"""The account of statements: each has a number, and in the end either rules or a fate."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from anp.firewall.codes import CODES
from anp.firewall.flatten import Flat, Problem, Trouble
from anp.firewall.model import Fate, Reason, Role, RuleList, Statement
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic


@dataclass(slots=True)
class Ledger:
    """What a provider has read so far, and what it has to say about it."""

    source: str
    statements: list[Statement] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def add(  # noqa: PLR0913 - what there is to say of a statement
        self,
        line: int,
        where: str,
        name: str,
        text: str,
        role: Role = Role.RULE,
        *,
        comment: str = "",
        hits: int | None = None,
    ) -> int:
        """Enter a statement and return its number; `line` is 0 for what nobody wrote."""
        number = len(self.statements)
        at = Location(self.source, line)
        self.statements.append(Statement(number, at, where, name, text, role, comment=comment, hits=hits))
        return number

    def settle(self, number: int, fate: Fate, code: str, text: str = "") -> None:
        """Say what becomes of a statement, which then has no rules."""
        statement = self.statements[number]
        self.statements[number] = replace(statement, fate=fate, reasons=(*statement.reasons, _reason(code, text)))

    def note(self, number: int, code: str, text: str = "") -> None:
        """Add a reason to a statement that has rules."""
        statement = self.statements[number]
        self.statements[number] = replace(statement, reasons=(*statement.reasons, _reason(code, text)))

    def is_settled(self, number: int) -> bool:
        """Whether it was said what becomes of a statement."""
        return self.statements[number].fate is not None

    def unreadable(self, number: int, why: str) -> None:
        """Give up a statement that cannot be understood, and say so."""
        self.settle(number, Fate.NOT_EXPRESSIBLE, "FW150", why)
        self.say("FW150", why, self.statements[number].at.line)

    def say(self, code: str, message: str, line: int = 0, severity: Severity | None = None) -> None:
        """Add a diagnostic, as weighty as its code unless said otherwise."""
        at = Location(self.source, line)
        weight = CODES[code].severity if severity is None else severity
        self.diagnostics.append(diagnostic(weight, f"{code}: {message}", at=at, hint=CODES[code].hint))

    def tell(self, problem: Problem) -> None:
        """Say what is wrong with chains, or with jumps between them."""
        line = 0 if problem.statement is None else self.statements[problem.statement].at.line
        match problem.trouble:
            case Trouble.NO_SUCH_CHAIN:
                self.say("FW151", f"there is no chain {problem.chain}; whether it accepts is not known", line)
            case Trouble.LOOP:
                self.say("FW150", f"chain {problem.chain} leads back to itself; whether it accepts is not known", line)
            case Trouble.TOO_LARGE:
                self.say("FW153", f"chain {problem.chain} is too large to be written as one list; nothing is known")

    def close(self, lists: Iterable[RuleList], flats: Iterable[Flat], unmet: Callable[[Statement], Reason]) -> None:
        """Settle every statement that has no rule: what leads on, what never matches, what no list comes to.

        `unmet` says why the list of a statement is not in use.
        """
        flat = [*flats]
        deciding = {rule.statement for rule_list in lists for rule in rule_list.rules}
        met = {number for one in flat for number in one.statements}
        used = {chain for one in flat for chain in one.chains}
        lost = {chain for one in flat if one.is_too_large for chain in one.chains}
        for statement in [*self.statements]:
            if statement.number in deciding and statement.role is Role.JUMP:
                # A return from a base chain decides, as its default does.
                self.statements[statement.number] = replace(statement, role=Role.RULE)
            if statement.fate is not None or statement.number in deciding:
                continue
            if statement.list in lost:
                self.settle(statement.number, Fate.NOT_EXPRESSIBLE, "FW153")
            elif statement.list not in used:
                reason = unmet(statement)
                self.settle(statement.number, Fate.NOT_OURS, reason.code, reason.text)
            elif statement.number in met:
                self.settle(statement.number, Fate.IMPLIED, "FW003")
            else:
                self.settle(statement.number, Fate.IMPLIED, "FW301", "no packet comes to this rule and matches it")


def _reason(code: str, text: str) -> Reason:
    return Reason(code, text or CODES[code].meaning)
