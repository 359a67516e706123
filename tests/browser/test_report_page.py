"""The report of a translation as a page, in a browser: what its filter does, and what names cannot do."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from anp.firewall.report import content
from anp.firewall.report.page import page
from anp.sources.diagnostics import printable
from tests.firewalls.chain import EXAMPLE, convert, read_firewall, read_mapping

pytestmark = pytest.mark.browser

HOSTILE = (
    "</td></tr></table><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<style>tr { display: none }</style>",
    "<a href='javascript:alert(1)'>click</a>",
    "</script><script>alert(1)</script><!--",
    "&lt;b&gt; &amp; \x1b[31m \u202e",
)


@pytest.fixture(scope="module")
def report():
    return convert(read_firewall(EXAMPLE / "rules.v4"), read_mapping(EXAMPLE / "map.yaml")).report


@pytest.fixture
def opened(show, report):
    return show(page(report)).page


def numbers(page):
    """The statements that are shown, by their numbers."""
    return [int(text) for text in page.locator("#statements tbody tr:visible td:first-child").all_inner_texts()]


def of(report, fits):
    return [row.statement.number + 1 for row in report.rows if fits(row)]


def choices(page, name):
    return page.locator(f"#{name} option").evaluate_all("all => all.map(o => o.value)")[1:]


def test_it_opens_with_everything_and_says_so(opened, report):
    expect(opened).to_have_title(content.title(report))
    expect(opened.get_by_role("status")).to_have_text(f"{len(report.rows)} of {len(report.rows)}")
    assert numbers(opened) == of(report, lambda row: True)


def test_the_filter_by_fate_leaves_those_with_it(opened, report):
    fates = choices(opened, "fate")
    assert set(fates) == {content.fate_text(row) for row in report.rows}
    for fate in fates:
        opened.locator("#fate").select_option(fate)
        wanted = of(report, lambda row, fate=fate: content.fate_text(row) == fate)
        assert numbers(opened) == wanted
        expect(opened.get_by_role("status")).to_have_text(f"{len(wanted)} of {len(report.rows)}")


def test_the_filter_by_code_leaves_those_with_it(opened, report):
    codes = choices(opened, "code")
    assert set(codes) == {reason.code for row in report.rows for reason in row.reasons}
    for code in codes:
        opened.locator("#code").select_option(code)
        assert numbers(opened) == of(report, lambda row, code=code: code in [one.code for one in row.reasons])


def test_the_filter_by_text_is_of_any_case_and_adds_to_the_others(opened, report):
    def fits(row):
        return "-a to_web" in row.statement.text.lower()

    opened.get_by_label("Text").fill("-a TO_web")
    assert numbers(opened) == of(report, fits)
    fate = next(content.fate_text(row) for row in report.rows if fits(row))
    opened.locator("#fate").select_option(fate)
    assert numbers(opened) == of(report, lambda row: fits(row) and content.fate_text(row) == fate)
    opened.get_by_label("Text").fill("no rule says this")
    assert numbers(opened) == []
    expect(opened.get_by_role("status")).to_have_text(f"0 of {len(report.rows)}")


def test_a_link_to_a_statement_that_is_hidden_shows_it(opened, report):
    opened.get_by_label("Text").fill("no rule says this")
    opened.locator("a[href^='#s']").first.click()
    expect(opened.get_by_role("status")).to_have_text(f"{len(report.rows)} of {len(report.rows)}")
    expect(opened.locator("tr:target")).to_be_visible()
    expect(opened.get_by_label("Text")).to_have_value("")


def test_hostile_names_are_text(show, report):
    rows = [
        replace(row, statement=replace(row.statement, text=name, list=name, name=name), objects=(name,))
        for row, name in zip(report.rows, HOSTILE, strict=False)
    ]
    hostile = replace(report, rows=(*rows, *report.rows[len(rows) :]))

    opened = show(page(hostile)).page

    assert numbers(opened) == of(report, lambda row: True)
    assert opened.locator("#statements tbody code").all_inner_texts()[: len(rows)] == [*map(printable, HOSTILE)]
    assert opened.locator("script").count() == opened.locator("style").count() == 1
    assert opened.locator("img").count() == 0
    assert opened.locator("a:not([href^='#'])").count() == 0
    opened.get_by_label("Text").fill(HOSTILE[0])
    assert numbers(opened) == [1]


def test_without_script_everything_is_there_and_no_filter(show, report):
    opened = show(page(report), java_script_enabled=False).page

    assert numbers(opened) == of(report, lambda row: True)
    expect(opened.locator("#filter")).to_be_hidden()
    expect(opened.locator("p.verdict")).to_be_visible()
