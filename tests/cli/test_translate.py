"""Journeys from a firewall's rules to proven policies, and what becomes of those who lose their way."""

import json
from pathlib import Path

import pytest
import yaml

from anp.cli import translate
from anp.firewall.codes import CODES
from anp.firewall.convert.model import Closure, Tail, Target
from anp.firewall.convert.profiles import PROFILES
from anp.firewall.convert.writing import MARKER
from anp.firewall.model import Infrastructure
from tests.cli.calling import REPOSITORY, call
from tests.unit.test_docs import described, fields

EXAMPLE = REPOSITORY / "testdata" / "firewalls" / "example"
RULES, MAP, CLUSTER = str(EXAMPLE / "rules.v4"), str(EXAMPLE / "map.yaml"), str(EXAMPLE / "cluster")
V6 = """\
*filter
:FORWARD DROP [0:0]
-A FORWARD -s 2001:db8:1::/64 -d 2001:db8:2::/64 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
"""


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def convert(out):
    """Convert the example, or another source."""

    def run(*more, source=RULES, mapping=MAP, **options):
        return call("translate", "convert", source, "--map", mapping, "--out", str(out), *more, **options)

    return run


def contents(folder):
    """Everything in a folder, links too, with when it was written."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in sorted(folder.rglob("*"))
    }


# Inspect and suggest.


def test_inspect_needs_no_mapping_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    answer = call("translate", "inspect", RULES)

    assert (answer.code, answer.err) == (0, "")
    assert "25 statements: 9 implied, 4 not ours, 12 to be translated" in answer.out
    assert f"{RULES}:27: FW101 TO_WEB 3: icmp type 8" in answer.out
    assert list(tmp_path.iterdir()) == []


def test_inspect_goes_on_after_what_cannot_be_read(tmp_path):
    rules = tmp_path / "rules"
    rules.write_text(
        Path(RULES).read_text().replace("-A TO_DB -j RETURN", "-A TO_DB -p tcp --dport nonsense -j ACCEPT")
    )

    answer = call("translate", "inspect", str(rules))

    assert answer.code == 0
    assert f"{rules}:33: error: FW150" in answer.err
    assert "statements" in answer.out


def test_inspect_reads_standard_input_and_writes_documents():
    answer = call("translate", "inspect", "-", "-o", "json", stdin=Path(RULES).read_bytes())
    found = json.loads(answer.out)

    assert (found["kind"], found["version"]) == ("TranslationReport", 1)
    assert found["source"]["file"] == "<stdin>"
    assert [one["number"] for one in found["statements"]] == list(range(25))
    text = call("translate", "inspect", "-", "-o", "yaml", stdin=Path(RULES).read_bytes()).out
    assert yaml.safe_load(text) == found


def test_the_draft_of_a_mapping_is_read_again_and_nobodys_work_is_lost(tmp_path):
    draft = tmp_path / "draft.yaml"
    arguments = ("translate", "suggest", RULES, "-f", CLUSTER, "--hosts", str(EXAMPLE / "hosts.csv"))

    printed = call(*arguments)
    written = call(*arguments, "--out", str(draft))
    again = call(*arguments, "--out", str(draft))

    assert (printed.code, written.code, written.out) == (0, 0, "")
    assert draft.read_text() == printed.out
    assert [one["name"] for one in yaml.safe_load(printed.out)["entities"]] == ["postgres", "web", "old-app", "app"]
    assert again.code == 2
    assert "is there already" in again.err
    assert draft.read_text() == printed.out
    document = json.loads(call(*arguments, "-o", "json").out)
    assert document["mapping"] == yaml.safe_load(printed.out)


def test_a_draft_without_manifests_is_made_of_the_rules_alone():
    answer = call("translate", "suggest", RULES)

    assert answer.code == 0
    assert yaml.safe_load(answer.out)["kind"] == "FirewallMapping"


# Convert and prove.


def test_what_is_converted_is_written_proven_and_told(convert, out, tmp_path):
    answer = convert("--report", str(tmp_path / "r.html"), "--report", str(tmp_path / "r.md"), "--infra-allow", "dns")

    assert answer.code == 0
    assert "\nEQUAL EXCEPT WHAT IS EXPLAINED: " in answer.out
    assert sorted(path.name for path in out.rglob("*.yaml")) == [
        "app.yaml",
        "old-app.yaml",
        "postgres.yaml",
        "statements.yaml",
        "web.yaml",
    ]
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "r.md").read_text().startswith("# Translation of ")
    assert f"{out}: 5 written, 0 unchanged, 0 removed" in answer.told
    assert "FW501 DNS in kube-system" not in answer.out
    assert "FW501: accepted for the cluster's own traffic: DNS" in answer.out
    assert "FW502" in answer.out

    before = contents(out)
    assert "0 written, 5 unchanged, 0 removed" in convert("--infra-allow", "dns").err
    assert contents(out) == before


def test_the_same_is_proven_of_the_directory_alone(convert, out):
    report = json.loads(convert("-o", "json").out)

    answer = call("translate", "prove", RULES, "--map", MAP, "-f", str(out), "-o", "json")

    assert answer.code == 0
    assert answer.err == ""
    assert json.loads(answer.out)["proof"] == report["proof"]
    assert report["output"] == {
        "directory": str(out),
        "dryRun": False,
        "written": ["_manual/statements.yaml", "app.yaml", "old-app.yaml", "postgres.yaml", "web.yaml"],
        "unchanged": [],
        "removed": [],
    }


@pytest.mark.parametrize(
    ("file", "change", "rule"),
    [
        ("web.yaml", ("number: 8443", "number: 8444"), "TO_WEB 1"),
        ("postgres.yaml", ("action: Deny", "action: Pass"), "FORWARD policy"),
        ("app.yaml", ("cidr: 10.99.0.0/16", "cidr: 10.96.0.0/14"), "FORWARD policy"),
        ("app.yaml", ("198.51.100.7/32", "198.51.100.6/31"), "FORWARD policy"),
    ],
)
def test_a_change_of_one_policy_is_found_and_named(convert, out, file, change, rule):
    # Permissive, as then the rule with a limit leaves the SSH of administrators open.
    assert convert("--approx", "permissive").code == 0
    text = (out / file).read_text()
    assert change[0] in text
    (out / file).write_text(text.replace(*change))

    answer = call("translate", "prove", RULES, "--map", MAP, "-f", str(out))

    assert answer.code == 1
    assert "DIFFERENT: " in answer.out
    told = answer.out.partition("Differences that nothing explains")[2].partition("Differences that are explained")[0]
    assert f"rule {rule} ({RULES}:" in told


def test_no_policies_at_all_are_different(tmp_path):
    answer = call("translate", "prove", RULES, "--map", MAP, "-f", CLUSTER, "--limit", "1")

    assert answer.code == 1
    assert "there are no policies in" in answer.err
    assert "more; --verbose tells them" in answer.out


def test_a_dry_run_shows_what_would_change_and_changes_nothing(convert, out):
    first = convert("--dry-run")
    assert first.code == 0
    assert "+++ b/web.yaml" in first.out
    assert "EQUAL EXCEPT" in first.out
    assert not out.exists()

    convert()
    (out / "gone.yaml").write_text(f"{MARKER}\n")
    before = contents(out)
    second = convert("--dry-run", "--tail", "baseline", "-o", "json")

    assert contents(out) == before
    found = json.loads(second.out)["output"]
    assert found["dryRun"]
    assert found["removed"] == ["gone.yaml"]
    assert "web.yaml" in found["written"]
    assert "web.yaml: no change" in convert("--dry-run").out


def test_without_proof_nothing_is_claimed(convert):
    answer = convert("--no-prove")

    assert answer.code == 0
    assert "EQUAL" not in answer.out


def test_what_is_stale_goes_and_what_is_others_stays(convert, out):
    convert()
    (out / "stale.yaml").write_text(f"{MARKER}\n")
    (out / "theirs.yaml").write_text("# theirs\n")

    assert convert("--prefix", "new").code == 0
    assert not (out / "stale.yaml").exists()
    assert (out / "theirs.yaml").read_text() == "# theirs\n"
    assert "name: new-web" in (out / "web.yaml").read_text()


def test_settings_are_those_of_the_options(convert, out):
    convert("--target", "anp", "--priority", "7", "--profile", "ovn-k")
    found = [one for one in yaml.safe_load_all((out / "web.yaml").read_text()) if one["kind"] != "NetworkPolicy"]

    assert {one["kind"] for one in found} == {"AdminNetworkPolicy"}
    assert {one["spec"]["priority"] for one in found} == {7}


def test_both_families_are_one_firewall_and_two_of_one_family_stand_in_series(convert, tmp_path):
    (tmp_path / "rules.v6").write_text(V6)
    (tmp_path / "more.v4").write_text("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 192.0.2.0/24 -j DROP\nCOMMIT\n")

    both = convert(str(tmp_path / "rules.v6"), "-o", "json")
    unsaid = convert(str(tmp_path / "more.v4"))
    series = convert(str(tmp_path / "more.v4"), "--in-series", "-o", "json")

    assert both.code == 0
    assert json.loads(both.out)["proof"]["families"] == ["IPv4", "IPv6"]
    assert (unsaid.code, unsaid.out) == (2, "")
    assert "several sources speak of IPv4" in unsaid.err
    assert "--in-series" in unsaid.err
    assert series.code == 0
    told = json.loads(series.out)["statements"]
    assert {one["file"] for one in told} == {RULES, str(tmp_path / "more.v4")}
    (drop,) = (one for one in told if one["text"].endswith("-s 192.0.2.0/24 -j DROP"))
    assert drop["fate"] in {"translated", "widened"}
    assert "NetworkPolicy shop/fw-web-outside" in drop["objects"]


# What goes wrong.


def lost(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "is in no format that we recognise"),
        ("just prose\n", "is in no format that we recognise"),
        (b"\x00\xff\xfe\x80" * 50, "is in no format that we recognise"),
        ("*filter\n:FORWARD DROP\n-A FORWARD -p tcp --dport nonsense -j ACCEPT\nCOMMIT\n", "FW150"),
        ("*filter\n:FORWARD DROP\n-A FORWARD -j NOWHERE-\x1b[31m\nCOMMIT\n", "FW151"),
        ("*filter\n:FORWARD DROP\n-A FORWARD -i eth9 -j ACCEPT\nCOMMIT\n", "FW130"),
        ("*filter\n:FORWARD DROP\n-A FORWARD -d 10.20.2.0/25 -p tcp --dport 1 -j ACCEPT\nCOMMIT\n", "FW201"),
    ],
    ids=["empty", "prose", "binary", "unreadable", "escape", "interface", "cut"],
)
def test_a_source_that_makes_trouble_leaves_everything_as_it_is(convert, out, tmp_path, source, said):
    convert()
    before = contents(out)

    answer = convert(source=lost(tmp_path, "trouble", source))

    assert said in answer.err
    assert "\x1b" not in answer.out + answer.err
    assert answer.code == 2
    assert contents(out) == before


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("", "no entities"),
        ("entities: []", "no entities"),
        ("entities: [", "YAML"),
        ("- a list", "FirewallMapping"),
        ("entities: [{name: web, cidrs: [10.20.1.10], namespace: shop, lables: {a: b}}]", "did you mean labels?"),
        ("entities: [{name: web, cidrs: [10.20.1.300], namespace: shop, labels: {a: b}}]", "10.20.1.300"),
        (
            """\
