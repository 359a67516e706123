import json
import math

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from anp.sources import composer
from anp.sources.composer import MAX_DEPTH
from anp.sources.diagnostics import Severity
from anp.sources.documents import MAX_FAULTS, read_documents
from anp.sources.scalars import plain_scalar

texts = st.text(st.characters(exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def values(text):
    reading = read_documents(text, "f.yaml")
    assert not reading.diagnostics
    return [document.value for document in reading.documents]


def faults(text):
    return [(found.line, found.column, found.message) for found in read_documents(text, "f.yaml").diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("yes", True),
        ("n", False),
        ("Off", False),
        ("oN", "oN"),
        ("010", 8),
        ("0o10", 8),
        ("08", 8),
        ("0x1F", 31),
        ("0b101", 5),
        ("-7", -7),
        ("1_000", 1000),
        ("80.0", 80),
        ("1e3", 1000),
        ("1.5", 1.5),
        ("12:30", "12:30"),
        ("2026-01-31", "2026-01-31"),
        ("10.0.0.1", "10.0.0.1"),
        ("-", "-"),
        (".", "."),
        ("1.2.3", "1.2.3"),
        ("fd00::1", "fd00::1"),
        (".inf", math.inf),
        ("9" * 5000, math.inf),
    ],
)
def test_a_plain_scalar_means_what_kubectl_makes_of_it(text, value):
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


@given(st.text(max_size=30))
def test_any_plain_scalar_has_a_value(text):
    plain_scalar(text)


@given(json_values)
@example("\U0001f600")
@example({"\\": "\\\U0001f600"})
def test_json_is_read_as_json(value):
    assert values(json.dumps(value)) == [value]
    assert values(json.dumps(value, indent="\t")) == [value]


@given(json_values)
def test_what_a_yaml_writer_wrote_is_read_back(value):
    # In quotes and with tags, as other writers leave y and 010 without quotes that kubectl would want.
    assert values(yaml.dump(value, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True)) == [value]


@given(json_values)
def test_every_field_has_a_place_and_no_other_has(value):
    [document] = read_documents(json.dumps(value, indent=1), "f.json").documents

    def compare(value, positions):
        if isinstance(value, dict):
            assert positions.steps.keys() == value.keys()
            for key, inner in value.items():
                compare(inner, positions.steps[key])
        elif isinstance(value, list):
            assert list(positions.steps) == list(range(len(value)))
            for index, inner in enumerate(value):
                compare(inner, positions.steps[index])
        else:
            assert not positions.steps

    compare(document.value, document.positions)


def test_places_count_from_one_and_are_those_of_keys():
    text = "# first\na: 1\nb:\n  - c: 2\n    d:\n      x: y\n"
    [document] = read_documents(text, "f.yaml").documents

    def at(*path):
        found = document.positions.find(path)
        return found.line, found.column

    assert at() == (2, 1)
    assert at("b") == (3, 1)
    assert at("b", 0) == (4, 5)
    assert at("b", 0, "d") == (5, 5)
    assert at("b", 0, "d", "x") == (6, 7)
    assert at("b", 0, "e", "f") == (4, 5)
    assert at("b", 7) == (3, 1)


def test_documents_are_read_one_by_one():
    assert values("a: 1\n---\n---\nb: 2\n...\n---\n- c\n") == [{"a": 1}, None, {"b": 2}, ["c"]]


def test_a_broken_document_costs_only_itself():
    text = "a: 1\n---\nb: [\n---\nc: 3\n---\nd: {\n--- \ne: 5\n"
    reading = read_documents(text, "f.yaml")

    assert [document.value for document in reading.documents] == [{"a": 1}, {"c": 3}, {"e": 5}]
    assert [document.positions.line for document in reading.documents] == [1, 5, 9]
    assert [found.severity for found in reading.diagnostics] == [Severity.ERROR] * 2


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, 3, "second time, first in line 3"),
        ("a: \x00", 1, 4, "U+0000"),
        ("x\n\x01", 2, 1, "U+0001"),
        ("a: !!python/object/apply:os.system [x]", 1, 4, "not supported"),
        ("a: !thing x", 1, 4, "not supported"),
        ("a: !!int x", 1, 4, "not of the type"),
        ("[a]: b", 1, 1, "a key must be text"),
        ("? {a: b}\n: c", 1, 3, "a key must be text"),
        ("a: *b", 1, 4, "refers to nothing"),
        ("a: &a [*a]", 1, 8, "refers to nothing"),
        ("a: 1\n\tb: 2", 2, 1, "not YAML"),
        ("a: b: c", 1, 5, "not YAML"),
        ("a: 'x", 1, 6, "not YAML"),
        ("<<: 3", 1, 5, "takes a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_takes_its_document_along(text, line, column, words):
    reading = read_documents(text, "f.yaml")

    assert not reading.documents
    [found] = reading.diagnostics
    assert (found.file, found.line, found.severity) == ("f.yaml", line, Severity.ERROR)
    assert found.column == column
    assert words in found.message


def test_a_repeated_key_is_told_with_its_path():
    [found] = read_documents("spec:\n  egress:\n  - x: 1\n  - to: 1\n    to: 2\n", "f").diagnostics

    assert found.field == "spec.egress[1].to"


def test_a_key_that_becomes_a_boolean_is_kept_as_kubectl_does_and_told():
    reading = read_documents("on: 1\n2: x\n", "f.yaml")

    assert reading.documents[0].value == {"true": 1, "2": "x"}
    assert [(found.severity, found.line) for found in reading.diagnostics] == [(Severity.WARNING, 1)]


def test_anchors_and_merges_are_followed():
    text = "x: &x {a: 1, b: 2}\nv:\n  <<: *x\n  b: 3\nz: *x\nw: {<<: [*x, {c: 4}]}\n"

    assert values(text) == [
        {"x": {"a": 1, "b": 2}, "v": {"a": 1, "b": 3}, "z": {"a": 1, "b": 2}, "w": {"a": 1, "b": 2, "c": 4}}
    ]


def test_aliases_of_aliases_do_not_explode():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]

    [(_line, _column, message)] = faults("\n".join(lines))

    # Without a bound this would be 10 to the power of 30 values, and the test would not end.
    assert "repeat more than" in message


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "[" * MAX_DEPTH + "[]" + "]" * MAX_DEPTH]
)
def test_depth_is_bounded(text):
    [(_line, _column, message)] = faults(text)

    assert "levels deep" in message


