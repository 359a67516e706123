import json

from hypothesis import given
from hypothesis import strategies as st

from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic, field_text, has_errors, printable

somewhere = st.builds(
    lambda severity, message, file, line, path, about: diagnostic(
        severity, message, at=Location(file, line), field=tuple(path), about=about
    ),
    st.sampled_from(Severity),
    st.text(max_size=5),
    st.sampled_from(["", "a", "b\x1b[2J"]),
    st.integers(0, 3),
    st.lists(st.text(max_size=3) | st.integers(0, 3), max_size=3),
    st.text(max_size=3),
)


def test_a_diagnostic_reads_like_a_compilers():
    found = diagnostic(
        Severity.ERROR,
        "is no network",
        at=Location("f.yaml", 12, 5),
        about="ClusterNetworkPolicy lock",
        field=("spec", "egress", 0, "to", 1, "networks", 0),
        hint="write 10.0.0.0/8",
    )

    assert str(found) == (
        "f.yaml:12:5: error: ClusterNetworkPolicy lock: spec.egress[0].to[1].networks[0]: is no network "
        "(write 10.0.0.0/8)"
    )
    assert found.as_json()["severity"] == "error"
    assert has_errors([found])


def test_parts_that_are_not_known_are_left_out():
    assert str(diagnostic(Severity.INFO, "hello")) == "info: hello"
    assert str(diagnostic(Severity.WARNING, "hello", at=Location("f", 3))) == "f:3: warning: hello"


def test_keys_that_are_no_plain_names_are_quoted():
    assert field_text(("metadata", "labels", "app.io/name")) == 'metadata.labels["app.io/name"]'


@given(st.lists(somewhere))
def test_diagnostics_have_an_order_and_a_form_for_programs(found: list[Diagnostic]):
    ordered = sorted(found)

    assert [(one.file, one.line) for one in ordered] == sorted((one.file, one.line) for one in found)
    for one in found:
        assert json.loads(json.dumps(one.as_json()))["message"] == one.message


@given(somewhere)
def test_nothing_that_is_printed_can_move_a_cursor(found: Diagnostic):
    assert str(found).isprintable()


@given(st.text())
def test_printable_text_is_left_alone(text):
    assert printable(text) == text if text.isprintable() else printable(text).isprintable()
