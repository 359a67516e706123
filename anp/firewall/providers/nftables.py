"""Reads what ``nft -j list ruleset`` prints.

Every base chain of type filter at the hook forward, in the tables ip, ip6 and inet, is one list: a packet goes through
if all of them accept, whatever their priorities, for accept ends only its own chain and drop is final (nft(8), VERDICT
STATEMENT). Other chains are not translated, unless somebody names them as ``chain``, ``table chain`` or ``family table
chain``.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from anp.firewall.flatten import Flat, Simple, Step, flatten
from anp.firewall.model import Action, Fate, Firewall, Reason, Role, Rule, RuleList, Statement
from anp.firewall.providers.ledger import Ledger
from anp.firewall.providers.nftables_fields import NamedSet, Sets
from anp.firewall.providers.nftables_listing import (
    FAMILIES,
    STARTS,
    Chain,
    address_groups,
    leads_to,
    named_set,
    objects,
    packets,
)
from anp.firewall.providers.nftables_rules import NAT, read
from anp.firewall.providers.nftables_text import words
from anp.firewall.providers.provider import Options, Source
from anp.sources.diagnostics import Severity


@dataclass(frozen=True, slots=True)
class Nftables:
    """The provider; see the module."""

    name: str = "nftables"
    title: str = "nft -j list ruleset"

    def recognises(self, source: Source) -> bool:
        """Say whether it is a JSON object with the key that only nft writes."""
        return source.text.lstrip()[:1] == "{" and STARTS.search(source.text) is not None

    def read(self, source: Source, options: Options) -> Firewall:
        """Read a listing; never raises because of what it says."""
        return _Reader(source, options).firewall()


NFTABLES = Nftables()


class _Reader:
    def __init__(self, source: Source, options: Options) -> None:
        self.source, self.options = source, options
        self.ledger = Ledger(source.name)
        self.chains: dict[tuple[str, str, str], Chain] = {}
        self.sets: dict[tuple[str, str], dict[str, NamedSet]] = {}
        self.untracked = '"notrack"' in source.text
        self.lists: list[RuleList] = []
        self.flats: list[Flat] = []

    def firewall(self) -> Firewall:
        for line, thing in objects(self.source.text, self.ledger):
            self._take(line, thing)
        tables = dict.fromkeys((chain.family, chain.table) for chain in self.chains.values())
        steps = {table: self._steps(*table) for table in tables}
        base = [chain for chain in self.chains.values() if self._is_wanted(chain)]
        for chain in sorted(base, key=lambda chain: chain.priority):
            self._list(chain, steps[chain.family, chain.table])
        for name in self.options.lists:
            if not any(chain.is_called(name) for chain in base):
                self.ledger.say("FW151", f"there is no chain {name}")
        if not base and not self.options.lists:
            self.ledger.say("FW150", "there is no chain of type filter at the hook forward")
        self._warn_of_other_hooks()
        self.ledger.close(self.lists, self.flats, self._why_not_in_use)
        return Firewall(
            self.source.name,
            "nftables",
            self.source.digest,
            tuple(self.ledger.statements),
            tuple(self.lists),
            groups={**address_groups(self.sets.values()), **self.options.groups},
            diagnostics=(*self.source.diagnostics, *self.ledger.diagnostics),
        )

    # Objects.

    def _take(self, line: int, thing: Any) -> None:
        match thing:
            case {"chain": {"family": str() as family, "table": str() as table, "name": str() as name, **rest}}:
                self._chain(Chain(family, table, name, line), rest)
            case {"set": {"family": str() as family, "table": str() as table, "name": str() as name, **rest}} | {
                "map": {"family": str() as family, "table": str() as table, "name": str() as name, **rest}
            }:
                self.sets.setdefault((family, table), {})[name] = named_set(rest)
            case {"rule": {"family": str() as family, "table": str() as table, "chain": str() as name, **rest}}:
                # Its chain may come later.
                chain = self.chains.setdefault((family, table, name), Chain(family, table, name, line))
                self._rule(chain, line, rest)
            case {"rule": _} | {"chain": _} | {"set": _} | {"map": _}:
                self._unreadable_object(line, thing)
            case _:
                pass

    def _unreadable_object(self, line: int, thing: Any) -> None:
        if "rule" in thing:
            number = self.ledger.add(line, "?", "?", words(thing))
            self.ledger.unreadable(number, "a rule without family, table or chain")
        else:
            self.ledger.say("FW150", f"an object without family, table or name: {words(thing)}", line)

    def _chain(self, chain: Chain, rest: Mapping[Any, Any]) -> None:
        known = self.chains.setdefault((chain.family, chain.table, chain.name), chain)
        known.hook, known.kind = str(rest.get("hook", "")), str(rest.get("type", ""))
        known.policy, known.line = str(rest.get("policy", "")), chain.line
        priority = rest.get("prio", 0)
        known.priority = priority if isinstance(priority, int) else 0
        if known.policy not in ("", "accept", "drop"):
            self.ledger.say("FW150", f"{known.policy[:80]} is no policy of a chain; it is taken as drop", chain.line)

    def _rule(self, chain: Chain, line: int, rest: Mapping[Any, Any]) -> None:
        expressions = rest.get("expr")
        expressions = expressions if isinstance(expressions, list) else None
        kinds = {next(iter(one), "") for one in expressions or () if isinstance(one, dict)}
        role = Role.NAT if kinds & set(NAT) else Role.JUMP if kinds & {"jump", "goto", "return"} else Role.RULE
        comment = rest.get("comment")
        number = self.ledger.add(
            line,
            chain.full,
            str(len(chain.rules) + 1),
            words(expressions or []),
            role,
            comment=comment if isinstance(comment, str) else "",
            hits=next(filter(None, map(packets, expressions or ())), None),
        )
        chain.rules.append((number, line, expressions))
        if expressions is None:
            self.ledger.unreadable(number, "a rule without statements")
        elif role is Role.NAT:
            self.ledger.settle(number, Fate.NOT_OURS, "FW110")

    # Chains.

    def _steps(self, family: str, table: str) -> dict[str, list[Step]]:
        sets = Sets(self.sets.get((family, table), {}), self.options.groups)
        found: dict[str, list[Step]] = {}
        for chain in self.chains.values():
            if (chain.family, chain.table) == (family, table):
                found[chain.name] = [step for rule in chain.rules for step in self._read(*rule, sets)]
        return found

    def _read(self, number: int, line: int, expressions: Any, sets: Sets) -> Iterator[Step]:
        if self.ledger.is_settled(number):
            return
        try:
            reading = read(expressions, sets, untracked=self.untracked)
        except ValueError as error:
            self.ledger.unreadable(number, str(error))
            return
        except RecursionError:
            self.ledger.unreadable(number, "it is nested too deeply")
            return
        for name in reading.unknown_sets:
            self.ledger.say("FW152", f"set {name[:80]} has no members here, or they come and go", line)
        if not reading.decides or all(target is Simple.GO_ON for _match, target in reading.steps):
            if reading.decides and reading.never is None and not reading.steps:
                return
            code = "FW010" if reading.logs else "FW002"
            reason = Reason(code, "") if reading.never is None else reading.never
            self.ledger.settle(number, Fate.IMPLIED, reason.code, reason.text)
        elif reading.never is not None:
            self.ledger.settle(number, Fate.IMPLIED, reading.never.code, reading.never.text)
        else:
            if reading.logs:
                self.ledger.note(number, "FW010")
            yield from (Step(number, match, target) for match, target in reading.steps)

    def _is_wanted(self, chain: Chain) -> bool:
        return any(map(chain.is_called, self.options.lists)) if self.options.lists else chain.is_forwarding

    def _list(self, chain: Chain, steps: Mapping[str, list[Step]]) -> None:
        is_base = bool(chain.hook)
        # The kernel's own default accepts; of a chain that has none because others lead to it, we know nothing.
        policy = chain.policy or ("accept" if is_base else "drop")
        text = f"chain {chain.full}: policy {policy}"
        number = self.ledger.add(chain.line, chain.full, "policy", text, Role.DEFAULT)
        if not chain.policy:
            self.ledger.note(number, "FW131")
        default = Rule(number, Action.PERMIT if policy == "accept" else Action.DENY)
        flat = flatten(steps, chain.name, default)
        for problem in flat.problems:
            self.ledger.tell(problem)
        where = f"{chain.family} {chain.table}"
        self.flats.append(replace(flat, chains=frozenset(f"{where} {name}" for name in flat.chains)))
        versions = FAMILIES.get(chain.family, FAMILIES["inet"])
        self.lists.append(RuleList(chain.full, flat.rules, versions))

    def _warn_of_other_hooks(self) -> None:
        """Say where else packets may be dropped that are forwarded."""
        for chain in self.chains.values():
            elsewhere = chain.hook in ("prerouting", "postrouting", "ingress", "egress") and chain.kind == "filter"
            drops = chain.policy == "drop" or any('"drop"' in json.dumps(rule[2]) for rule in chain.rules)
            if elsewhere and drops and not self._is_wanted(chain):
                message = f"chain {chain.full} drops packets at {chain.hook}, and only the hook forward is read"
                self.ledger.say("FW108", message, chain.line, Severity.WARNING)

    def _why_not_in_use(self, statement: Statement) -> Reason:
        for chain in self.chains.values():
            if chain.hook and statement.list in self._reached(chain):
                if chain.kind == "nat":
                    return Reason("FW110", "it stands in a chain that translates addresses")
                if chain.hook in ("input", "output"):
                    return Reason("FW107", "it is about packets to or from the firewall itself")
                return Reason("FW132", f"it is met at the hook {chain.hook}, in the family {chain.family}")
        return Reason("FW132", f"nothing leads to chain {statement.list}")

    def _reached(self, base: Chain) -> set[str]:
        found: set[str] = set()
        todo = [base]
        while todo:
            chain = todo.pop()
            if chain.full in found:
                continue
            found.add(chain.full)
            others = (self.chains.get((chain.family, chain.table, name)) for name in leads_to(chain))
            todo += (other for other in others if other is not None)
        return found
