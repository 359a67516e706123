"""A report for programs: a document of kind ``TranslationReport``, version 1."""

from typing import Any

from anp.firewall.codes import CODES
from anp.firewall.model import Reason, Statement
from anp.firewall.proof.model import Gap, Packet, Party, Proof
from anp.firewall.report.model import Report, Row
from anp.firewall.services import protocol_name

VERSION = 1
"""A reader of one version may be given new fields, and never another meaning of old ones."""


def document(report: Report) -> dict[str, Any]:
    """Return a report as a JSON document."""
    settings = report.settings
    found: dict[str, Any] = {
        "kind": "TranslationReport",
        "version": VERSION,
        "source": {"file": report.source, "language": report.format, "sha256": report.digest},
        "counts": {fate.value: count for fate, count in report.counts.items()},
        "statements": [_row(row) for row in report.rows],
    }
    if report.mapping:
        found["mapping"] = {"file": report.mapping, "sha256": report.mapping_digest}
    if settings:
        found["settings"] = {
            "target": settings.target.value,
            "profile": settings.profile,
            "approx": settings.closure.value,
            "tail": settings.tail.value,
            "infrastructure": sorted(kind.value for kind in settings.infrastructure),
        }
    if report.proof:
        found["proof"] = _proof(report, report.proof)
    if report.strength:
        found["strength"] = [
            {
                "entity": strength.entity,
                "ingressFromPods": strength.ingress_from_pods,
                "ingressFromOutside": strength.ingress_from_outside,
                "egress": strength.egress,
            }
            for strength in report.strength
        ]
    if report.budget:
        budget = report.budget
        found["budget"] = {
            "objects": dict(budget.objects),
            "rules": budget.rules,
            "mostRules": budget.most_rules,
            "priorities": list(budget.priorities),
            "allowedPriorities": [budget.first_priority, budget.last_priority],
        }
    found["denied"] = [
        {"code": denied.code, "what": denied.what, "entities": list(denied.entities)} for denied in report.denied
    ]
    found["nextSteps"] = list(report.next_steps)
    found["diagnostics"] = [one.as_json() for one in report.diagnostics]
    return found


def _row(row: Row) -> dict[str, Any]:
    return {
        **_statement(row.statement),
        "role": row.statement.role.value,
        "comment": row.statement.comment,
        "hits": row.statement.hits,
        "fate": row.fate.value if row.fate else None,
        "reasons": [_reason(reason) for reason in row.reasons],
        "objects": list(row.objects),
        "hiddenBy": [_statement(killer) for killer in row.killers],
    }


def _statement(statement: Statement) -> dict[str, Any]:
    return {
        "number": statement.number,
        "file": statement.at.file,
        "line": statement.at.line,
        "list": statement.list,
        "name": statement.name,
        "text": statement.text,
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "severity": CODES[reason.code].severity.label, "text": reason.text}


def _proof(report: Report, proof: Proof) -> dict[str, Any]:
    return {
        "equality": proof.equality.name.lower(),
        "complete": proof.complete,
        "families": [f"IPv{version}" for version in proof.versions],
        "pods": proof.pods,
        "ends": proof.ends,
        "cells": proof.cells,
        "assumptions": list(proof.assumptions),
        "differences": [_gap(report, gap) for gap in proof.gaps],
    }


def _gap(report: Report, gap: Gap) -> dict[str, Any]:
    return {
        "explained": gap.explained,
        "reason": _reason(gap.reason) if gap.reason else None,
        "sources": _party(gap.sources),
        "destinations": _party(gap.destinations),
        "services": str(gap.services),
        "firewall": gap.wanted.value,
        "cluster": "permit" if gap.permitted else "deny",
        "statement": None if gap.statement is None else _statement(report.statement(gap.statement)),
        "decidedBy": gap.decided_by,
        "witness": _packet(gap.witness),
    }


def _party(party: Party) -> dict[str, Any]:
    return {
        "entities": list(party.entities),
        "otherPods": party.other_pods,
        "networks": [str(network) for network in party.outside.networks()],
    }


def _packet(packet: Packet) -> dict[str, Any]:
    return {
        "source": str(packet.source),
        "sourceName": packet.source_name,
        "destination": str(packet.destination),
        "destinationName": packet.destination_name,
        "protocol": protocol_name(packet.protocol),
        "port": packet.port,
        "containerPort": packet.container_port,
    }
