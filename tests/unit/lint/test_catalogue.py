"""Every kind of finding: its example has it, and what is almost the same has not."""

import re

import pytest

from anp.analysis.lint.catalogue import CATALOGUE, CLUSTER, FAMILIES
from anp.analysis.lint.linter import LintReport, Wanted, lint
from anp.sources.manifests import parse
from anp.state.cluster import cluster_of
from docs.generate import HERE as DOCS
from docs.generate import pages as made_pages

OPEN = "  podSelector: {}\n  policyTypes: [Ingress]"
"""The NetworkPolicy of an example that isolates a namespace."""


def linted(text: str, cluster: str = CLUSTER, **wanted) -> LintReport:
    whole = f"{cluster}---\n{text}"
    read = cluster_of(parse(whole, "all.yaml"), invent=True)
    assert read.sound, read.diagnostics
    return lint(read, {"all.yaml": whole}, Wanted(**wanted))


def codes(text: str, cluster: str = CLUSTER) -> set[str]:
    return {found.code for found in linted(text, cluster).findings}


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_example_of_a_code_has_the_finding(code):
    check = CATALOGUE[code]
    found = [each for each in linted(check.example).findings if each.code == code]

    assert found
    assert {each.severity for each in found} == {check.severity}
    assert all(each.at.file == "all.yaml" and each.at.line > CLUSTER.count("\n") for each in found)


@pytest.mark.parametrize("code", [code for code, check in CATALOGUE.items() if check.severity < 3])
def test_the_example_of_a_code_has_no_finding_of_another_that_matters(code):
    alike = {found.code for found in linted(CATALOGUE[code].example).findings if found.severity < 3}
    assert alike <= {code, "ANP107"}  # suppressions are shown on a Pass with nothing behind it


