"""Comments and annotations that say that a finding is meant."""

import pytest

from anp.analysis.lint.catalogue import CATALOGUE, CLUSTER
from anp.analysis.lint.linter import Wanted, lint
from anp.analysis.lint.sourcetext import annotated, by_annotation, suppressions
from anp.sources.manifests import parse
from anp.state.cluster import cluster_of

PASS = CATALOGUE["ANP107"].example
RULE = "    - action: Pass\n"


def linted(text: str, **wanted):
    whole = f"{CLUSTER}---\n{text}"
    return lint(cluster_of(parse(whole, "all.yaml"), invent=True), {"all.yaml": whole}, Wanted(**wanted))


def told(report) -> set[str]:
    return {found.code for found in report.findings if found.severity < 3}


@pytest.mark.parametrize(
    "text",
    [
        PASS.replace(RULE, f"    # anp-lint: ignore ANP107 the tenants come in May\n{RULE}"),
        PASS.replace(RULE, f"{RULE.rstrip()} # anp-lint: ignore ANP107 the tenants come in May\n"),
        PASS.replace(RULE, f"    # anp-lint: ignore ANP107 the tenants come in May\n    # and not before.\n\n{RULE}"),
        PASS.replace("  ingress:", "  ingress: # anp-lint: ignore ANP107: the tenants come in May"),
        f"# anp-lint: ignore ANP107 the tenants come in May\n{PASS}",
        f"# anp-lint:ignore ANP101, ANP107 the tenants come in May\n{PASS}",
        PASS.replace(
            "metadata: {name: to-nobody}",
            "metadata: {name: to-nobody, annotations: {anp-lint/ignore: ANP107 the tenants come in May}}",
        ),
        PASS.replace(
            "metadata: {name: to-nobody}",
            "metadata: {name: to-nobody, annotations: {lint.anp.internal/ignore: ANP107 the tenants come in May}}",
        ),
    ],
)
def test_a_suppression_holds_on_its_line_on_the_next_and_for_all_of_an_object(text):
    assert told(linted(PASS)) == {"ANP107"}

    report = linted(text, select=("ANP107", "ANP6"))

    assert not report.findings
    assert [(found.code, reason) for found, reason in report.suppressed] == [("ANP107", "the tenants come in May")]


@pytest.mark.parametrize(
    "text",
    [
        PASS.replace("    - action: Deny", "    # anp-lint: ignore ANP107 elsewhere\n    - action: Deny"),
        PASS.replace(RULE, f"    # anp-lint: ignore ANP101 another\n{RULE}"),
        PASS.replace(RULE, f"    # anp-lint: ignored ANP107 misspelt\n{RULE}"),
        PASS.replace("{name: to-nobody}", '{name: to-nobody, labels: {x: "a"}} # anp-lint ignore ANP107 misspelt'),
        f"{PASS}# anp-lint: ignore ANP107 after the end\n",
    ],
)
def test_a_suppression_elsewhere_does_not(text):
    assert "ANP107" in told(linted(text))


def test_a_suppression_of_what_was_not_looked_for_is_not_stale():
    text = CATALOGUE["ANP602"].example

    assert told(linted(text)) == {"ANP602"}
    assert told(linted(text, ignore=("ANP3",))) == set()
    assert told(linted(text, select=("ANP1", "ANP6"))) == set()


def test_a_suppression_in_one_file_is_none_in_another():
    rule = f"{CLUSTER}---\n{PASS}"
    here = rule.replace(RULE, f"    # anp-lint: ignore ANP107 here\n{RULE}")
    cluster = cluster_of(parse(here, "one.yaml"), invent=True)

    assert "ANP107" not in told(lint(cluster, {"one.yaml": here}, Wanted()))
    assert {"ANP107", "ANP602"} <= told(lint(cluster, {"two.yaml": here}, Wanted()))


def test_annotations_are_found_in_lists_and_several_to_an_object():
    text = (
        "apiVersion: v1\nkind: List\nitems:\n  - metadata:\n      annotations:\n"
        "        anp-lint/ignore: |\n          ANP101 one\n          ANP102; ANP103 three\n  - metadata: {}\n"
    )
    found = by_annotation(annotated("list.yaml", text))

    assert [(word.code, word.reason, word.lines) for word in found] == [
        ("ANP101", "one", {4}),
        ("ANP102", "", {4}),
        ("ANP103", "three", {4}),
    ]


@pytest.mark.parametrize(
    "text",
    ["anp-lint/ignore: [", "anp-lint/ignore", "- anp-lint/ignore", "metadata: {annotations: {anp-lint/ignore: 1}}"],
)
def test_what_is_no_object_has_no_annotations(text):
    assert annotated("odd.yaml", text) == []


def test_no_comment_costs_more_than_its_line():
    # A line of many spaces is a trap for patterns that try every one of them.
    text = f"a: b{' ' * 200_000}#{' ' * 200_000}anp-lint\n" * 3

    assert suppressions("long.yaml", text) == []
