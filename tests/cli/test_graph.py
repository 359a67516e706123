"""Drawing policies: what comes out, in how much detail, and what cannot be drawn."""

import json
from xml.etree import ElementTree as ET

import pytest

from tests.cli.calling import DEMO, call


@pytest.mark.parametrize("form", ["svg", "dot", "mermaid"])
def test_the_golden_graphs(golden, form):
    answer = call("graph", "-f", DEMO, "--format", form)

    assert answer.code == 0
    golden(f"demo.graph.{form}", answer.out)


def test_the_detail_that_fits_is_said_and_another_can_be_chosen():
    fitting = call("graph", "-f", DEMO, "--format", "dot")
    assert fitting.told == ["drawn in the detail of programs; --detail chooses another"]
    chosen = [call("graph", "-f", DEMO, "--format", "dot", "--detail", level) for level in ("policies", "rules")]

    assert [answer.err for answer in chosen] == ["", ""]
    assert len({answer.out for answer in (fitting, *chosen)}) == 3


def test_a_part_a_document_and_a_file(tmp_path):
    path = tmp_path / "graph.svg"
    answer = call("graph", "-f", DEMO, "--about", "bank", "--detail", "rules", "--out", str(path))
    assert (answer.code, answer.out) == (0, "")
    assert ET.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"

    found = json.loads(call("graph", "-f", DEMO, "--about", "Admin", "--detail", "rules", "-o", "json").out)
    assert (found["kind"], found["version"], found["detail"]) == ("Graph", 1, "rules")
    assert [tier["tier"] for tier in found["tiers"] if tier["policies"]] == ["Admin"]


def test_what_cannot_be_drawn_is_told(tmp_path):
    unknown = call("graph", "-f", DEMO, "--about", "nobody")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no tier, policy or namespace with policies is named 'nobody'" in unknown.err
    both = call("graph", "-f", DEMO, "--out", str(tmp_path / "x"), "-o", "json")
    assert both.code == 2
    nowhere = call("graph", "-f", DEMO, "--out", str(tmp_path / "none" / "x"))
    assert nowhere.code == 3
