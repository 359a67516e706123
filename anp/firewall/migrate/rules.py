"""Rules of v1alpha1 in the words of v1alpha2, as many as it takes."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from anp.api import AdminNetworkPolicy, BaselineAdminNetworkPolicy, to_policy
from anp.api.v1alpha1 import BaselineEgressRule, BaselineIngressRule, EgressRule, IngressRule, Port
from anp.firewall.inventory.noting import note
from anp.firewall.migrate.reading import Original
from anp.sources.diagnostics import Diagnostic, FieldPath, Severity, field_text
from compiler.model import Direction

MAX_ITEMS = 25
"""Rules for each direction, peers and protocols of a ClusterNetworkPolicy."""
MAX_NAME = 100

Rule: TypeAlias = IngressRule | EgressRule | BaselineIngressRule | BaselineEgressRule
_ACTIONS = {"Allow": "Accept", "Deny": "Deny", "Pass": "Pass"}
_PROTOCOLS = ("TCP", "UDP", "SCTP")

_T = TypeVar("_T")


@dataclass(slots=True)
class Rewriter:
    """Rewrites the rules of one policy; what it has to say gathers in `diagnostics`."""

    original: Original
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def rules(self, direction: Direction) -> list[dict[str, Any]]:
        """Return the rules of one direction, in order."""
        policy = self.original.policy
        assert isinstance(policy, AdminNetworkPolicy | BaselineAdminNetworkPolicy)  # noqa: S101 - others are new
        written: Sequence[Rule] = policy.spec.ingress if direction is Direction.INGRESS else policy.spec.egress
        doubts = {
            rule.index: rule.failed_closed for rule in to_policy(policy).policy.rules(direction) if rule.failed_closed
        }
        found: list[dict[str, Any]] = []
        for index, rule in enumerate(written):
            path: FieldPath = ("spec", direction.value, index)
            parts = list(self._parts(rule, path))
            if len(parts) != 1 and index in doubts:
                # As a whole it fails closed; a part without the doubtful peer would not, nor would no rule at all.
                text = f"the rule has to be rewritten, and cannot be, as {doubts[index]}"
                self._tell("FW150", text, path, severity=Severity.ERROR, hint="mend what is not understood first")
            if len(parts) > 1:
                text = f"{field_text(path)} becomes {len(parts)} rules, for a rule has at most {MAX_ITEMS} of a kind"
                self._tell("FW403", text, path)
            found += parts
        return found

    def _parts(self, rule: Rule, path: FieldPath) -> Iterator[dict[str, Any]]:
        """Yield rules that together say what one says: all peers with all traffic, some of each at a time."""
        peers: Sequence[Any] = rule.from_ if isinstance(rule, IngressRule | BaselineIngressRule) else rule.to
        side = "from" if isinstance(rule, IngressRule | BaselineIngressRule) else "to"
        documents = [peer.model_dump(mode="json", by_alias=True, exclude_defaults=True) for peer in peers]
        traffic: list[list[dict[str, Any]] | None] = [None]
        if rule.ports is not None:
            protocols = self._protocols(rule.ports, path)
            if not protocols:
                self._tell("FW002", "the rule matches nothing, so it is left out", path, severity=Severity.WARNING)
                return
            traffic = list(_chunks(protocols))
        parts = list(itertools.product(_chunks(documents), traffic))
        for number, (some, carried) in enumerate(parts, start=1):
            name = _named(rule.name, number, len(parts))
            yield {
                **({"name": name} if name else {}),
                "action": _ACTIONS[rule.action],
                side: some,
                **({"protocols": carried} if carried is not None else {}),
            }

    def _protocols(self, ports: Iterable[Port], path: FieldPath) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for index, port in enumerate(ports):
            protocol = self._protocol(port, (*path, "ports", index))
            if protocol is not None and protocol not in found:
                found.append(protocol)
        return found

    def _protocol(self, port: Port, path: FieldPath) -> dict[str, Any] | None:
        """Return one kind of traffic; None if it is understood to be none at all."""
        if port.named_port is not None:
            return {"destinationNamedPort": port.named_port}
        ports: dict[str, Any]
        if port.port_number is not None:
            name, ports = port.port_number.protocol, {"number": port.port_number.port}
        else:
            assert port.port_range is not None  # noqa: S101 - exactly one of three is there
            name = port.port_range.protocol
            start, end = port.port_range.start, port.port_range.end
            ports = {"number": start} if start == end else {"range": {"start": start, "end": end}}
            if start > end:
                self._leave_out(f"the range {start} to {end} holds no port", path)
                return None
        if name not in _PROTOCOLS:
            self._leave_out(f"the protocol {name!r} matches nothing", path)
            return None
        return {name.lower(): {"destinationPort": ports}}

    def _leave_out(self, why: str, path: FieldPath) -> None:
        self._tell("FW002", f"{why}, so it is left out", path, severity=Severity.WARNING)

    def _tell(self, code: str, text: str, path: FieldPath, *, severity: Severity | None = None, hint: str = "") -> None:
        at = self.original.loaded.locate(path)
        told = note(code, text, at=at, about=self.original.name, hint=hint, severity=severity)
        if told not in self.diagnostics:
            self.diagnostics.append(told)


def chunked(rules: Sequence[_T]) -> list[list[_T]]:
    """Divide rules among objects, as many as each may have."""
    return list(_chunks(rules))


def _chunks(items: Sequence[_T]) -> Iterator[list[_T]]:
    for first in range(0, len(items), MAX_ITEMS):
        yield list(items[first : first + MAX_ITEMS])


def _named(name: str, number: int, of: int) -> str:
    """Return the name of a part of a rule; the first keeps the rule's own."""
    if not name or number == 1 or of == 1:
        return name
    tail = f" ({number})"
    return name[: MAX_NAME - len(tail)] + tail