entities:
- {name: a, cidrs: [10.20.1.10], namespace: shop, labels: {app: web}}
- {name: b, cidrs: [10.20.1.11], namespace: shop, labels: {tier: web}}
""",
            "FW205",
        ),
    ],
    ids=["empty", "none", "broken", "list", "misspelt", "address", "overlap"],
)
def test_a_mapping_that_makes_no_sense_leaves_everything_as_it_is(convert, out, tmp_path, mapping, said):
    convert()
    before = contents(out)

    answer = convert(mapping=lost(tmp_path, "map.yaml", mapping))

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert contents(out) == before


def test_guesses_are_refused_until_they_are_accepted(convert, out, tmp_path):
    text = Path(MAP).read_text().replace("labels: {app: web}", "labels: {app: web}\n  confidence: guess")
    mapping = lost(tmp_path, "map.yaml", text)

    refused = convert(mapping=mapping)

    assert refused.code == 2
    assert "FW209" in refused.err
    assert not out.exists()
    assert convert("--accept-guesses", mapping=mapping).code == 0


def test_what_cannot_be_read_is_passed_over_only_if_somebody_says_so(convert, out, tmp_path):
    text = Path(RULES).read_text().replace("-A TO_DB -j RETURN", "-A TO_DB -p tcp --dport nonsense -j ACCEPT")
    source = lost(tmp_path, "rules", text)

    assert convert(source=source).code == 2
    assert not out.exists()
    assert call("translate", "prove", source, "--map", MAP, "-f", CLUSTER).code == 2
    assert convert("--skip-unreadable", source=source).code == 0
    assert "nonsense" in (out / "_manual" / "statements.yaml").read_text()


def test_others_files_and_links_in_the_way_stop_everything(convert, out, tmp_path):
    out.mkdir()
    (out / "web.yaml").write_text("# by hand\n")
    answer = convert()

    assert answer.code == 3
    assert "was not written by a translation" in answer.err
    assert [path.name for path in out.rglob("*.yaml")] == ["web.yaml"]

    (out / "web.yaml").unlink()
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(f"{MARKER}\n")
    (out / "web.yaml").symlink_to(elsewhere)
    assert convert().code == 3
    assert elsewhere.read_text() == f"{MARKER}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("convert", RULES, "--out", "o"), 2, "name the mapping with --map"),
        (("convert", RULES, "--map", MAP), 2, "--out"),
        (("convert", "nowhere", "--map", MAP, "--out", "o"), 2, "cannot read nowhere: No such file"),
        (("convert", RULES, "--map", "nowhere", "--out", "o"), 2, "No such file"),
        (("convert", CLUSTER, "--map", MAP, "--out", "o"), 2, "Is a directory"),
        (("convert", RULES, "--map", MAP, "--out", "o", "--from", "klingon"), 2, "there is no provider 'klingon'"),
        (("convert", RULES, "--map", MAP, "--out", "o", "--infra-allow", "dns,everything"), 2, "there are dns, api"),
        (("convert", RULES, "--map", MAP, "--out", "o", "--prefix", "../x"), 2, "--prefix ../x"),
        (("convert", RULES, "--map", MAP, "--out", "o", "--prefix", "Big"), 2, "--prefix Big"),
        (("convert", RULES, "--map", MAP, "--out", "o", "--priority", "1001"), 2, "FW402"),
        (("convert", RULES, "--map", MAP, "--out", "o", "--report", "r.pdf"), 2, "the name must end in .md, .html"),
        (("convert", RULES, "--map", MAP, "--out", "o", "--list", "NOWHERE"), 2, "there is no chain NOWHERE"),
        (("convert", "-", "-", "--map", MAP, "--out", "o"), 2, "one of the sources only"),
        (("prove", RULES, "--map", MAP), 2, "name the policies with --file"),
        (("prove", RULES, "--map", MAP, "-f", "nowhere"), 2, "No such file"),
        (("prove", RULES, "-f", CLUSTER), 2, "name the mapping"),
        (("suggest", RULES, "-f", "nowhere"), 2, "No such file"),
        (("suggest", RULES, "--hosts", "nowhere"), 2, "No such file"),
        (("suggest", RULES, "--out", "nowhere/map.yaml"), 3, "cannot write nowhere/map.yaml"),
        (("inspect", RULES, "--report", "taken/r.md"), 3, "cannot write taken/r.md"),
        (("codes", "FW999"), 2, "there is no code FW999"),
    ],
)
def test_a_call_that_makes_no_sense_says_so(tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")

    answer = call("translate", *arguments)

    assert answer.code == code, answer.err
    assert said in answer.err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["taken"]


def test_a_directory_that_cannot_be_written_is_not_our_success(convert, out):
    out.write_text("a file")

    answer = convert()

    assert answer.code == 3
    assert "cannot write" in answer.err


# Names of others.


def test_names_in_a_source_are_words_wherever_they_come_out(convert, out, tmp_path):
    name = "a\u202eb|`c`</script><img onerror=x>\x1b[31m\x07"
    text = Path(RULES).read_text().replace("the shop", name)
    source = lost(tmp_path, "rules", text)
    page = tmp_path / "r.html"

    answer = convert("-v", "--report", str(page), source=source)

    assert answer.code == 0
    for said in (answer.out, answer.err, page.read_text(), *(path.read_text() for path in out.rglob("*.yaml"))):
        assert said.replace("\n", "").isprintable() or said == page.read_text()
        assert "\x1b" not in said
    assert "<img" not in page.read_text()
    for path in out.rglob("*.yaml"):
        assert list(yaml.safe_load_all(path.read_text())) is not None


# The example of the documentation.


def test_the_example_is_what_was_reviewed_and_is_proven_again(convert, out, monkeypatch, golden):
    monkeypatch.chdir(EXAMPLE)
    given = {"source": "rules.v4", "mapping": "map.yaml"}

    answer = convert("--infra-allow", "dns", "--report", str(out / "report.md"), **given)

    assert answer.code == 0
    for path in sorted(out.rglob("*.*")):
        golden(f"../firewalls/example/out/{path.relative_to(out)}", path.read_text())
    kept = {path.relative_to(EXAMPLE / "out") for path in (EXAMPLE / "out").rglob("*.*")}
    assert kept == {path.relative_to(out) for path in out.rglob("*.*")}
    proof = call(
        "translate", "prove", "rules.v4", "--map", "map.yaml", "-f", "out", "--infra-allow", "dns", "-o", "json"
    )
    assert proof.code == 0
    assert json.loads(proof.out)["proof"]["equality"] == "explained"


# Migration.

OLD = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: guard}
spec:
  priority: 10
  subject: {namespaces: {matchLabels: {team: shop}}}
  ingress:
  - {name: own, action: Allow, from: [{namespaces: {matchLabels: {team: shop}}}]}
  - {name: rest, action: Deny, from: [{namespaces: {}}]}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {name: default}
spec:
  subject: {namespaces: {}}
  egress:
  - {name: out, action: Deny, to: [{networks: [192.0.2.0/24]}]}
"""


