"""What became of each statement: one answer for every one, from what was done to its rules on the way."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from anp.firewall.convert.closing import Closed, Note
from anp.firewall.convert.hidden import Liveness
from anp.firewall.convert.lists import Lists
from anp.firewall.convert.model import Disposition, PolicyObject
from anp.firewall.convert.packets import ContainerPorts
from anp.firewall.convert.parties import Parties, numbers
from anp.firewall.model import Action, Fate, Firewall, Reason, Role, Statement
from anp.firewall.resolution import Resolved

_RULES = frozenset({Role.RULE, Role.DEFAULT})
_SHOWN = 5


class Account:
    """What was learned about rules while they were translated."""

    def __init__(
        self, resolved: Resolved, liveness: Liveness, closed: Closed, parties: Parties, ports: ContainerPorts
    ) -> None:
        self.resolved = resolved
        self.liveness = liveness
        self.closed = closed
        self.parties = parties
        self.ports = ports
        self.narrowed: dict[int, None] = {}
        self.said: set[int] = set()
        """Statements that decide about some packet of a workload."""
        self.rules: dict[int, list[int]] = defaultdict(list)
        """The rules of each statement, also those that it leads to."""
        for number, rule in enumerate(resolved.rules):
            for statement in dict.fromkeys((rule.statement, *rule.through)):
                self.rules[statement].append(number)
        self.lines = {line.number: line for line in closed.lines}

    def take(self, lists: Lists) -> None:
        """Remember who decides about anything of an entity."""
        for entries in (lists.ingress, lists.outside, lists.egress_apart, lists.egress, lists.egress_networks):
            for entry in entries:
                self.said.update(entry.statements)


def dispositions(firewall: Firewall, account: Account, objects: Sequence[PolicyObject]) -> tuple[Disposition, ...]:
    """Return one disposition for each statement, in order."""
    where: dict[int, list[str]] = defaultdict(list)
    for one in objects:
        for number in one.statements:
            where[number].append(one.name)
    teller = _Teller(
        firewall, account, {number: tuple(names) for number, names in where.items()}, written=bool(objects)
    )
    return tuple(teller.disposition(statement) for statement in firewall.statements)


class _Teller:
    def __init__(
        self, firewall: Firewall, account: Account, where: dict[int, tuple[str, ...]], *, written: bool
    ) -> None:
        self._firewall = firewall
        self._account = account
        self._where = where
        self._written = written

    def disposition(self, statement: Statement) -> Disposition:
        account, number = self._account, statement.number
        if statement.fate is not None:
            return Disposition(number, statement.fate, statement.reasons)
        rules = account.rules.get(number, [])
        if not rules:
            return self._without_rules(statement)
        live = [rule for rule in rules if rule in account.liveness.live]
        if not live:
            return self._dead(statement, rules)
        if not any(self._ours(rule) for rule in live):
            reason = Reason("FW202", "neither end of it is a workload of the mapping")
            return self._told(statement, Fate.NOT_OURS, [reason])
        return self._ours_to_tell(statement, live)

    def _told(self, statement: Statement, fate: Fate, reasons: Sequence[Reason]) -> Disposition:
        together = tuple(dict.fromkeys((*statement.reasons, *reasons)))
        return Disposition(statement.number, fate, together, self._where.get(statement.number, ()))

    def _without_rules(self, statement: Statement) -> Disposition:
        for missing in self._account.resolved.unresolved:
            if missing.statement == statement.number:
                reason = Reason("FW130", f"no segment has the interface {missing.interface}")
                return self._told(statement, Fate.NOT_EXPRESSIBLE, [reason])
        if statement.role is Role.JUMP:
            return self._told(statement, Fate.IMPLIED, [Reason("FW003", "it leads to other rules")])
        return self._told(statement, Fate.IMPLIED, [Reason("FW002", "no packet that gets here matches it")])

    def _dead(self, statement: Statement, rules: Sequence[int]) -> Disposition:
        account = self._account
        killers = {
            account.resolved.rules[killer].statement
            for rule in rules
            for killer in account.liveness.killers.get(rule, ())
        } - {statement.number}
        words = ", ".join(f"line {self._firewall.statements[one].at.line}" for one in sorted(killers)[:_SHOWN])
        more = f" and {len(killers) - _SHOWN} more" if len(killers) > _SHOWN else ""
        reason = Reason("FW301", f"it never matches: its packets are those of {words}{more}")
        reasons = tuple(dict.fromkeys((*statement.reasons, reason)))
        return Disposition(statement.number, Fate.IMPLIED, reasons, (), tuple(sorted(killers)))

    def _ours(self, rule: int) -> bool:
        one, parties = self._account.resolved.rules[rule], self._account.parties
        return bool(parties.side(one.sources).entities or parties.side(one.destinations).entities)

    def _ours_to_tell(self, statement: Statement, live: Sequence[int]) -> Disposition:
        account, number = self._account, statement.number
        notes = [note for note in account.closed.notes.get(number, ()) if note.rule in live]
        reasons = [reason for note in notes for reason in note.reasons]
        left_out = all(rule not in account.lines for rule in live)
        if left_out and not notes:
            return self._told(statement, Fate.IMPLIED, [Reason("FW002", "the list after it decides about all of it")])
        if left_out:
            return self._told(statement, _fate(notes), reasons)
        if number in account.said or number in self._where or not self._written:
            more = list(self._remarks(live))
            fates = [note.fate for note in notes]
            if number in account.narrowed:
                fates.append(Fate.NARROWED)
                text = "for some outside sources it permits TCP, UDP and SCTP only: a NetworkPolicy cannot deny before"
                more.append(Reason("FW103", text))
            if any(reason.code == "FW122" for reason in more):
                fates.append(Fate.NARROWED)
            fate = next((fate for fate in fates if fate is not Fate.IMPLIED), Fate.TRANSLATED)
            if self._written and number not in self._where:
                fate, more = Fate.IMPLIED, [Reason("FW002", "nothing denies what it permits")]
            return self._told(statement, fate, [*reasons, *more])
        return self._told(statement, *self._unsaid(live, notes, reasons))

    def _unsaid(self, live: Sequence[int], notes: Sequence[Note], reasons: list[Reason]) -> tuple[Fate, list[Reason]]:
        """Say why rules that match some packets have nothing to say to policies."""
        lines = [self._account.lines[rule] for rule in live if rule in self._account.lines]
        if all(line.remainder and not line.packets for line in lines):
            return Fate.IMPLIED, [*reasons, Reason("FW002", "nothing later permits what no policy can name here")]
        hidden = list(self._container_ports(live))
        if hidden:
            return Fate.NARROWED, [*reasons, *hidden]
        if self._within_segments(live):
            return Fate.IMPLIED, [*reasons, Reason("FW002", "the firewall is not between workloads of one segment")]
        text = "what it is about is decided by earlier rules as they are translated"
        denies = all(line.action is Action.DENY for line in lines)
        fate = Fate.IMPLIED if denies and not notes else Fate.NARROWED
        return fate, [*reasons, Reason("FW303", text)]

    def _within_segments(self, live: Sequence[int]) -> bool:
        parties = self._account.parties
        for rule in live:
            one = self._account.resolved.rules[rule]
            source, destination = parties.side(one.sources), parties.side(one.destinations)
            for entity in numbers(source.entities):
                companions = parties.companions(entity)
                if destination.outside - parties.neighbours(entity) or destination.entities & ~companions:
                    return False
            for entity in numbers(destination.entities):
                if source.outside - parties.neighbours(entity):
                    return False
        return True

    def _remarks(self, live: Sequence[int]) -> Iterator[Reason]:
        """Yield what to know about rules that are translated."""
        account, parties = self._account, self._account.parties
        for number in live:
            line = account.lines.get(number)
            if line is None:
                continue
            source, destination = parties.side(line.sources), parties.side(line.destinations)
            if line.action is Action.PERMIT:
                ends = [end for end, other in ((source, destination), (destination, source)) if other.entities]
                if any(end.total for end in ends):
                    yield Reason("FW204", "it is about any address, and so about pods that are not mapped")
            if line.action is Action.PERMIT and source.outside and destination.entities:
                names = [parties.entities[entity].name for entity in numbers(destination.entities)]
                shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
                yield Reason("FW401", f"outside sources to {shown} are accepted by NetworkPolicies")
            for entity in numbers(destination.entities):
                name = parties.entities[entity].name
                if account.ports.arriving(name, line.packets) != line.packets:
                    yield Reason("FW121", f"ports of {name} are written as its containers have them")
        yield from self._container_ports(live)

    def _container_ports(self, live: Sequence[int]) -> Iterator[Reason]:
        account, parties = self._account, self._account.parties
        for number in live:
            line = account.lines.get(number)
            for entity in numbers(parties.side(line.destinations).entities) if line else ():
                name = parties.entities[entity].name
                for container, port in account.ports.hidden(name, line.packets) if line else ():
                    yield Reason("FW122", f"port {container} of {name} is where port {port} arrives, whose rules hold")


def _fate(notes: Sequence[Note]) -> Fate:
    fates = {note.fate for note in notes}
    order = (Fate.NARROWED, Fate.WIDENED, Fate.NOT_EXPRESSIBLE, Fate.IMPLIED)
    return next((fate for fate in order if fate in fates), Fate.IMPLIED)
