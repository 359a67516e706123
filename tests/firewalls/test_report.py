"""Every statement is told once in every form, nobody's name breaks out of one, and words say what values say."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from anp.firewall.codes import CODES
from anp.firewall.convert.model import Settings
from anp.firewall.model import EVERY_ADDRESS, Fate, Reason
from anp.firewall.proof.model import Equality, Party, Proof
from anp.firewall.report import content
from anp.firewall.report.document import document
from anp.firewall.report.markdown import escaped, markdown
from anp.firewall.report.model import Report, Row, inspected
from anp.firewall.report.page import page
from anp.firewall.report.page_parts import SCRIPT, STYLE
from anp.firewall.report.text import lines
from anp.firewall.report.wording import Namer, outside_text, services_text
from anp.firewall.services import EVERY_SERVICE, ICMP, MAX_PORT, SCTP, TCP, UDP, Services
from anp.sources.diagnostics import Location, Severity, diagnostic, printable
from compiler.addresses import AddressSet
from tests.firewalls.chain import EXAMPLE, Chain, convert, read_firewall, read_mapping
from tests.firewalls.worlds import worlds

HOSTILE = (
    "a|b",
    "`code`",
    "two\nlines\r\n| more |",
    "</td></table><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b[0m\x07",
    "[click](http://192.0.2.1/)",
    "http://192.0.2.1/ www.example.org @somebody #1",
    "\u202etxt.exe \u2028 \x00",
    "\\|\\",
    "&lt;b&gt; &amp;",
    "# heading",
    "*bold* _under_ ~~gone~~ ![i](x)",
    "{{ template }} ${x} --> <!--",
)


@pytest.fixture(scope="module")
def example() -> Chain:
    return convert(read_firewall(EXAMPLE / "rules.v4"), read_mapping(EXAMPLE / "map.yaml"))


def text_of(report: Report, **how) -> str:
    return "\n".join(line.text for line in lines(report, **how))


class Tree(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and the text of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.rows: list[list[str]] = []
        self.ids: list[str] = []
        self.texts: dict[str, str] = {}
        self._in_row = self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append(tag)
        self._in = tag
        self.attributes += [(tag, name, value) for name, value in attributes]
        given = dict(attributes)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
            self._in_row = "td"
        if tag == "br" and self._in_row:
            self.rows[-1][-1] += "; "

    def handle_endtag(self, tag) -> None:
        if tag == "td":
            self._in_row = ""

    def handle_data(self, data) -> None:
        if self._in_row:
            self.rows[-1][-1] += data
        self.texts[self._in] = self.texts.get(self._in, "") + data


def markdown_rows(text: str) -> list[list[str]]:
    """Return the cells of all tables but their headings, as a reader sees them."""
    rows: list[list[str]] = []
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    for number, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "td_open":
            rows[-1].append("".join(child.content for child in tokens[number + 1].children or ()))
    return [row for row in rows if row]


def markdown_kinds(text: str) -> set[str]:
    """Return the kinds of elements that a text has."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    return {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}


def check_every_statement_once(report: Report) -> None:
    texts = [printable(row.statement.text) for row in report.rows]
    fates = [content.fate_text(row) for row in report.rows]

    told = document(report)["statements"]
    assert [one["number"] for one in told] == list(range(len(texts)))
    assert sum(document(report)["counts"].values()) + fates.count("to be translated") == len(texts)

    found = [row for row in markdown_rows(markdown(report)) if len(row) == 7]
    assert [row[0] for row in found] == [str(number + 1) for number in range(len(texts))]
    # Markdown knows no two spaces in a row, nor any at the ends of a cell.
    assert [" ".join(row[3].split()) for row in found] == [" ".join(text.split()) for text in texts]
    assert [row[4] for row in found] == fates

    tree = Tree(page(report))
    by_id = [name for name in tree.ids if re.fullmatch(r"s\d+", name)]
    assert by_id == [f"s{number + 1}" for number in range(len(texts))]
    cells = [row for row in tree.rows if len(row) == 6][-len(texts) :]
    assert [(row[2], row[3]) for row in cells] == list(zip(texts, fates, strict=True))

    ledger = text_of(report, verbose=True).partition("Every statement\n")[2].partition("\n\n")[0].split("\n")
    assert len(ledger) == 2 * len(texts)
    assert [line.strip() for line in ledger[1::2]] == [text.strip() for text in texts]
    assert all(fate in line for fate, line in zip(fates, ledger[::2], strict=True))


def test_every_statement_of_the_example_is_told_once(example):
    check_every_statement_once(example.report)
    check_every_statement_once(inspected(example.translation.firewall))


@given(worlds(most=5))
def test_every_statement_of_any_firewall_is_told_once(world):
    chain = convert(world.firewall, world.inventory)

    check_every_statement_once(chain.report)
    assert {row.fate for row in chain.report.rows} <= set(Fate)


