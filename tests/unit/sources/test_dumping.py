"""What we write as YAML is what we, and other readers, read."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anp.sources.documents import read_documents
from anp.sources.dumping import dump

AMBIGUOUS = [
    "y",
    "n",
    "yes",
    "no",
    "on",
    "off",
    "null",
    "~",
    "true",
    "1",
    "0x1f",
    "1_000",
    "1e3",
    ".inf",
    "1:30",
    "=",
    "2026-01-01",
    "",
]
texts = st.one_of(
    st.sampled_from(AMBIGUOUS), st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
)


def ours(text):
    reading = read_documents(text, "x.yaml")
    assert not reading.diagnostics
    (document,) = reading.documents
    return document.value


@given(
    st.dictionaries(
        texts.filter(bool),
        st.one_of(texts, st.integers(), st.booleans(), st.none(), st.lists(texts, max_size=3)),
        max_size=4,
    )
)
def test_what_is_written_is_read_by_every_reader(content):
    assert yaml.safe_load(dump(content)) == content
    assert yaml.safe_load(dump(content, unicode=True, width=40)) == content


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_our_reader_takes_a_text_for_a_text(text):
    assert ours(dump({"a": {"value": text, text or "x": 1}})) == {"a": {"value": text, text or "x": 1}}
