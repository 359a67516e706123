"""Whatever a file of manifests holds: an end, bounded work, and diagnostics that say where; never an exception."""

import json
import time

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from anp.sources.diagnostics import Severity
from anp.sources.documents import MAX_FAULTS
from anp.sources.files import read_text
from anp.sources.manifests import Manifests, parse
from anp.state.cluster import cluster_of
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.syntax import script
from tests.fuzz.trees import mutated, texts
from tests.unit.api.documents import GOOD, OBJECTS

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s", "namespace": "x"},
    "spec": {"selector": {"a": "b"}, "clusterIP": "10.96.0.9", "ports": [{"port": 80, "targetPort": "w"}]},
}
DOCUMENTS = (*GOOD, *OBJECTS, SERVICE)
LISTS = (
    {"apiVersion": "v1", "kind": "List", "items": list(DOCUMENTS)},
    {"apiVersion": "v1", "kind": "PodList", "items": [OBJECTS[2], {"metadata": {"name": "q"}}]},
    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": [GOOD[4], None]},
)


def read(text: str, file: str = "f.yaml") -> Manifests:
    """Read a text and go all the way to a node's script with whatever of it was sound."""
    manifests = parse(text, file)
    for invent in (False, True):
        cluster = cluster_of(manifests, invent=invent)
        for found in cluster.diagnostics:
            assert str(found).isprintable()
            assert found.file == file
            assert found.line >= (found.severity is not Severity.ERROR or bool(found.object))
            json.dumps(found.as_json())
    assert lower_all(cluster.snapshot)
    return manifests


def lower_all(snapshot) -> str:
    return script(lower(compile_cluster(snapshot), "n"))


@given(st.sampled_from((*DOCUMENTS, *LISTS)).flatmap(mutated))
def test_a_mutated_object_is_read_or_told_of_with_its_place(tree):
    text = json.dumps(tree)
    manifests = read(text)

    assert manifests.objects or manifests.diagnostics or "List" in text
    for found in manifests.diagnostics:
        assert (found.file, found.line) == ("f.yaml", 1)
        assert found.column


@given(st.sampled_from((*DOCUMENTS, *LISTS)).flatmap(mutated), st.booleans())
def test_so_is_one_that_a_yaml_writer_wrote(tree, flow):
    # Anchors and aliases where a change doubled something; dates, infinities and the rest as that writer has them.
    try:
        text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True)
    except RecursionError:
        return
    read(text)


# Text.

CRAFTED = (
    "a: &a [*a]",
    "&a a: *a",
    "<<: &a {<<: *a}",
    "x: &x {a: 1}\ny: {<<: [*x, *x, 3], <<: *x}",
    "a: 1\na: 2",
    "? ? ? ? a",
    "!!python/object/apply:os.system ['true']",
    "!!set {a, b}",
    "!!binary aGVsbG8=",
    "!!timestamp 2026-13-45",
    "2026-13-45",
    "a: 2026-01-31T25:61:61Z",
    "\ufeffkind: Pod",
    "kind: Pod\n\ufeffmetadata: {}",
    "a:\tb\n\tc: d",
    "---\r\n---\r\n...\r\n",
    "%YAML 9.9\n---\na",
    "%TAG ! tag:x,1:\n---\n!a b",
    "- - - - - - - -",
    "{" * 50,
    "|\n" * 50,
    "a: |9\n  b",
    "'",
    '"\\x"',
    '"\\uD800"',
    '"\\ud83d\\ude00"',
    "0o8: 0x: 1_: .e5: +.",
    "nan: .nan\n.inf: -.inf",
    "9" * 10_000,
    "1e" + "9" * 400,
    "kind: *kind",
    "\x00",
    "\ud800",
)
_pieces = st.one_of(
    st.sampled_from(CRAFTED),
    st.sampled_from(tuple(f"---\n{json.dumps(document)}\n" for document in DOCUMENTS)),
    st.sampled_from(tuple(f"---\n{yaml.safe_dump(document)}\n" for document in DOCUMENTS)),
    st.sampled_from(("---\n", "...\n", "\n", "\r\n", "\r", "\t", " ", "- ", ": ", "&a ", "*a ", "<<: *a\n", "!!str ")),
    texts,
)


@given(st.lists(_pieces, max_size=6).map("".join), st.sampled_from(("", "\n", "\r\n", "\r")))
@example("{" * 10_000, "")
@example("[" * 10_000 + "]" * 10_000, "")
@example("a: " * 10_000, "")
@example("- " * 10_000, "")
@example("? " * 10_000, "")
def test_no_text_is_too_odd(text, newline):
    if newline:
        text = text.replace("\n", newline)
    manifests = read(text)

    assert len([found for found in manifests.diagnostics if not found.object]) <= 20 * MAX_FAULTS


@given(data=st.data())
def test_a_file_that_ends_or_breaks_in_the_middle(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "broken.yaml"
    content = data.draw(st.lists(_pieces, min_size=1, max_size=4).map("".join)).encode("utf-8", "surrogatepass")
    content += "é政🔥".encode()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut] + data.draw(st.binary(max_size=4)) + content[cut + data.draw(st.integers(0, 9)) :])

    found = read_text(str(path))

    assert (found.text is None) == bool(found.diagnostics)
    if found.text is None:
        assert all(one.severity is Severity.ERROR and one.file == str(path) for one in found.diagnostics)
    else:
        read(found.text, str(path))


@given(st.binary(max_size=60))
def test_bytes(content):
    with_path = content.decode("utf-8", "ignore")
    read(with_path)


# Bombs: small to write, endless to follow.


def laughs(width: int, depth: int, join: str) -> str:
    """A text whose last line stands for `width` to the power of `depth` values."""
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    lines += [f"a{n}: &a{n} {join.format(', '.join([f'*a{n - 1}'] * width))}" for n in range(1, depth)]
    return "\n".join(lines)


MERGES = "a0: &a0 {k0: v}\n" + "\n".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: v}}" for n in range(1, 2000))
BOMBS = {
    "lists of lists": laughs(10, 30, "[{}]"),
    "two at a time": laughs(2, 300, "[{}]"),
    "mappings": laughs(9, 30, "{{k: [{}]}}"),
    "merges of merges": MERGES,
    "one alias very often": "a: &a [" + "x, " * 1000 + "x]\nb: [" + "*a, " * 5000 + "*a]",
    "in a policy": "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: a}\n"
    + laughs(10, 30, "[{}]"),
    "in a list of objects": "kind: List\napiVersion: v1\n" + laughs(10, 12, "[{}]") + "\nitems: *a11",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused(text):
    [found] = read(text).diagnostics

    assert found.severity is Severity.ERROR
    assert found.line
    assert "repeat more than" in found.message


def lists_in_lists(depth: int) -> str:
    return '{"apiVersion": "v1", "kind": "List", "items": [' * depth + "]}" * depth


def wide(count: int) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [OBJECTS[2]] * count})


@pytest.mark.parametrize("text", [lists_in_lists(60), lists_in_lists(99), lists_in_lists(5000)], ids=len)
def test_lists_of_lists_of_lists(text):
    before = time.process_time()

    read(text)

    assert time.process_time() - before < 20  # doubled with each level it would take years


def test_work_grows_with_the_size_and_not_with_its_square():
    assert len(read(wide(2000)).objects) == 2000
