"""The CustomResourceDefinitions of the cluster policies, made from the models (1.1).

``python -m anp.api.crds [DIRECTORY]`` writes them all; the checked-in ones are in ``crds/``.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from anp.api.admission import Channel
from anp.api.objects import KubernetesObject
from anp.api.structure import EXPERIMENTAL_KEY, RULES_KEY
from anp.api.v1alpha1 import AdminNetworkPolicy, BaselineAdminNetworkPolicy
from anp.api.v1alpha2 import ClusterNetworkPolicy

Document: TypeAlias = dict[str, Any]

_APPROVAL = "https://github.com/kubernetes-sigs/network-policy-api/pull"
_DEFINITIONS = "#/$defs/"
_HEADER = "# Made from the models by `python -m anp.api.crds`: change those and run it again.\n"


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of `kubectl get`."""

    name: str
    type: str
    path: str

    def document(self) -> Document:
        return {"jsonPath": self.path, "name": self.name, "type": self.type}


@dataclass(frozen=True, slots=True)
class _Definition:
    """What a CRD says besides its schema."""

    model: type[KubernetesObject]
    short_name: str
    approval: str
    bundle: str
    columns: tuple[_Column, ...]


_TIER = _Column("Tier", "string", ".spec.tier")
_PRIORITY = _Column("Priority", "string", ".spec.priority")
_AGE = _Column("Age", "date", ".metadata.creationTimestamp")

_DEFINED = (
    _Definition(AdminNetworkPolicy, "anp", f"{_APPROVAL}/300", "v0.1.7", (_PRIORITY, _AGE)),
    _Definition(BaselineAdminNetworkPolicy, "banp", f"{_APPROVAL}/300", "v0.1.7", (_AGE,)),
    _Definition(ClusterNetworkPolicy, "cnp", f"{_APPROVAL}/347", "v0.2.0", (_TIER, _PRIORITY, _AGE)),
)


def crds(channel: Channel) -> list[Document]:
    """Return the CustomResourceDefinitions of a channel, as documents for a writer of YAML or JSON."""
    return [_crd(definition, channel) for definition in _DEFINED]


def crd_yaml(crd: Mapping[str, Any]) -> str:
    """Return one CustomResourceDefinition as it stands in its file."""
    return _HEADER + yaml.safe_dump(dict(crd), sort_keys=True, width=100)


def crd_files() -> Iterator[tuple[str, str]]:
    """Yield the path below ``crds/`` and the text of every file."""
    for channel in Channel:
        for crd in crds(channel):
            names = crd["spec"]["names"]
            yield f"{channel.value}/{crd['spec']['group']}_{names['plural']}.yaml", crd_yaml(crd)


def main(directory: Path) -> None:
    """Write every file below `directory`."""
    for name, text in crd_files():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _crd(definition: _Definition, channel: Channel) -> Document:
    resource = definition.model.resource
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{resource.plural}.{resource.group}",
            "annotations": {
                "api-approved.kubernetes.io": definition.approval,
                f"{resource.group}/bundle-version": definition.bundle,
                f"{resource.group}/channel": channel.value,
            },
        },
        "spec": {
            "group": resource.group,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "shortNames": [definition.short_name],
                "singular": resource.kind.lower(),
            },
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [
                {
                    "additionalPrinterColumns": [column.document() for column in definition.columns],
                    "name": resource.version,
                    "schema": {"openAPIV3Schema": _schema(definition.model, channel)},
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def _schema(model: type[KubernetesObject], channel: Channel) -> Document:
    raw = model.model_json_schema(by_alias=True)
    schema = _structural(raw, raw.get("$defs", {}), channel)
    # The API server checks what all objects share by itself, and wants to read no more than this.
    schema["properties"]["metadata"] = {"type": "object"}
    schema["required"] = ["metadata", "spec"]
    return schema


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Any], channel: Channel) -> Document:
    """Return a node with its references replaced, its alternatives to null gone, and the channel's part only."""
    node = _resolved(node, definitions)
    schema = {
        key: value
        for key, value in node.items()
        if key not in ("$defs", "title", "default", "required", "properties", "items", RULES_KEY, EXPERIMENTAL_KEY)
    }
    if node.get("default"):
        schema["default"] = node["default"]
    if "properties" in node:
        schema["properties"] = {
            name: _structural(child, definitions, channel)
            for name, child in node["properties"].items()
            if channel is Channel.EXPERIMENTAL or EXPERIMENTAL_KEY not in child
        }
    if node.get("required"):
        schema["required"] = sorted(node["required"])
    if "items" in node:
        schema["items"] = _structural(node["items"], definitions, channel)
    if rules := [rule for rule in node.get(RULES_KEY, ()) if rule.applies(channel)]:
        schema["x-kubernetes-validations"] = [{"message": rule.message, "rule": rule.rule} for rule in rules]
    return schema


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a node without ``$ref`` and ``anyOf``; what it says itself goes before what it refers to."""
    if "$ref" in node:
        target = _resolved(definitions[node["$ref"].removeprefix(_DEFINITIONS)], definitions)
        return {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    if "anyOf" in node:
        (choice,) = (choice for choice in node["anyOf"] if choice.get("type") != "null")
        return {**_resolved(choice, definitions), **{key: value for key, value in node.items() if key != "anyOf"}}
    return node


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "crds"))
