"""Whole objects, as an API server takes them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from anp.firewall.convert.drafts import Draft, pods_of
from anp.firewall.convert.model import PolicyObject, Settings, Target
from anp.firewall.inventory.model import Entity
from anp.firewall.model import Firewall
from anp.sources.diagnostics import printable
from compiler.labels import NAMESPACE_NAME_LABEL, Operator
from compiler.model import NamespaceNamed, Tier

DOMAIN = "translate.anp.internal"
ENTITY_LABEL = f"{DOMAIN}/entity"
MANAGER = "anp-translate"
_SHOWN = 8
"""How many statements a comment quotes before it counts the rest."""
_WIDTH = 200


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an object of an entity stands: its name, its tier and priority."""

    name: str
    tier: Tier
    priority: int


class Writer:
    """Makes objects of rules."""

    def __init__(self, firewall: Firewall, settings: Settings) -> None:
        self._firewall = firewall
        self._settings = settings

    def cluster_policy(
        self, entity: Entity, place: Placed, ingress: Sequence[Draft], egress: Sequence[Draft]
    ) -> PolicyObject:
        """Make a ClusterNetworkPolicy, or what the target has in its place."""
        spec: dict[str, Any] = {}
        if self._settings.target is Target.CNP:
            kind, version = "ClusterNetworkPolicy", "v1alpha2"
            spec |= {"tier": place.tier.title, "priority": place.priority}
        elif place.tier is Tier.ADMIN:
            kind, version = "AdminNetworkPolicy", "v1alpha1"
            spec["priority"] = place.priority
        else:
            kind, version = "BaselineAdminNetworkPolicy", "v1alpha1"
        spec["subject"] = pods_of(entity)
        if self._settings.target is Target.ANP and "pods" in spec["subject"]:
            spec["subject"]["pods"].setdefault("namespaceSelector", {})
        spec |= {key: [draft.document for draft in drafts] for key, drafts in _both(ingress, egress) if drafts}
        statements = _statements(ingress, egress)
        return PolicyObject(
            {
                "apiVersion": f"policy.networking.k8s.io/{version}",
                "kind": kind,
                "metadata": self._metadata(entity, place.name, statements),
                "spec": spec,
            },
            self._comments(ingress, egress),
            statements,
        )

    def network_policy(
        self, entity: Entity, namespace: str, ingress: Sequence[Draft], statements: Sequence[int]
    ) -> PolicyObject:
        """Make the NetworkPolicy that closes an entity to outside sources but for some."""
        name = f"{self._settings.prefix}-{entity.name}-outside"
        return PolicyObject(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": self._metadata(entity, name, statements, namespace),
                "spec": {
                    "podSelector": entity.selector.get("podSelector", {}),
                    "policyTypes": ["Ingress"],
                    **({"ingress": [draft.document for draft in ingress]} if ingress else {}),
                },
            },
            self._comments(ingress, ()),
            tuple(sorted(set(statements))),
        )

    def _metadata(self, entity: Entity, name: str, statements: Sequence[int], namespace: str = "") -> dict[str, Any]:
        settings = self._settings
        texts = [self._firewall.statements[number].text for number in sorted(set(statements))]
        infra = ",".join(sorted(settings.infrastructure))
        metadata: dict[str, Any] = {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": MANAGER, ENTITY_LABEL: entity.name},
            "annotations": {
                f"{DOMAIN}/source": printable(PurePath(self._firewall.source).name),
                # Of the statements that the object comes from, so that an edit elsewhere does not touch it.
                f"{DOMAIN}/digest": hashlib.sha256("\n".join(texts).encode(errors="surrogatepass")).hexdigest(),
                f"{DOMAIN}/settings": f"approx={settings.closure} tail={settings.tail}"
                + (f" infra-allow={infra}" if infra else ""),
            },
        }
        return {"name": name, "namespace": namespace, **metadata} if namespace else metadata

    def _comments(self, ingress: Sequence[Draft], egress: Sequence[Draft]) -> dict[tuple[str, int], tuple[str, ...]]:
        return {
            (key, place): tuple(self._quoted(draft.statements))
            for key, drafts in _both(ingress, egress)
            for place, draft in enumerate(drafts)
            if draft.statements
        }

    def _quoted(self, numbers: Sequence[int]) -> list[str]:
        statements = [self._firewall.statements[number] for number in numbers]
        lines = [f"line {one.at.line}: {one.text[:_WIDTH]}" for one in statements[:_SHOWN]]
        return [*lines, f"and {len(statements) - _SHOWN} more"] if len(statements) > _SHOWN else lines


def namespaces_of(entity: Entity) -> tuple[str, ...] | None:
    """Return the names of the namespaces that an entity's pods are in; None where its selector does not name them."""
    if isinstance(entity.pods.namespaces, NamespaceNamed):
        return (entity.pods.namespaces.name,)
    requirements = entity.pods.namespaces.requirements
    if len(requirements) == 1:
        only = requirements[0]
        if only.key == NAMESPACE_NAME_LABEL and only.operator is Operator.IN:
            return only.values
    return None


def _both(ingress: Sequence[Draft], egress: Sequence[Draft]) -> tuple[tuple[str, Sequence[Draft]], ...]:
    return ("ingress", ingress), ("egress", egress)


def _statements(*drafts: Sequence[Draft]) -> tuple[int, ...]:
    return tuple(sorted({number for some in drafts for draft in some for number in draft.statements}))
