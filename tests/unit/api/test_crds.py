"""The CRDs say what the models say."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, note

from anp.api import SUPPORTED, Channel, InvalidObjectError, parse
from anp.api.crds import crd_files, crds, main
from anp.api.pruning import pruned
from tests.unit.api.documents import mutated_documents
from tests.unit.api.vectors import CLUSTER_VECTORS, OURS, SCHEMA, Vector

CRDS = Path(__file__).parents[3] / "crds"
BOTH = pytest.mark.parametrize("channel", Channel)


def schemas(channel):
    return {
        (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]): version["schema"][
            "openAPIV3Schema"
        ]
        for crd in crds(channel)
        for version in crd["spec"]["versions"]
    }


VALIDATORS = {
    channel: {kind: jsonschema.Draft202012Validator(_known_words) for kind, _known_words in schemas(channel).items()}
    for channel in Channel
}


def _admitted(document, channel):
    """Judge a document by the structure of its CRD, as an API server would: pruned first, sets as sets."""
    kind = document["apiVersion"], document["kind"]
    clean, _ = pruned(SUPPORTED[kind], document, channel)
    return VALIDATORS[channel][kind].is_valid(clean) and not _repeats(clean)


def _repeats(value):
    """Say whether a list with set semantics has an entry twice; JSON schema has another word for it."""
    if isinstance(value, dict):
        sets = [value[name] for name in ("networks", "domainNames") if isinstance(value.get(name), list)]
        return any(len(set(map(str, entries))) < len(entries) for entries in sets) or any(map(_repeats, value.values()))
    return isinstance(value, list) and any(map(_repeats, value))


def _nodes(schema, path="schema"):
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _nodes(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from _nodes(schema[name], f"{path}.{name}")


def test_the_checked_in_files_are_fresh(tmp_path):
    main(tmp_path)

    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.yaml")}
    checked_in = {str(path.relative_to(CRDS)): path.read_text() for path in CRDS.rglob("*.yaml")}
    assert written == dict(crd_files())
    assert checked_in == written, "run `python -m anp.api.crds` and review the difference"


@BOTH
def test_the_text_of_a_crd_is_the_crd(channel):
    texts = [text for name, text in crd_files() if name.startswith(channel.value)]

    assert [yaml.safe_load(text) for text in texts] == crds(channel)


@BOTH
def test_schemas_are_structural(channel):
    for schema in schemas(channel).values():
        for path, node in _nodes(schema):
            assert "type" in node, path
            assert not {"$ref", "$defs", "anyOf", "allOf", "oneOf", "not"} & set(node), path
            assert not any(key.startswith("x-") and not key.startswith("x-kubernetes-") for key in node), path
            assert ("items" in node) == (node["type"] == "array"), path
            assert not (node["type"] == "object" and "properties" in node and "additionalProperties" in node), path


@BOTH
def test_every_field_is_described(channel):
    for schema in schemas(channel).values():
        for path, node in _nodes(schema):
            leaf = path.endswith((".items", ".additionalProperties", "schema.metadata"))
            assert leaf or node.get("description"), path


@BOTH
def test_lists_with_rules_are_bounded_so_that_the_rules_stay_affordable(channel):
    for schema in schemas(channel).values():
        for path, node in _nodes(schema["properties"]["spec"], "spec"):
            if node["type"] == "array" and not path.endswith((".values", ".matchExpressions")):
                assert "maxItems" in node, path


def test_the_standard_channel_is_the_experimental_one_with_less():
    for kind, standard in schemas(Channel.STANDARD).items():
        ours = {path for path, _ in _nodes(standard)}
        others = {path for path, _ in _nodes(schemas(Channel.EXPERIMENTAL)[kind])}
        assert ours < others
        assert {path.rpartition(".")[2] for path in others - ours} >= {"nodes"}


@pytest.mark.parametrize(
    ("plural", "short", "columns"),
    [
        ("adminnetworkpolicies", "anp", ["Priority", "Age"]),
        ("baselineadminnetworkpolicies", "banp", ["Age"]),
        ("clusternetworkpolicies", "cnp", ["Tier", "Priority", "Age"]),
    ],
)
@BOTH
def test_a_crd_presents_its_kind(channel, plural, short, columns):
    (crd,) = [crd for crd in crds(channel) if crd["spec"]["names"]["plural"] == plural]

    (version,) = crd["spec"]["versions"]
    assert crd["metadata"]["name"] == f"{plural}.policy.networking.k8s.io"
    assert crd["metadata"]["annotations"]["policy.networking.k8s.io/channel"] == channel.value
    assert crd["spec"]["scope"] == "Cluster"
    assert crd["spec"]["names"]["shortNames"] == [short]
    assert [column["name"] for column in version["additionalPrinterColumns"]] == columns
    assert version["subresources"] == {"status": {}}


@pytest.mark.parametrize("vector", CLUSTER_VECTORS, ids=str)
def test_schema_and_model_agree(vector: Vector):
    refused_by_structure = bool(vector.places) and vector.by == SCHEMA

    assert _admitted(vector.document, vector.channel) == (not refused_by_structure)


@pytest.mark.parametrize("vector", [v for v in CLUSTER_VECTORS if v.by not in (SCHEMA, OURS)], ids=str)
def test_what_the_structure_lets_pass_a_rule_of_the_crd_catches(vector: Vector):
    with pytest.raises(InvalidObjectError) as caught:
        parse(vector.document, vector.channel)

    schema = schemas(vector.channel)[vector.document["apiVersion"], vector.document["kind"]]
    for problem in caught.value.problems:
        node = schema
        for step in problem.path:
            node = node["items"] if isinstance(step, int) else node["properties"][step]
        assert node["x-kubernetes-validations"]


@given(mutated_documents())
def test_what_the_structure_refuses_the_model_refuses(document):
    for channel in Channel:
        if (document["apiVersion"], document["kind"]) in VALIDATORS[channel] and not _admitted(document, channel):
            note(f"{channel}")
            with pytest.raises(InvalidObjectError):
                parse(document, channel)