ANYBODY = "from: [{namespaces: {}}]"
BANK = "from: [{namespaces: {matchLabels: {team: bank}}}]"
SHOP = "from: [{namespaces: {matchLabels: {team: shop}}}]"
WEB = "protocols: [{tcp: {destinationPort: {number: 80}}}]"
ALL_TCP = "protocols: [{tcp: {destinationPort: {range: {start: 1, end: 65535}}}}]"
NAMED = "protocols: [{destinationNamedPort: later}]"
IN_BANK = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: some, namespace: bank}
spec: {podSelector: {}}
"""
TWENTIETH = "        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-19}}\n"

NEAR_MISSES = {
    # What of the example is replaced, and by what; without the former, the latter is added.
    "ANP101": [
        (ANYBODY, f"{ANYBODY}\n      {WEB}"),
        (ANYBODY, BANK),
        ("- action: Accept", "- action: Deny"),
    ],
    "ANP102": [
        (ANYBODY, BANK),
        (f"- action: Deny\n      {SHOP}", f"- action: Accept\n      {SHOP}"),
        (ANYBODY, f"{ANYBODY}\n      {ALL_TCP}"),
    ],
    "ANP103": [("- action: Accept", "- action: Deny"), (ANYBODY, f"{ANYBODY}\n      {WEB}")],
    "ANP104": [("- action: Accept", "- action: Deny"), (ANYBODY, BANK)],
    "ANP105": [
        (ANYBODY, BANK),
        ("- action: Accept", "- action: Deny"),
        # Other words for the same fate: nothing comes after a Pass here.
        ("- action: Deny", "- action: Pass"),
        ("{name: let-in}\nspec:\n  tier: Admin\n  priority: 10", "{name: let-in}\nspec:\n  tier: Admin\n  priority: 9"),
    ],
    "ANP106": [("- action: Accept", "- action: Deny")],
    "ANP107": [("- action: Pass", "- action: Accept"), ("", IN_BANK)],
    "ANP108": [
        ("  podSelector: {}\n", "  podSelector: {matchLabels: {app: web}}\n"),
        ("policyTypes: [Ingress]", "policyTypes: [Egress]"),
    ],
    "ANP109": [
        ("- action: Deny\n", f"- action: Deny\n      {WEB}\n"),
        ("podSelector: {}", "podSelector: {matchLabels: {app: none}}"),
    ],
    "ANP201": [("team: archive", "team: shop")],
    "ANP202": [("team: archive", "team: bank")],
    "ANP203": [("operator: DoesNotExist", "operator: Exists"), ("key: team", "key: tier")],
    "ANP204": [("shopp", "shop"), ("shopp", "shop22"), ("shopp", "shop2"), ("shopp", "market")],
    "ANP205": [("app: agent", "app: scraper")],
    "ANP206": [('"matchLabel"', '"matchLabels"')],
    "ANP301": [("htpp", "http")],
    "ANP302": [("subject: {namespaces: {}}", "subject: {pods: {podSelector: {matchLabels: {app: web}}}}")],
    "ANP303": [("10.1.0.0/16", "10.2.0.0/16"), ("10.1.0.0/16", "0.0.0.0/0")],
    "ANP304": [("0.0.0.0/0", "0.0.0.0/0, except: [10.0.0.0/8]")],
    "ANP401": [("app: web}}\n  policyTypes", "app: ledger}}\n  policyTypes"), ("[Egress]", "[Ingress]")],
    "ANP402": [
        ("ports: [{port: 5432}]", "ports: [{port: 5432}, {port: 53, protocol: UDP}]"),
        ("egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]", "egress: []"),
        ("policyTypes: [Egress]", "policyTypes: [Ingress]"),
    ],
    "ANP501": [(TWENTIETH, "")],
    "ANP502": [("priority: 500", "priority: 99")],
    "ANP503": [("priority: 19\n", "priority: 18\n")],
    "ANP601": [("ignore ANP107", "ignore ANP107 tenants will decide by and by")],
    "ANP602": [(SHOP, f"{ANYBODY}\n      {NAMED}")],
    "ANP603": [("ANP999", "ANP301")],
}


def test_every_code_has_a_near_miss():
    assert set(NEAR_MISSES) == set(CATALOGUE)


@pytest.mark.parametrize(
    ("code", "old", "new"), [(code, *pair) for code, pairs in NEAR_MISSES.items() for pair in pairs]
)
def test_what_is_almost_the_same_has_no_such_finding(code, old, new):
    example = CATALOGUE[code].example
    if not old:
        text = example + new
    else:
        assert old in example
        text = example.replace(old, new)

    assert code not in codes(text)


# What it takes more than one policy, or another cluster, to see.


def test_several_rules_shadow_one_together():
    text = (
        CATALOGUE["ANP101"].example.replace(
            "    - action: Deny\n      from: [{namespaces: {}}]\n",
            "    - action: Deny\n      from: [{namespaces: {}}]\n"
            "      protocols: [{tcp: {destinationPort: {range: {start: 1, end: 100}}}}]\n"
            "    - action: Deny\n      from: [{namespaces: {}}]\n"
            "      protocols: [{tcp: {destinationPort: {range: {start: 101, end: 300}}}}]\n",
        )
        + "      protocols: [{tcp: {destinationPort: {range: {start: 90, end: 110}}}}]\n"
    )
    (found,) = (each for each in linted(text).findings if each.code == "ANP101")

    assert found.lasting
    assert len(found.related) == 2
    assert "2 rules before it take all" in found.message


def test_what_holds_for_the_pods_of_today_only_is_milder_and_says_so():
    # Operators' pods are all in ops today.
    text = (
        CATALOGUE["ANP101"]
        .example.replace("{namespaces: {}}]", "{namespaces: {matchLabels: {role: operators}}}]")
        .replace("team: shop", "kubernetes.io/metadata.name: ops")
    )
    (found,) = (each for each in linted(text).findings if each.code == "ANP101")

    assert (found.severity.label, found.lasting) == ("info", False)
    assert "with the pods there are at present" in found.message


def test_a_rule_about_nobody_is_shadowed_too_where_selectors_imply_it():
    text = CATALOGUE["ANP101"].example.replace("team: shop", "team: archive")
    (found,) = (each for each in linted(text).findings if each.code == "ANP101")

    assert found.lasting
    assert "matches nothing at present" in found.message


def test_without_pods_nothing_is_said_of_selectors_that_select_none():
    assert not {"ANP201", "ANP202"} & codes(CATALOGUE["ANP201"].example, "")


def test_addresses_that_were_made_up_are_not_held_against_networks():
    made_up = re.sub(r"\nstatus: {podIPs.*", "", CLUSTER)

    assert "ANP303" in codes(CATALOGUE["ANP303"].example)
    for network in ("10.0.0.0/8", "10.244.0.0/16"):
        assert "ANP303" not in codes(CATALOGUE["ANP303"].example.replace("10.1.0.0/16", network), made_up)


def test_exceptions_that_take_all_of_a_block_are_told():
    text = CATALOGUE["ANP304"].example.replace(
        "cidr: 0.0.0.0/0", "cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/9]"
    )

    assert "ANP203" in codes(text)


# Words about them.


def test_codes_and_names_are_each_there_once_and_have_all_their_words():
    assert len({check.name for check in CATALOGUE.values()}) == len(CATALOGUE)
    for code, check in CATALOGUE.items():
        assert check.code == code
        assert re.fullmatch(r"ANP[1-9][0-9]{2}", code)
        assert sum(code.startswith(family) for family in FAMILIES) == 1
        assert check.title[0].isupper()
        assert not check.title.endswith(".")
        assert check.why.endswith(".")
        assert not check.fix.endswith(".")
        assert "kind: " in check.example


def test_the_page_about_them_is_fresh():
    assert (DOCS / "reference/lint.md").read_text(encoding="utf-8") == made_pages()["reference/lint.md"], (
        "run scripts/reference"
    )