def test_older_policies_become_newer_ones_with_the_same_meaning(tmp_path, out):
    source = lost(tmp_path, "old.yaml", OLD)

    answer = call("translate", "convert", source, "--from", "anp", "--out", str(out))
    document = json.loads(call("translate", "convert", source, "--from", "anp", "--out", str(out), "-o", "json").out)

    assert answer.code == 0
    assert "EQUAL: for every flow, and whatever NetworkPolicies there are" in answer.out
    assert sorted(path.name for path in out.iterdir()) == ["default.yaml", "guard.yaml"]
    assert (document["kind"], document["version"], document["equal"]) == ("PolicyMigration", 1, True)
    assert document["output"]["unchanged"] == ["default.yaml", "guard.yaml"]
    assert [(one["name"], one["tier"], one["priority"]) for one in document["policies"]] == [
        ("guard", "Admin", 10),
        ("default", "Baseline", 500),
    ]


def test_policies_beside_the_migrated_ones_are_compared_as_well(tmp_path, out):
    call("translate", "convert", lost(tmp_path, "old.yaml", OLD), "--from", "anp", "--out", str(out))
    theirs = (out / "guard.yaml").read_text().replace(MARKER, "# theirs").replace("name: guard", "name: first")
    (out / "theirs.yaml").write_text(theirs.replace("priority: 10", "priority: 1").replace("Accept", "Deny"))

    answer = call("translate", "convert", str(tmp_path / "old.yaml"), "--from", "anp", "--out", str(out))

    assert answer.code == 1
    assert "DIFFERENT" in answer.out
    assert "example: " in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((CLUSTER,), "there are no policies of administrators"),
        ((CLUSTER, CLUSTER), "name one directory or file"),
        (("nowhere",), "No such file"),
        ((CLUSTER, "--report", "r.md"), "--report is for firewalls"),
    ],
)
def test_a_migration_that_makes_no_sense_says_so(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)

    answer = call("translate", "convert", *arguments, "--from", "anp", "--out", "o")

    assert answer.code == 2
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


