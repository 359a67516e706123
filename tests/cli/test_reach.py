"""What `anp reach` answers: a table, a list, a document, and a page for browsers that is safe to open."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anp.analysis.reach import By, reach
from anp.analysis.reach_page import page
from compiler.compilation import compile_cluster
from compiler.model import Action, Anyone, Rule
from tests.builders import admin, cluster, pod, pods
from tests.cli.calling import DEMO, SMALL, call


def document(*more, file=DEMO):
    answer = call("reach", "-f", file, *more, "-o", "json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def cells(found):
    return {(cell["from"], cell["to"]): cell for cell in found["cells"]}


def test_a_cell_has_what_gets_through_between_some_and_between_all():
    found = document()

    assert (found["kind"], found["version"], found["by"]) == ("Reach", 1, "namespace")
    assert [group["name"] for group in found["sources"]][-2:] == ["(nodes)", "(outside)"]
    cell = cells(found)["bank", "bank"]
    assert (cell["reach"], cell["traffic"], cell["always"]) == ("some", ["tcp/5432"], [])
    assert cells(found)["clinic", "bank"]["reach"] == "none"
    assert ("(nodes)", "(outside)") not in cells(found)


def test_what_is_asked_about_counts_as_everything():
    found = document("--by", "workload", "--to", "bank", "--port", "5432")

    assert found["asked"] == ["tcp/5432"]
    assert {pair for pair, cell in cells(found).items() if cell["reach"] == "all"} == {("bank/payments", "bank/ledger")}
    assert {cell["reach"] for cell in found["cells"]} == {"all", "none"}
    assert {group["name"] for group in found["destinations"]} == {"bank/ledger", "bank/payments"}


@pytest.mark.parametrize(("source", "destination", "port", "code"), [
    ("bank/payments", "bank/ledger", 5432, 0),
    ("bank/payments", "bank/ledger", 5433, 1),
    ("shop/web", "bank/ledger", 5432, 1),
    ("monitoring/prometheus", "shop/web", 9100, 0),
])  # fmt: skip
def test_it_says_what_explain_says(source, destination, port, code):
    found = document("--by", "pod", "--from", source, "--to", destination, "--port", str(port))
    told = call("explain", "-f", DEMO, "--from", source, "--to", destination, "--port", str(port))

    assert told.code == code
    assert [cell["reach"] for cell in found["cells"]] == ["none" if code else "all"]


def test_the_table_and_the_list_for_people():
    table = call("reach", "-f", DEMO, "--by", "workload", "--to", "bank", "--port", "5432").out.splitlines()
    flat = call("reach", "-f", DEMO, "--by", "workload", "--to", "bank", "--port", "5432", "--list").out

    assert "bank/ledger     -   .   X   X   X   X   X   X   X" in table
    assert flat == "bank/payments → bank/ledger: everything\n"
    assert "tcp/8443 between some, nothing between all:" in call("reach", "-f", DEMO).out.splitlines()


@pytest.mark.parametrize(("arguments", "said"), [
    (("--from", "nowhere"), "no pod is chosen by 'nowhere'; namespaces with pods are bank, clinic, monitoring"),
    (("--to", "shop/nobody"), "no pod is chosen by 'shop/nobody'"),
    (("--to", "\x1b[2J"), r"no pod is chosen by '\x1b[2J'"),
    (("--port", "0"), "--port 0: must be a number from 1 to 65535"),
    (("--port", "9" * 5000), "--port 9999"),
    (("--protocol", "gre"), "--protocol gre: there are tcp, udp and sctp"),
    (("--protocol", "icmp", "--port", "1"), "--protocol icmp: there are"),
])  # fmt: skip
def test_a_question_that_makes_no_sense_is_not_answered(arguments, said):
    answer = call("reach", "-f", DEMO, *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


# The page.


class Page(HTMLParser):
    """What a browser sees: elements with attributes, and the text of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._inside = [], {}, None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in {"script", "style"}:
            self._inside = "data" if dict(attributes).get("id") == "data" else tag

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.texts[self._inside] = self.texts.get(self._inside, "") + data


def test_the_page_needs_nothing_from_elsewhere_and_runs_its_own_script_only(tmp_path):
    answer = call("reach", "-f", SMALL, "--html", str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    seen = Page(text)

    assert answer.code == 0
    assert "report.html" in answer.err
    policy = next(a["content"] for tag, a in seen.elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for name in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(seen.texts[name].encode()).digest()).decode()
        assert rules[f"{name}-src"] == f"'sha256-{digest}'"
    attributes = {name for _tag, given in seen.elements for name in given}
    assert not attributes & {"src", "href", "action", "style", "srcdoc"}
    assert not any(name.startswith("on") for name in attributes)
    urls = re.findall(r"https?://[^\s\"']+", text)
    assert set(urls) <= {"http://www.w3.org/2000/svg"}  # a name, not a place
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(", text)


def test_the_page_has_the_matrix_and_the_rules_that_decide(tmp_path):
    call("reach", "-f", DEMO, "--html", str(tmp_path / "report.html"))
    data = json.loads(Page((tmp_path / "report.html").read_text(encoding="utf-8")).texts["data"])

    assert cells(data).keys() == cells(document()).keys()
    cell = cells(data)["bank", "bank"]
    through, dropped = cell["examples"]
    assert (through["accepted"], through["from"], through["to"]) == (True, "bank/payments", "bank/ledger")
    assert through["ingress"]["by"] == "NetworkPolicy bank/ledger-from-payments ingress[0]"
    assert dropped["accepted"] is False
    assert cell["text"] == "tcp/5432"


NASTY = ("</script><script>alert(1)</script>", "<!--", "<b>", "&lt;", '"', "\u2028", "]]>", "\x1b[2J", "\ud800", "{}")


@given(st.sampled_from(NASTY) | st.text(st.characters(codec=None, categories=None), max_size=20))
@settings(max_examples=60)
def test_names_are_text_on_the_page_and_nothing_else(name):
    deny = Rule(0, Action.DENY, (Anyone(),), name=name)
    snapshot = cluster(admin("closed", pods("x/a"), ingress=[deny]), pods=[pod("x/a"), pod("x/b")])
    compilation = compile_cluster(snapshot)

    text = page(reach(compilation, By.POD), compilation)
    plain = page(reach(compile_cluster(cluster()), By.POD), compile_cluster(cluster()))

    assert [tag for tag, _ in Page(text).elements] == [tag for tag, _ in Page(plain).elements]
    data = json.loads(Page(text).texts["data"])
    told = [example["ingress"]["by"] for cell in data["cells"] for example in cell["examples"]]
    assert any(repr(name) in by for by in told) or not name
    block = text.partition('id="data">')[2].partition("</script>")[0]
    assert block.isascii()
    assert not set("<>&") & set(block)


def test_a_page_that_cannot_be_written_is_told(tmp_path):
    answer = call("reach", "-f", SMALL, "--html", str(tmp_path / "nowhere" / "report.html"))

    assert answer.code == 3
    assert "cannot write" in answer.err
