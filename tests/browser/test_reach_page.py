"""The page of `anp reach`, in a browser: what it shows, how it is used, and what it does not let happen."""

import json
import shlex

import pytest
from playwright.sync_api import expect

from anp.analysis.reach import By, reach
from anp.analysis.reach_page import MAX_GROUPS, page
from compiler.compilation import compile_cluster
from compiler.model import Action, Anyone, Rule
from tests.builders import admin, cluster, pod, pods
from tests.cli.calling import DEMO, call

pytestmark = pytest.mark.browser

NOT_JUDGED = {
    "no-governed-pod": "not judged: the address is not that of a pod which policies govern",
    "own-node": "not judged: it comes from the pod's own node",
}
REACH = {"heat0": "none", "heat1": "some", "heat2": "some", "heat3": "some", "heat4": "all"}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The page and the document that answer one question about the demo; each question is asked once."""
    known = {}

    def ask(*arguments):
        if arguments not in known:
            file = tmp_path_factory.mktemp("page") / "report.html"
            answer = call("reach", "-f", DEMO, *arguments, "--html", str(file), "-o", "json")
            assert answer.code == 0, answer.err
            known[arguments] = file.read_text(encoding="utf-8"), json.loads(answer.out)
        return known[arguments]

    return ask


@pytest.fixture
def demo(show, asked):
    """The demo's page, by namespace."""
    return show(asked()[0]).page


def told(snapshot, by=By.NAMESPACE):
    compilation = compile_cluster(snapshot)
    return page(reach(compilation, by), compilation)


def cell(page, source, destination):
    return page.locator(f'td[data-from="{source}"][data-to="{destination}"]')


def shown(page):
    """The cells that are shown, by who sends and who receives."""
    return set(
        map(
            tuple,
            page.locator("td[data-from]:visible").evaluate_all("all => all.map(c => [c.dataset.from, c.dataset.to])"),
        )
    )


def focused(page):
    return page.evaluate("() => [document.activeElement.dataset.from, document.activeElement.dataset.to]")


# What it shows.


@pytest.mark.parametrize("arguments", [(), ("--by", "workload"), ("--by", "pod", "--to", "bank", "--port", "5432")])
def test_cells_agree_with_the_document(show, asked, arguments):
    text, document = asked(*arguments)

    found = (
        show(text)
        .page.locator("td[data-from]")
        .evaluate_all(
            "all => all.map(c => [c.dataset.from, c.dataset.to, c.className, c.parentElement.cells[0].textContent,"
            " c.closest('table').rows[0].cells[c.cellIndex].textContent])"
        )
    )

    assert {(source, to): REACH[heat] for source, to, heat, _row, _column in found} == {
        (each["from"], each["to"]): each["reach"] for each in document["cells"]
    }
    assert all((source, to) == (row, column) for source, to, _heat, row, column in found)


def test_more_is_told_apart_than_everything_some_and_nothing(demo):
    expect(cell(demo, "monitoring", "(nodes)")).to_have_class("heat4")
    expect(cell(demo, "bank", "(nodes)")).to_have_class("heat3")
    expect(cell(demo, "bank", "shop")).to_have_class("heat1")
    expect(cell(demo, "bank", "clinic")).to_have_class("heat0")