# What the command line says of itself.


def test_every_code_is_explained():
    listed = call("translate", "codes")

    assert [line.split()[0] for line in listed.out.splitlines()] == list(CODES)
    for code, known in CODES.items():
        answer = call("translate", "codes", code.lower())
        assert answer.out.startswith(f"{code} {known.title} ")
        assert known.meaning in answer.out
        assert known.hint in answer.out
    assert [one["code"] for one in json.loads(call("translate", "codes", "-o", "json").out)["codes"]] == list(CODES)


def test_choices_of_the_command_line_are_those_of_the_translation():
    for choice, values in (
        (translate.TargetChoice, [one.value for one in Target]),
        (translate.ClosureChoice, [one.value for one in Closure]),
        (translate.TailChoice, [one.value for one in Tail]),
        (translate.ProfileChoice, list(PROFILES)),
    ):
        assert [one.value for one in choice] == values
    assert ",".join(one.value for one in Infrastructure) == "dns,api,metrics"
    assert "dns,api,metrics" in call("translate", "convert", "-h").out


def test_every_field_of_every_document_is_described(convert, out, tmp_path):
    def told(*arguments, at_least=()):
        found = json.loads(call("translate", *arguments, "-o", "json").out)
        return {name for name in fields(found) if not name.startswith(at_least or "\0")}

    report = ("--map", MAP, "--out", str(out))
    trouble = lost(
        tmp_path, "rules", Path(RULES).read_text().replace("-A TO_DB -j RETURN", "-A TO_DB -p gre -j ACCEPT")
    )
    documents = told("inspect", RULES) | told("convert", trouble, *report) | told("convert", RULES, *report)
    documents |= told("prove", RULES, "--map", MAP, "-f", CLUSTER)
    documents |= told("convert", RULES, *report, "--target", "anp", "--infra-allow", "dns")
    one_entity = Path(MAP).read_text().partition("- name: web")[0] + "cluster: {podCIDRs: [10.244.0.0/16]}\n"
    baseline = (
        "--map",
        lost(tmp_path, "one.yaml", one_entity),
        "--out",
        str(out),
        "--target",
        "anp",
        "--tail",
        "baseline",
    )
    documents |= told("convert", RULES, *baseline)
    optional = {name for name in described("TranslationReport") if name.startswith("counts.")}

    assert documents - optional == described("TranslationReport") - optional
    assert documents <= described("TranslationReport")
    assert told("codes") == described("TranslationCodes")
    draft = told("suggest", RULES, at_least="mapping.") | {"mapping"}
    assert draft == described("MappingDraft")
    old = lost(tmp_path, "old.yaml", OLD)
    migrated = told("convert", old, "--from", "anp", "--out", str(tmp_path / "new"))
    (tmp_path / "new" / "more.yaml").write_text(OLD.replace("Allow", "Deny").replace("name: guard", "name: also"))
    different = told("convert", old, "--from", "anp", "--out", str(tmp_path / "new"))
    assert migrated | different == described("PolicyMigration")


def test_the_environment_and_the_config_file_name_the_mapping(out, tmp_path):
    config = tmp_path / "anp.yaml"
    config.write_text(f"translate:\n  convert: {{map: {MAP}, tail: baseline}}\n")

    by_environment = call("translate", "convert", RULES, "--out", str(out), env={"ANP_MAP": MAP})
    by_config = call("--config", str(config), "translate", "convert", RULES, "--out", str(out))

    assert by_environment.code == 0
    assert "tail deny" in by_environment.out
    assert by_config.code == 0
    assert "tail baseline" in by_config.out


def test_standard_input_can_be_the_mapping(convert, out):
    assert convert(mapping="-", stdin=Path(MAP).read_bytes()).code == 0
    assert (out / "web.yaml").exists()
