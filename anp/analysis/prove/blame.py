"""Which object of our table is to blame that a packet is not treated as meant: what on its way is not as compiled."""

from collections.abc import Iterator

from anp.analysis.prove.language import Chain, Key, Listed, Look, Match, Rule, Table
from anp.analysis.prove.result import Fault
from anp.analysis.prove.steps import Asked, Packet, Ruled, Way, follow, lookup
from anp.analysis.prove.words import number_text, rule_text, verdict_text
from compiler.names import TABLE
from compiler.syntax import FAMILY


class Blame:
    """Compares what is listed with what would be compiled, along the ways of single packets."""

    def __init__(self, listed: Listed, wanted: Listed) -> None:
        self._listed = listed
        self._wanted = wanted
        self._tables = tuple({table.name: table for table in side.tables if table.name} for side in (listed, wanted))
        self._keys = {**_keys_of(wanted), **_keys_of(listed)}

    def way(self, packet: Packet) -> tuple[str, ...]:
        """Return the rules and elements that had a say about a packet, one line each."""
        lines: list[str] = []
        for step in follow(self._listed, packet).steps:
            if isinstance(step, Asked) and step.found is not None:
                lines.append(f"{self._element(step)} : {verdict_text(step.found[0])}")
            elif isinstance(step, Ruled):
                lines.append(f"{step.chain}: {rule_text(self._listed.chains[step.chain].rules[step.place])}")
        return tuple(lines)

    def faults(self, packet: Packet) -> tuple[Fault, ...]:
        """Return what is wrong on a packet's way, and on the way that it should have gone."""
        if not self._listed.chains and self._wanted.chains:
            return (Fault(f"table {FAMILY} {TABLE}", "", "all that the policies need"),)
        ways = (follow(self._listed, packet), follow(self._wanted, packet))
        return tuple(dict.fromkeys(fault for way in ways for fault in self._along(way)))

    def _along(self, way: Way) -> Iterator[Fault]:
        for name in dict.fromkeys(way.chains):
            yield from self._chain(name)
        for asked in way.asked:
            yield from self._asked(asked)

    def _chain(self, name: str) -> Iterator[Fault]:
        there, wanted = self._listed.chains.get(name), self._wanted.chains.get(name)
        if there is None or wanted is None:
            yield Fault(f"chain {name}", _whole(there), _whole(wanted))
            return
        if there.base != wanted.base:
            yield Fault(f"chain {name}", str(there.base), str(wanted.base))
        rules = [[_sense(rule) for rule in chain.rules] for chain in (there, wanted)]
        place = next((n for n, (one, other) in enumerate(zip(*rules, strict=False)) if one != other), None)
        if place is None and len(rules[0]) == len(rules[1]):
            return
        place = min(map(len, rules)) if place is None else place
        found, should = (rule_text(chain.rules[place]) if place < len(chain.rules) else "" for chain in (there, wanted))
        if rules[0][place + 1 :] == rules[1][place:]:
            should = ""  # it is one too many
        elif rules[0][place:] == rules[1][place + 1 :]:
            found = ""  # it is missing
        yield Fault(f"rule {place + 1} of chain {name}", found, should)

    def _asked(self, asked: Asked) -> Iterator[Fault]:
        there, wanted = (
            lookup(tables[asked.table], asked.numbers) if asked.table in tables else None for tables in self._tables
        )
        if there != wanted:
            found, should = (verdict_text(one[0]) if one else "" for one in (there, wanted))
            yield Fault(f"element {self._element(asked)}", found, should)

    def _element(self, asked: Asked) -> str:
        keys = self._keys[asked.table]
        text = " . ".join(number_text(key, number) for key, number in zip(keys, asked.numbers, strict=True))
        return f"@{asked.table} {{ {text} }}"


def _keys_of(listed: Listed) -> dict[str, tuple[Key, ...]]:
    return {
        statement.table.name: statement.keys
        for chain in listed.chains.values()
        for rule in chain.rules
        for statement in rule.statements
        if isinstance(statement, Match | Look) and statement.table.name
    }


def _whole(chain: Chain | None) -> str:
    return "" if chain is None else "; ".join(map(rule_text, chain.rules)) or "no rules"


def _sense(rule: Rule) -> tuple[object, ...]:
    """Return what a rule says, where tables of its own are what is in them."""
    return tuple(
        (type(statement), statement.keys, _content(statement.table), isinstance(statement, Match) and statement.negated)
        if isinstance(statement, Match | Look)
        else statement
        for statement in rule.statements
    )


def _content(table: Table) -> object:
    return table.name or (table.pieces, table.boxes)
