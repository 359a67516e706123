"""Policies of one priority, and when that matters."""

import pytest

from anp.state.advice import advice
from compiler.labels import Selector
from compiler.model import Anyone, PodSelection
from tests.builders import accept, admin, cluster, deny

WEB, DATA = (PodSelection(Selector.of(), Selector.of({"app": name})) for name in ("web", "data"))
RED = PodSelection(Selector.of(), Selector.of({"team": "red"}))


def ties(*policies):
    return [
        policy.name
        for policy, path, _severity, _text in advice(cluster(*policies), learning=False)
        if path[-1:] == ("priority",)
    ]


def policy(name, subject, priority=10, **rules):
    return admin(name, subject, priority=priority, **(rules or {"ingress": [deny(Anyone())]}))


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        ([policy("a", WEB), policy("b", DATA)], []),
        ([policy("a", WEB), policy("b", RED)], ["b"]),
        ([policy("a", WEB), policy("b", DATA), policy("c", WEB)], ["c"]),
        ([policy("a", WEB), policy("b", WEB, 11)], []),
        ([policy("a", WEB), policy("b", WEB, egress=[accept(Anyone())])], []),
        ([policy("a", PodSelection()), policy("b", WEB), policy("c", DATA)], ["b", "c"]),
    ],
    ids=[
        "no pod in common",
        "a pod may be both",
        "the first of three",
        "other priorities",
        "other directions",
        "everybody",
    ],
)
def test_a_tie_is_told_where_one_pod_can_be_in_both(policies, told):
    assert ties(*policies) == told
