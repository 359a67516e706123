"""The CustomResourceDefinitions of the cluster policies (1.1) and of the engine's own objects, made from the models.

``python -m anp.api.crds [DIRECTORY]`` writes them all; the checked-in ones are in ``crds/``.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from anp.api.admission import Channel
from anp.api.engine_v1alpha1 import GenerationSlice, NodeEnforcement, PolicyGeneration
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
    columns: tuple[_Column, ...]
    approval: str = ""
    bundle: str = ""
    status: bool = True


_TIER = _Column("Tier", "string", ".spec.tier")
_PRIORITY = _Column("Priority", "string", ".spec.priority")
_AGE = _Column("Age", "date", ".metadata.creationTimestamp")

_DEFINED = (
    _Definition(AdminNetworkPolicy, "anp", (_PRIORITY, _AGE), f"{_APPROVAL}/300", "v0.1.7"),
    _Definition(BaselineAdminNetworkPolicy, "banp", (_AGE,), f"{_APPROVAL}/300", "v0.1.7"),
    _Definition(ClusterNetworkPolicy, "cnp", (_TIER, _PRIORITY, _AGE), f"{_APPROVAL}/347", "v0.2.0"),
)

_NUMBER = _Column("Number", "integer", ".spec.number")
_PUBLISHED = _Column("Published", "date", ".spec.at")
_HOLDS = _Column("Holds", "string", ".spec.holds")
_GENERATION = _Column("Generation", "integer", ".status.generation")
_ERROR = _Column("Error", "string", ".status.error")
_APPLIED = _Column("Applied", "date", ".status.appliedAt")

_ENGINE = (
    _Definition(PolicyGeneration, "pgen", (_NUMBER, _PUBLISHED, _AGE), status=False),
    _Definition(GenerationSlice, "gslice", (_HOLDS, _AGE), status=False),
    _Definition(NodeEnforcement, "nenf", (_GENERATION, _ERROR, _APPLIED, _AGE)),
)
_ENGINE_DIRECTORY = "engine"


def crds(channel: Channel) -> list[Document]:
    """Return the CustomResourceDefinitions of a channel, as documents for a writer of YAML or JSON."""
    return [_crd(definition, channel) for definition in _DEFINED]


def engine_crds() -> list[Document]:
    """Return the CustomResourceDefinitions of what the controller and its agents tell each other."""
    return [_crd(definition, None) for definition in _ENGINE]


def crd_yaml(crd: Mapping[str, Any]) -> str:
    """Return one CustomResourceDefinition as it stands in its file."""
    return _HEADER + yaml.safe_dump(dict(crd), sort_keys=True, width=100)


def crd_files() -> Iterator[tuple[str, str]]:
    """Yield the path below ``crds/`` and the text of every file."""
    sets = {channel.value: crds(channel) for channel in Channel} | {_ENGINE_DIRECTORY: engine_crds()}
    for directory, definitions in sets.items():
        for crd in definitions:
            names = crd["spec"]["names"]
            yield f"{directory}/{crd['spec']['group']}_{names['plural']}.yaml", crd_yaml(crd)


def main(directory: Path) -> None:
    """Write every file below `directory`."""
    for name, text in crd_files():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _crd(definition: _Definition, channel: Channel | None) -> Document:
    """Make a CustomResourceDefinition; kinds that have no channels have all that their models have."""
    resource = definition.model.resource
    metadata: Document = {"name": f"{resource.plural}.{resource.group}"}
    if channel:
        metadata["annotations"] = {
            "api-approved.kubernetes.io": definition.approval,
            f"{resource.group}/bundle-version": definition.bundle,
            f"{resource.group}/channel": channel.value,
        }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
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
                    "schema": {"openAPIV3Schema": _schema(definition.model, channel or Channel.EXPERIMENTAL)},
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}} if definition.status else {},
                }
            ],
        },
    }


def _schema(model: type[KubernetesObject], channel: Channel) -> Document:
    raw = model.model_json_schema(by_alias=True)
    schema = _structural(raw, raw.get("$defs", {}), channel)
    # The API server checks what all objects share by itself, and wants to read no more than this.
    schema["properties"]["metadata"] = {"type": "object"}
    schema["required"] = [name for name in ("metadata", "spec") if name in schema["properties"]]
    return schema


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Any], channel: Channel) -> Document:
    """Return a node with its references replaced, its alternatives to null gone, and the channel's part only."""
    node = _resolved(node, definitions)
    schema = {
        key: value
        for key, value in node.items()
        if key not in ("$defs", "title", "default", "required", "properties", RULES_KEY, EXPERIMENTAL_KEY)
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
    if "additionalProperties" in node:
        schema["additionalProperties"] = _structural(node["additionalProperties"], definitions, channel)
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
