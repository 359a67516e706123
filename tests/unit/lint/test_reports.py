"""Reports of lint for other programs: whatever things are called, they are texts in there and nothing else."""

import json
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

from hypothesis import example, given
from hypothesis import strategies as st

from anp.analysis.lint.findings import Finding, Related
from anp.analysis.lint.junit import junit
from anp.analysis.lint.linter import LintReport
from anp.analysis.lint.sarif import sarif
from anp.sources.diagnostics import Location, Severity, printable

anything = st.text(st.characters(codec=None, categories=None), min_size=1, max_size=12)
# What a system call gives as the name of a file: any bytes but these two.
files = (
    st.binary(min_size=1, max_size=12)
    .map(lambda name: name.translate(None, b"\0/").decode("utf-8", "surrogateescape"))
    .filter(bool)
)
HOSTILE = "</failure><!-- ]]> &lt; \x00\x1b[2J\u202e\ud800\ufffe\n"


@given(anything, anything, anything, files)
@example(HOSTILE, HOSTILE, HOSTILE, "a b#c?\udcff%2f\n.yaml")
def test_hostile_names_are_texts_and_nothing_else(name, message, reason, file):
    at = Location(file, 3, 5)
    found = Finding(
        "ANP101", Severity.WARNING, f"NetworkPolicy {name}", at, ("spec", name), message,
        related=(Related(name, at, "takes it first"),),
    )  # fmt: skip
    report = LintReport((found,), ((found, reason),), ("ANP101", "ANP102"))

    (suite,) = ET.fromstring(junit(report, Severity.WARNING).encode())
    (told,) = ET.fromstring(junit(report, None).encode())
    log = json.loads(json.dumps(sarif(report)).encode())

    assert [[child.tag for child in case] for case in suite] == [["failure"], []]
    assert [[child.tag for child in case] for case in told] == [["system-out"], []]
    for text in (suite[0][0].text, told[0][0].text):
        assert text == str(found)
        assert f"NetworkPolicy {printable(name)}" in text
    results = log["runs"][0]["results"]
    assert len(results) == 2
    for result in results:
        assert result["message"]["text"].isprintable()
        assert printable(message) in result["message"]["text"]
        assert printable(name) in result["relatedLocations"][0]["message"]["text"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert not set(' "<>#?\\^`{|}\n') & set(uri)
        assert unquote_to_bytes(uri) == file.encode("utf-8", "surrogateescape")
    assert results[1]["suppressions"][0]["justification"] == printable(reason)
