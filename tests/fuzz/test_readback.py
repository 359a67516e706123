"""Reading a listing that somebody, or a newer libnftables, changed: no crash, and nothing of theirs taken for ours."""

import json

from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from compiler.ruleset import Chain, Drop, ExactMap, Goto, Hook, KeyType, Ruleset
from enforcer.errors import ListingError
from enforcer.plan import plan
from enforcer.readback import parse_listing, read_listing
from enforcer.transaction import AddTable, DeleteTable
from tests.fuzz.listings import OURS, listing_of, said
from tests.fuzz.trees import at, mutated, places, texts
from tests.ruleset_strategies import rulesets

_SMALL = Ruleset(
    {"forward": Chain(((Goto("class-1"),),), Hook.FORWARD), "class-1": Chain(((Drop(),),))},
    {"class-4": ExactMap(KeyType.IPV4, {1: Goto("class-1")})},
    frozenset({"rule-a"}),
)


def _with(*more):
    """Return a listing with more in it, which comes first: so it is not what is read last that counts."""
    listing = listing_of(_SMALL)
    return _SMALL, {"nftables": [*more, *listing["nftables"]]}


@st.composite
def changed_listings(draw):
    """Draw a ruleset, and a changed listing of it."""
    ruleset = draw(rulesets())
    return ruleset, draw(mutated(listing_of(ruleset), most=2))


@given(rulesets())
def test_a_listing_is_read_as_what_it_lists(ruleset):
    assert parse_listing(json.dumps(listing_of(ruleset))) == ruleset


@given(changed_listings())
@example(_with({"chain": {**OURS, "name": "class-1", "comment": "theirs"}}))
@example(_with({"map": {**OURS, "name": "class-4", "type": "ipv4_addr", "map": "verdict"}}))
@example(_with({"chain": {**OURS, "name": "forward"}}))
@example(_with({"rule": {**OURS, "chain": "nowhere", "expr": []}}))
@example(_with({"rule": {**OURS, "chain": "class-2", "expr": [{"accept": None}]}}))
def test_a_changed_listing_is_the_same_ruleset_only_if_it_says_the_same(case):
    ruleset, listing = case
    try:
        read = parse_listing(json.dumps(listing))
    except ListingError:
        return
    operations = plan(read, ruleset).operations
    note(f"read as {read}")

    if read == ruleset:
        assert not operations
        assert said(listing) == said(listing_of(ruleset))
        return
    assert operations
    if read.foreign and not ruleset.empty:
        assert operations[:2] == (DeleteTable(), AddTable())


@settings(max_examples=min(settings.default.max_examples, 50))
@given(rulesets())
def test_one_word_more_anywhere_is_noticed(ruleset):
    listing = listing_of(ruleset)
    ours = [entry for entry in listing["nftables"] for body in entry.values() if body.get("table") == "anp"]
    for entry in ours:
        for path in places(entry):
            found = at(entry, path)
            if isinstance(found, dict):
                found["more"] = 1
                assert read_listing(listing) != ruleset, path
                del found["more"]
    assert read_listing(listing) == ruleset


@given(rulesets(), st.integers(), st.data())
def test_what_says_nothing_changes_nothing(ruleset, number, data):
    listing = listing_of(ruleset)
    for entry in listing["nftables"]:
        for body in entry.values():
            if "handle" in body:
                body["handle"] = number
            if "packets" in body:
                body["packets"] = body["bytes"] = abs(number)
    first, *rest = listing["nftables"]
    objects = [entry for entry in rest if "rule" not in entry]
    rules = [entry for entry in rest if "rule" in entry]
    shuffled = data.draw(st.permutations(objects))

    assert read_listing({"nftables": [*rules, *shuffled, first]}) == ruleset


@given(rulesets(), st.data())
def test_a_listing_that_breaks_off_is_no_listing(ruleset, data):
    text = json.dumps(listing_of(ruleset))
    cut = text[: data.draw(st.integers(0, len(text) - 1))] + data.draw(st.sampled_from(("", "}", "]}", "\0")))
    try:
        read = parse_listing(cut)
    except ListingError as error:
        assert str(error)  # noqa: PT017
        return
    assert read == ruleset


@given(texts | st.text() | st.binary().map(lambda content: content.decode("latin-1")))
@example("[" * 100_000)
@example('{"nftables":' * 5_000)
@example(
    '{"nftables": [{"rule": {"family": "inet", "table": "anp", "chain": "c", "expr": ' + "[" * 900 + "]" * 900 + "}}]}"
)
@example('{"nftables": [{"map": {"family": "inet", "table": "anp", "name": "class-4", "handle": ' + "9" * 5000 + "}}]}")
def test_any_text_is_read_or_refused(text):
    try:
        assert isinstance(parse_listing(text), Ruleset)
    except ListingError as error:
        assert len(str(error)) < 2000  # noqa: PT017
