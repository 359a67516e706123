"""Reads what iptables-save, ip6tables-save and ``iptables -S`` print.

The chain FORWARD of the table filter is translated, or the chains that somebody names. Each ``*filter`` block makes
lists of its own; several blocks of one family are taken to be firewalls in series, of which each must permit. The
comment that the tools write tells the family of a block. Without one it is IPv6 if a rule has an IPv6 address or
protocol, and IPv4 otherwise.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from anp.firewall.flatten import Flat, Goto, Jump, Simple, Step, Target, Unknown, Verdict, flatten
from anp.firewall.model import Action, Fate, Firewall, Reason, Role, Rule, RuleList, Statement
from anp.firewall.providers.iptables_dump import COUNTED, Line, Table, leads_on, tables
from anp.firewall.providers.iptables_matches import Context, Meaning, meaning
from anp.firewall.providers.ledger import Ledger
from anp.firewall.providers.provider import Options, Source

BUILT_IN = ("INPUT", "FORWARD", "OUTPUT")

_VERDICTS = {"ACCEPT": Action.PERMIT, "DROP": Action.DENY, "REJECT": Action.DENY}
_LOGGING = ("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE")
_MARKING = (
    *("MARK", "CONNMARK", "SECMARK", "CONNSECMARK", "HMARK", "CLASSIFY", "DSCP", "TOS", "TTL", "HL", "ECN", "TCPMSS"),
    *("TCPOPTSTRIP", "SET", "CHECKSUM", "NOTRACK", "CT", "TEE", "RATEEST", "IDLETIMER", "LED", "ACCOUNT"),
)


@dataclass(frozen=True, slots=True)
class Iptables:
    """The provider; see the module."""

    name: str = "iptables"
    title: str = "iptables-save, ip6tables-save and iptables -S"

    def recognises(self, source: Source) -> bool:
        """Say whether there is a table filter as it is saved, or chains as ``iptables -S`` lists them."""
        lines = {line.strip() for line in source.lines}
        appends = any(line.startswith("-A ") or COUNTED.match(line) for line in lines)
        policies = any(re.match(r"-P (INPUT|FORWARD|OUTPUT) ", line) for line in lines)
        return ("*filter" in lines and ("COMMIT" in lines or appends)) or (policies and "*filter" not in lines)

    def read(self, source: Source, options: Options) -> Firewall:
        """Read a dump; never raises because of what it says."""
        return _Reader(source, options).firewall()


IPTABLES = Iptables()


class _Reader:
    def __init__(self, source: Source, options: Options) -> None:
        self.source, self.options = source, options
        self.ledger = Ledger(source.name)
        self.filters = [table for table in tables(source.lines, self.ledger) if table.name == "filter"]
        self.untracked = any("NOTRACK" in line or "--notrack" in line for line in source.lines)
        self.lists: list[RuleList] = []
        self.flats: list[Flat] = []
        self.only_replies: set[str] = set()

    def firewall(self) -> Firewall:
        for table in self.filters:
            self._lists(table, {name: [*self._steps(table, lines)] for name, lines in table.chains.items()})
        for chain in self.options.lists:
            if not any(chain in table.chains for table in self.filters):
                self.ledger.say("FW151", f"there is no chain {chain}")
        if not self.filters:
            self.ledger.say("FW150", "there is no table filter")
        self.ledger.close(self.lists, self.flats, self._why_not_in_use)
        return Firewall(
            self.source.name,
            "iptables",
            self.source.digest,
            tuple(self.ledger.statements),
            tuple(self.lists),
            groups=dict(self.options.groups),
            diagnostics=(*self.source.diagnostics, *self.ledger.diagnostics),
        )

    def _steps(self, table: Table, lines: Iterable[Line]) -> Iterator[Step]:
        context = Context(table.version, self.options.groups, self.untracked)
        for line in lines:
            if self.ledger.is_settled(line.statement):
                continue
            try:
                found = meaning(line.words, context)
            except ValueError as error:
                self.ledger.unreadable(line.statement, str(error))
                continue
            if (target := self._target(table, line, found)) is not None:
                yield from (Step(line.statement, match, target) for match in found.matches)

    def _target(self, table: Table, line: Line, found: Meaning) -> Target | None:
        """Return where a rule goes, or None if it changes nothing, which is then said of its statement."""
        name = line.words.target
        chain = leads_on(line.words, table)
        if not chain and (not name or name in (*_LOGGING, *_MARKING)):
            self.ledger.settle(line.statement, Fate.IMPLIED, "FW010" if name in _LOGGING else "FW002")
            return None
        if found.never is not None:
            self.ledger.settle(line.statement, Fate.IMPLIED, found.never.code, found.never.text)
            if chain:
                self.only_replies.add(name + table.where)
            return None
        if chain:
            return Goto(name) if line.words.is_goto else Jump(name)
        if name == "RETURN":
            return Simple.RETURN
        if name in _VERDICTS:
            return Verdict(_VERDICTS[name])
        self.ledger.say("FW108", f"whether target {name} accepts is not known", line.number)
        return Unknown("FW108", f"-j {name} {line.words.target_options}".strip())

    def _lists(self, table: Table, chains: Mapping[str, Sequence[Step]]) -> None:
        wanted = [chain for chain in self.options.lists if chain in chains] if self.options.lists else ["FORWARD"]
        for chain in wanted:
            action, statement = table.policies.get(chain) or self._no_policy(chain, table)
            flat = flatten({chain: (), **chains}, chain, Rule(statement, action))
            for problem in flat.problems:
                self.ledger.tell(problem)
            self.flats.append(replace(flat, chains=frozenset(name + table.where for name in flat.chains)))
            self.lists.append(RuleList(chain + table.where, flat.rules, frozenset({table.version})))

    def _no_policy(self, chain: str, table: Table) -> tuple[Action, int]:
        """Enter the default of a chain that says none: a built-in one accepts, and of another we know nothing."""
        action = Action.PERMIT if chain in BUILT_IN else Action.DENY
        text = f"{chain}: {action} what no rule matches"
        statement = self.ledger.add(0, chain + table.where, "policy", text, Role.DEFAULT)
        self.ledger.note(statement, "FW131")
        return action, statement

    def _why_not_in_use(self, statement: Statement) -> Reason:
        if any(statement.list in _local(table) for table in self.filters):
            return Reason("FW107", "it is about packets to or from the firewall itself")
        if statement.list in self.only_replies:
            return Reason("FW140", "only replies come to this chain")
        return Reason("FW132", f"no packet that is forwarded comes to chain {statement.list}")


def _local(table: Table) -> set[str]:
    """Return the chains that packets to or from the firewall itself can come to."""
    found: set[str] = set()
    todo = ["INPUT", "OUTPUT"]
    while todo:
        chain = todo.pop()
        if chain in table.chains and chain not in found:
            found.add(chain)
            todo += (line.words.target for line in table.chains[chain])
    return {chain + table.where for chain in found}
