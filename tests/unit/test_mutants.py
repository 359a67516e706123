"""The planted bugs of scripts/mutants can all be planted in the code as it is."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BUGS = yaml.safe_load((ROOT / "testdata" / "mutants.yaml").read_text())


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug["name"])
def test_a_bug_can_be_planted(bug):
    assert (ROOT / bug["file"]).read_text().count(bug["replace"]) == 1
    assert bug["with"] != bug["replace"]


def test_there_are_enough_of_them_and_no_two_share_a_name():
    names = [bug["name"] for bug in BUGS]

    assert len(set(names)) == len(names) >= 40