def hostile(report: Report, name: str) -> Report:
    """Put a name wherever a source, a mapping or a cluster may have it."""

    def statement(one):
        return replace(one, text=name, name=name, list=name, comment=name, at=Location(name, one.at.line))

    rows = tuple(
        Row(
            statement(row.statement),
            row.fate,
            tuple(Reason(reason.code, name) for reason in row.reasons),
            tuple(name for _object in row.objects),
            tuple(map(statement, row.killers)),
        )
        for row in report.rows
    )
    gaps = tuple(
        replace(
            gap,
            sources=replace(gap.sources, entities=tuple(name for _entity in gap.sources.entities)),
            reason=gap.reason and Reason(gap.reason.code, name),
            witness=replace(gap.witness, source_name=name, destination_name=name),
            decided_by=name,
        )
        for gap in report.proof.gaps
    )
    return replace(
        report,
        source=name,
        format=name,
        mapping=name,
        rows=rows,
        proof=replace(report.proof, gaps=gaps, assumptions=(name,)),
        strength=tuple(replace(one, entity=name) for one in report.strength),
        denied=tuple(replace(one, what=name, entities=(name,)) for one in report.denied),
        places={name: next(iter(report.places.values()))},
        diagnostics=(diagnostic(Severity.ERROR, name, at=Location(name, 1), hint=name),),
    )


names = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=40))


@given(name=names)
def test_no_name_breaks_out_of_markdown(example, name):
    plain, report = markdown(hostile(example.report, "name")), hostile(example.report, name)
    text = markdown(report)

    assert text.count("\n") == plain.count("\n")
    assert markdown_kinds(text) <= markdown_kinds(plain) | {"text_special"}
    assert [len(row) for row in markdown_rows(text)] == [len(row) for row in markdown_rows(plain)]
    assert "://" not in text


@given(name=names)
def test_a_cell_of_markdown_shows_what_a_name_says_and_no_other_does(name):
    shown = " ".join(printable(name).split())

    rows = markdown_rows(f"| a | b |\n|---|---|\n| x{escaped(name)}x | end |\n")

    assert len(rows) == 1
    assert [" ".join(cell.split()) for cell in rows[0]] == [" ".join(f"x{printable(name)}x".split()), "end"]
    assert shown in " ".join(rows[0][0].split())


@given(name=names)
def test_no_name_breaks_out_of_the_page(example, name):
    plain, found = Tree(page(hostile(example.report, "name"))), Tree(page(hostile(example.report, name)))

    assert found.tags == plain.tags
    assert [(tag, attribute) for tag, attribute, _value in found.attributes] == [
        (tag, attribute) for tag, attribute, _value in plain.attributes
    ]
    assert not any(attribute.startswith("on") for _tag, attribute, _value in found.attributes)
    assert all(value.startswith("#") for _tag, attribute, value in found.attributes if attribute in {"href", "src"})


@given(name=names)
def test_no_name_moves_the_cursor_of_a_terminal(example, name):
    report = hostile(example.report, name)

    for line in lines(report, verbose=True):
        assert line.text.isprintable(), line


