"""JUnit XML: any parser reads it, whatever things are called."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from anp.conformance.junit import junit
from anp.conformance.outcomes import Outcome
from anp.sources.diagnostics import printable
from tests.unit.conformance.making import case, outcome, probe, runs, scenario

anything = st.text(st.characters(codec=None, categories=None), min_size=1, max_size=12)


@given(anything, anything, anything, anything)
def test_hostile_names_are_texts_and_nothing_else(suite, name, step, source):
    made = scenario(name, [(step, [probe(source=source)])])
    bad = outcome(case(made, suite=suite), lambda _n, _f: False, broken=name)
    left = Outcome(case(made, suite=suite, skipped=name))

    read = ET.fromstring(junit([bad, left]).encode())

    (found,) = read
    assert found.get("name") == printable(suite)
    failed, skipped = found
    assert failed.get("name") == printable(name)
    assert [child.tag for child in (*failed, *skipped)] == ["failure", "skipped"]
    assert printable(source) in failed[0].text
    assert printable(repr(step)) in failed[0].text


@given(runs())
def test_its_counts_are_those_of_its_tests(run):
    _suites, found = run
    read = ET.fromstring(junit(found).encode())

    assert len(read.findall(".//testcase")) == len(found)
    assert len(read.findall(".//failure")) == sum(one.failed for one in found)
    for element in (read, *read):
        for count, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
            assert int(element.get(count)) == len(element.findall(f".//{tag}"))


def test_a_failure_tells_what_a_person_would_be_told():
    made = scenario(steps=[("1: as written", [probe(allowed=False)])])
    text = ET.fromstring(junit([outcome(case(made, families=(6,)), lambda _n, _f: False)]).encode())[0][0][0].text

    assert text.splitlines() == [
        "suite/test, step '1: as written'",
        "  x/a → x/b tcp/80 over IPv6 (fd00::1 → fd00::2)",
        "    expected: is dropped",
        "    happened: it got through (seen)",
        "    decided:  decided",
        "    compiled: compiled",
    ]


def test_it_has_the_name_of_the_command_that_wrote_it():
    assert ET.fromstring(junit([])).get("name") == "anp conformance"
    assert ET.fromstring(junit([], "anp test")).get("name") == "anp test"