def test_depth_up_to_the_bound_is_fine():
    assert values("[" * MAX_DEPTH + "]" * MAX_DEPTH)


def test_a_file_that_is_no_manifest_is_not_told_of_without_end():
    found = faults("---\n[\n" * 10_000)

    assert len(found) == MAX_FAULTS + 1


def test_line_numbers_hold_with_carriage_returns_and_directives():
    text = "a: 1\r\n---\r\nb: [\r\n...\r\n%YAML 1.1\r\n---\r\nc: ]\r\n"

    assert [line for line, _column, _message in faults(text)] == [4, 7]


@given(st.text() | st.text(alphabet="-:[]{}&*!|>'\"%#\n\t abc<,?~0", max_size=60))
@example("\ufeffa: 1")
@example("--- |\n---\n")
@example('"\\ud800"')
@example('"\\UFFFFFFFF"')
@example("<<: &a [*a]")
@example("\ud800")
def test_no_text_makes_reading_raise(text):
    reading = read_documents(text, "f.yaml")

    for found in reading.diagnostics:
        assert str(found).isprintable()
        assert found.line <= text.count("\n") + text.count("\r") + text.count("\x85") + 2 + text.count("\u2028") * 2


def test_the_slower_parser_reads_the_same(monkeypatch):
    text = "a: [1, {b: *x}]\n---\nc: &y {d: 010}\ne: *y\n---\nf: [\n---\ng: g\n"
    fast = read_documents(text, "f.yaml")
    monkeypatch.setattr(composer, "_LOADER", yaml.SafeLoader)
    slow = read_documents(text, "f.yaml")

    assert [document.value for document in fast.documents] == [document.value for document in slow.documents]
    assert len(fast.diagnostics) == len(slow.diagnostics)