def test_the_page_runs_only_what_is_ours_and_asks_nobody(example):
    tree, text = Tree(page(example.report)), page(example.report)
    policy = next(value for tag, name, value in tree.attributes if name == "content" and "default-src" in value)

    for content_, directive in ((SCRIPT, "script-src"), (STYLE, "style-src")):
        digest = base64.b64encode(hashlib.sha256(content_.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert tree.texts["script"].rstrip() == SCRIPT.rstrip()
    assert not re.search(r"https?:|//[a-z]|url\(|@import", text.replace(SCRIPT, ""))


def test_every_link_of_the_page_leads_somewhere(example):
    tree = Tree(page(example.report))
    targets = {value.removeprefix("#") for _tag, name, value in tree.attributes if name == "href"}

    assert targets
    assert targets <= set(tree.ids)
    assert len(tree.ids) == len(set(tree.ids))


def test_the_page_says_everything_without_its_script(example):
    tree = Tree(page(example.report))

    hidden = [tag for tag, name, _value in tree.attributes if name == "hidden"]
    assert hidden == ["search"]


def test_what_nothing_explains_comes_first_and_is_counted(example):
    proof = example.proof
    bad = replace(proof.gaps[-1], reason=None)
    report = replace(example.report, proof=replace(proof, equality=Equality.DIFFERENT, gaps=(*proof.gaps[:-1], bad)))

    found = content.differences(report)
    text = text_of(report)

    assert [one.explained for one in found] == sorted(one.explained for one in found)
    assert not found[0].explained
    assert "DIFFERENT: 1 kind of packets differs, and nothing explains it" in text
    assert text.index("Differences that nothing explains (1)") < text.index("Differences that are explained")
    assert "UNEXPLAINED" in markdown(report)
    assert '<strong class="bad">unexplained</strong>' in page(report)
    assert report.next_steps[0].startswith("Look at what nothing explains (1)")


def test_incomplete_proofs_say_so(example):
    report = replace(example.report, proof=replace(example.proof, complete=False))

    assert "there are more, which were not looked at" in text_of(report)
    assert "there are more, which were not looked at" in markdown(report)


def test_what_is_cut_off_is_counted(example):
    text = text_of(example.report, limit=2)

    decisions = len(list(content.decisions(example.report)))
    assert f"  and {decisions - 2} more; --verbose tells them" in text
    assert "--verbose tells them" not in text_of(example.report, verbose=True)


def test_decisions_are_errors_first_and_every_warning_is_one_or_is_about_a_dead_rule(example):
    found = list(content.decisions(example.report))

    assert [one.severity for one in found] == sorted(one.severity for one in found)
    told = {(one.row.statement.number, one.reason) for one in found}
    for row in example.report.rows:
        for reason in row.reasons:
            is_dead = row in example.report.dead and reason.code == "FW301"
            weighty = CODES[reason.code].severity < Severity.INFO
            assert ((row.statement.number, reason) in told) == (weighty and not is_dead)
    folded = {code: count for code, _title, count in content.folded(example.report)}
    assert all(CODES[code].severity is Severity.INFO for code in folded)


def test_a_document_is_json_and_keeps_all_differences(example):
    found = json.loads(json.dumps(document(example.report)))

    assert (found["kind"], found["version"]) == ("TranslationReport", 1)
    assert len(found["proof"]["differences"]) == len(example.proof.gaps)


# Words.

SEGMENT = AddressSet.of("10.1.0.0/24")
EVERYTHING = AddressSet(EVERY_ADDRESS.v4) - AddressSet.of("10.1.0.7")
REST = SEGMENT - AddressSet.of("10.1.0.7")
PLACES = (("admins", AddressSet.of("10.99.0.0/16")), ("the rest of web", REST))


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        (EVERYTHING, "everything outside"),
        (EVERYTHING - REST, "everything outside but the rest of web"),
        (EVERYTHING - REST - PLACES[0][1], "everything outside but admins, the rest of web"),
        (EVERYTHING - AddressSet.of("192.0.2.0/24"), "everything outside but 192.0.2.0/24"),
        (REST, "the rest of web"),
        (PLACES[0][1] | AddressSet.of("192.0.2.1"), "admins, 192.0.2.1"),
        (
            AddressSet.of("192.0.2.1", "192.0.2.3", "192.0.2.5", "192.0.2.7"),
            "192.0.2.1, 192.0.2.3, 192.0.2.5 and 1 more",
        ),
        (AddressSet.of("10.99.0.0/17"), "10.99.0.0/17"),
    ],
)
def test_addresses_are_said_as_short_as_they_can_be(addresses, said):
    assert outside_text(addresses, EVERYTHING, PLACES) == said


@pytest.mark.parametrize(
    ("services", "said"),
    [
        (EVERY_SERVICE, "any protocol"),
        (EVERY_SERVICE - Services.of((TCP, [(80, 80)])), "everything but tcp/80"),
        (EVERY_SERVICE - Services.of((TCP, [(0, 0), (80, 80)]), (UDP, [(0, 0)])), "everything but tcp/80"),
        (Services.of((TCP, [(443, 443)])), "tcp/443"),
        (Services.of((TCP, [(1, MAX_PORT)])), "tcp"),
        (Services.every_port(TCP, UDP, SCTP), "tcp, udp, sctp"),
        (EVERY_SERVICE - Services.every_port(TCP, UDP, SCTP), "every protocol without ports"),
        (EVERY_SERVICE - Services.every_port(ICMP), "everything but icmp"),
    ],
)
def test_services_are_said_as_short_as_they_can_be(services, said):
    assert services_text(services) == said


def test_families_are_told_where_they_differ(example):
    v6 = replace(
        example.proof.gaps[0], version=6, sources=Party(("web",)), destinations=Party(("app",)), services=EVERY_SERVICE
    )
    both = replace(v6, version=4)
    proof = Proof(Equality.DIFFERENT, (v6,), (), (4, 6), 1, 1, 1, outside=EVERY_ADDRESS)

    (one,) = content.differences(replace(example.report, proof=proof))
    (two,) = content.differences(replace(example.report, proof=replace(proof, gaps=(v6, both))))

    assert one.traffic == ("web → app, any protocol over IPv6",)
    assert two.traffic == ("web → app, any protocol",)


def test_a_party_is_named_by_everything_in_it(example):
    namer = Namer(example.report)

    party = Party(("web", "app"), other_pods=True, outside=example.proof.outside)
    assert namer.party(party, 4) == "web, app and pods that are not mapped and everything outside"


def test_settings_are_told(example):
    changed = replace(example.report, settings=Settings(prefix="x", profile="ovn-k"))

    assert "profile ovn-k" in text_of(changed)
    assert document(changed)["settings"]["profile"] == "ovn-k"