def test_assistive_technology_finds_its_way(demo):
    expect(demo.get_by_role("grid", name="Who can talk to whom, by namespace")).to_be_visible()
    expect(demo.get_by_role("rowheader", name="bank", exact=True)).to_be_visible()
    expect(demo.get_by_role("columnheader", name="(outside)", exact=True)).to_be_visible()
    expect(demo.get_by_role("gridcell", name="bank to shop: tcp/8080, not between all", exact=True)).to_be_visible()
    expect(demo.get_by_role("searchbox", name="Senders")).to_be_visible()
    expect(demo.get_by_role("status")).to_have_text("7 of 7 senders, 7 of 7 receivers")
    expect(demo.get_by_role("button", name="lines of clinic", exact=True)).to_be_visible()
    assert demo.locator("td[tabindex='0']").count() == demo.locator("#graph [tabindex='0']").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_and_fits_a_narrow_window(show, asked, scheme):
    page = show(asked()[0], color_scheme=scheme, viewport={"width": 390, "height": 700}).page
    colours = page.locator(".key li, #matrix th").evaluate_all(
        "all => all.map(e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor])"
    )

    assert len({background for _text, background in colours}) == 6
    assert all(contrast(*pair) >= 4.5 for pair in colours), colours
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def contrast(*colours):
    """How well two colours are told apart, as WCAG reckons."""
    lights = []
    for colour in colours:
        red, green, blue = (int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(lights) / min(lights)


# How it is used.


def test_the_search_narrows(demo):
    everything = shown(demo)

    demo.get_by_label("Senders").fill(" BAN ")
    assert shown(demo) == {pair for pair in everything if pair[0] == "bank"}
    demo.get_by_label("Receivers").fill("o")
    assert shown(demo) == {pair for pair in everything if pair[0] == "bank" and "o" in pair[1]}
    expect(demo.get_by_role("status")).to_have_text("1 of 7 senders, 5 of 7 receivers")
    assert demo.locator("#graph g.faint").evaluate_all("all => all.map(g => g.textContent)") == ["clinicclinic"]
    demo.get_by_label("Senders").fill("nobody has this name")
    assert shown(demo) == set()

    demo.get_by_label("Senders").fill("")
    demo.get_by_label("Receivers").fill("")
    assert shown(demo) == everything


def test_keys_move_between_cells(demo):
    cell(demo, "monitoring", "clinic").focus()

    places = []
    for key in ("ArrowRight", "ArrowRight", "End", "Home", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowUp", "ArrowUp"):
        demo.keyboard.press(key)
        places.append(" ".join(focused(demo)))

    assert places == [
        "monitoring platform",  # nobody judges monitoring's only pod and itself
        "monitoring shop",
        "monitoring (outside)",
        "monitoring bank",
        "clinic bank",
        "clinic bank",  # there is nothing further left
        "monitoring bank",
        "clinic bank",
        "bank bank",
    ]
    assert demo.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert demo.locator("th.here").all_text_contents() == ["bank", "bank"]
    demo.keyboard.press("Tab")
    demo.keyboard.press("Shift+Tab")
    assert focused(demo) == ["bank", "bank"]


def test_keys_pass_over_what_is_not_shown(demo):
    demo.get_by_label("Receivers").fill("n")
    demo.get_by_label("Senders").fill("b")
    demo.keyboard.press("Enter")

    places = [focused(demo)]
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        demo.keyboard.press(key)
        places.append(focused(demo))
    assert places == [
        ["bank", "bank"],
        ["bank", "clinic"],
        ["bank", "monitoring"],
        ["bank", "(nodes)"],
        ["bank", "(nodes)"],
    ]


def test_slash_searches_and_escape_leaves(demo):
    cell(demo, "shop", "bank").click()
    demo.keyboard.press("/")
    demo.keyboard.type("ban/")

    expect(demo.get_by_label("Senders")).to_have_value("ban/")
    demo.keyboard.press("Escape")
    expect(demo.get_by_label("Senders")).to_have_value("")
    expect(demo.locator("#detail h2")).to_have_text("shop → bank")
    demo.keyboard.press("Escape")
    expect(demo.locator("#detail h2")).to_have_text("Nothing chosen")
    assert focused(demo) == ["shop", "bank"]


def test_click_and_enter_open_the_same_and_escape_closes(demo):
    cell(demo, "bank", "shop").click()
    clicked = demo.locator("#detail").inner_text()
    expect(demo.locator("[aria-selected=true]")).to_have_attribute("data-to", "shop")
    demo.get_by_role("button", name="Close").click()
    closed = demo.locator("#detail").inner_text()

    for key in ("Enter", " "):
        cell(demo, "bank", "shop").focus()
        demo.keyboard.press(key)
        assert demo.locator("#detail").inner_text() == clicked
        expect(demo.locator("[aria-selected=true]")).to_have_count(1)
        demo.keyboard.press("Escape")
        assert demo.locator("#detail").inner_text() == closed
        expect(demo.locator("[aria-selected=true]")).to_have_count(0)
        assert focused(demo) == ["bank", "shop"]
    assert "NetworkPolicy shop/web-for-everyone" in clicked


@pytest.mark.parametrize(("source", "destination"), [
    ("bank", "shop"), ("clinic", "bank"), ("monitoring", "bank"),
    ("bank", "(nodes)"), ("(outside)", "shop"), ("(nodes)", "bank"),
])  # fmt: skip
def test_it_says_what_explain_says(demo, source, destination):
    cell(demo, source, destination).click()
    examples = demo.locator("#detail").evaluate(
        "detail => [...detail.querySelectorAll('h3')].map(title => { const flow = title.nextElementSibling;"
        " const ends = flow.nextElementSibling; const lines = [...ends.children].map("
        "   li => [li.firstChild.textContent, li.querySelector('.at')?.textContent]);"
        " return [title.textContent, flow.textContent, lines, ends.nextElementSibling.textContent]; })"
    )

    assert examples
    for title, flow, ends, command in examples:
        told = json.loads(call(*shlex.split(command)[1:], "-f", DEMO, "-o", "json").out)
        decision = next(
            each for each in told["decisions"] if flow.startswith(f"{each['source']} -> {each['destination']} ")
        )
        assert title.startswith("Gets through") == decision["accepted"]
        for line, end in zip(ends, ("egress", "ingress"), strict=True):
            judged = decision[end]
            by = NOT_JUDGED.get(judged["exemption"], judged["decidedBy"]["text"])
            assert line[0] == f"{end} {'accepts' if judged['accepted'] else 'denies'}: {by}"
            if not judged["exemption"]:
                assert at_of(judged["decidedBy"], line[1])


def at_of(decided, told):
    """Whether a place is that of what decides: a rule with its line, the policies that isolate, or nothing."""
    if decided["type"] == "rule":
        return told.startswith(f"({decided['file']}:{decided['line']}:")
    if decided["type"] == "isolation":
        return told.count(f"({DEMO}") == 1
    return told is None


def test_it_names_objects_of_a_running_cluster(show):
    place = "ClusterNetworkPolicy closed (resourceVersion 7)"
    closed = admin("closed", pods("x"), ingress=[Rule(0, Action.DENY, (Anyone(),))])
    compilation = compile_cluster(cluster(closed))
    text = page(reach(compilation, By.POD), compilation, locate=lambda origin: place if "closed" in str(origin) else "")
    shown = show(text).page

    cell(shown, "y/a", "x/a").click()

    expect(shown.locator("#detail li[data-end=ingress] .at")).to_have_text(f"({place})")
    expect(shown.locator("#detail li[data-end=egress] .at")).to_have_count(0)


# The graph.


def test_the_graph_shows_everybody_and_who_reaches_whom(demo, asked):
    document = asked()[1]
    names = demo.locator("#graph g[role=button]").evaluate_all(
        "all => all.map(g => g.querySelector('text').textContent)"
    )
    assert sorted(names) == sorted(group["name"] for group in document["sources"])

    demo.get_by_role("button", name="lines of shop", exact=True).click()

    lists = demo.locator("#detail ul").evaluate_all(
        "all => all.map(ul => [...ul.querySelectorAll('button')].map(b => b.textContent))"
    )
    through = {(each["from"], each["to"]) for each in document["cells"] if each["reach"] != "none"}
    assert [set(names) for names in lists] == [
        {to for source, to in through if source == "shop"},
        {source for source, to in through if to == "shop"},
    ]
    assert demo.locator("#graph .own.outof").count() == len(lists[0])
    # What shop's pods send to one another is a line that leaves it.
    assert demo.locator("#graph .own.into").count() == len(lists[1]) - 1

    demo.locator("#detail").get_by_role("button", name="bank").first.click()
    expect(demo.locator("#detail h2")).to_have_text("shop → bank")
    expect(demo.locator("#graph .own")).to_have_count(0)
    assert focused(demo) == ["shop", "bank"]


def test_the_graph_works_by_keys(demo):
    name = "() => document.activeElement.querySelector('text').textContent"
    demo.get_by_role("button", name="lines of bank", exact=True).focus()
    for key, expected in (("ArrowRight", "clinic"), ("ArrowLeft", "bank"), ("ArrowLeft", "(outside)")):
        demo.keyboard.press(key)
        assert demo.evaluate(name) == expected

    demo.keyboard.press("Enter")
    expect(demo.locator("#detail h2")).to_have_text("(outside)")
    expect(demo.locator("g[aria-pressed=true]")).to_have_count(1)
    demo.keyboard.press("Escape")
    expect(demo.locator("#detail h2")).to_have_text("Nothing chosen")
    expect(demo.locator("g[aria-pressed=true], #graph .own")).to_have_count(0)
    assert demo.evaluate(name) == "(outside)"


def test_workloads_of_a_namespace_are_side_by_side(show, asked):
    page = show(asked("--by", "workload")[0]).page
    arcs = page.locator("#graph .arc title").evaluate_all("all => all.map(t => t.textContent)")
    assert arcs == ["bank", "clinic", "monitoring", "platform", "shop"]


# What it does not let happen.

HOSTILE = (
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "\"' onfocus=window.hit=1 autofocus x='",
    "]]><!--",
    "\u202egnp.exe",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_and_run_nothing(show, name):
    closed = admin(name, pods("x"), ingress=[Rule(0, Action.DENY, (Anyone(),), name=name)])
    # No API server takes such names of pods, but the page does not count on that.
    hostile = name.replace("/", "\u2215")
    everyone = [pod("x/a"), pod(f"{hostile}/{hostile}", "10.77.0.1")]
    page = show(told(cluster(closed, pods=everyone), By.POD)).page
    whole = f"{hostile}/{hostile}"

    page.locator("td[data-to='x/a']").first.click()
    page.get_by_label("Senders").fill(hostile)

    assert page.evaluate("[window.hit === undefined, document.scripts.length, document.images.length]") == [True, 2, 0]
    assert page.locator("tbody th").all_text_contents().count(whole) == 1
    assert page.locator("thead th").all_text_contents().count(whole) == 1
    assert page.locator("#graph title").all_text_contents().count(whole) == 1
    assert name in page.locator("#detail").text_content()
    assert page.locator("tbody tr:visible").count() == 1
    page.locator("#graph g[role=button]").last.click()
    assert page.evaluate("window.hit === undefined")


def test_nothing_else_runs_and_nothing_is_fetched(show, asked):
    seen = show(asked()[0])
    tried = seen.page.evaluate("""async () => {
      const script = document.createElement("script");
      script.textContent = "window.hit = 1";
      document.body.append(script);
      const frame = document.createElement("div");
      frame.innerHTML = "<b style='color: red' onclick='window.hit = 1'>x</b>";
      document.body.append(frame);
      frame.firstChild.click();
      const fetched = await fetch("http://127.0.0.1:9/").then(() => "fetched", error => error.name);
      return [window.hit === undefined, getComputedStyle(frame.firstChild).color === "rgb(255, 0, 0)", fetched];
    }""")

    assert tried == [True, False, "TypeError"]
    refused = [text for text in seen.complaints if "Content Security Policy" in text]
    assert len(refused) >= 4  # the script, the style, the handler, the address
    seen.complaints.clear()
    assert len(seen.requests) == 1


# Many.


def test_two_hundred_namespaces_are_usable(show):
    names = [f"team-{number:03}" for number in range(MAX_GROUPS)]
    everyone = [pod(f"{name}/web", f"10.{number}.0.1") for number, name in enumerate(names)]
    closed = admin("closed", pods("team-007"), ingress=[Rule(0, Action.DENY, (pods("team-013"),))])
    shut = cluster(closed, pods=everyone, namespaces={name: {"ns": name} for name in names})
    page = show(told(shut)).page

    # All pairs but a pod and itself, and both ways with the nodes, which have addresses, and the world outside.
    assert page.locator("td[tabindex]").count() == MAX_GROUPS * (MAX_GROUPS - 1) + 4 * MAX_GROUPS
    assert page.locator("#graph g[role=button]").count() == MAX_GROUPS + 2
    assert page.locator("td.heat0").count() == 1

    page.keyboard.press("/")
    page.keyboard.type("team-013")
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")

    expect(page.locator("#detail h2")).to_have_text("team-013 → team-007")
    assert "ingress denies: ClusterNetworkPolicy closed ingress[0]" in page.locator("#detail").inner_text()
    assert page.locator("tbody tr:not([hidden]) td[tabindex]:not([hidden])").count() == MAX_GROUPS + 1


def test_a_cell_with_the_focus_is_not_behind_the_headings(show):
    name = "a-namespace-with-a-name-as-long-as-they-come-sixty-three-letters"
    everyone = [pod(f"{name}-{number}/web", f"10.0.{number}.1") for number in range(40)]
    page = show(told(cluster(pods=everyone)), viewport={"width": 900, "height": 600}).page
    corner = page.locator("tbody tr").nth(1).locator("td").first
    corner.focus()

    for key in ["ArrowDown"] * 25 + ["ArrowRight"] * 25 + ["ArrowUp"] * 24 + ["ArrowLeft"] * 24:
        page.keyboard.press(key)
        assert page.evaluate("""() => {
          const box = document.activeElement.getBoundingClientRect();
          return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === document.activeElement;
        }"""), key
