"""The documentation is true: commands print what pages show, links lead somewhere, what is named exists."""

import ast
import json
import re
import shlex
import subprocess
from functools import cache

import pytest
import yaml
from typer.testing import CliRunner

from anp.cli.main import app
from anp.sources.diagnostics import has_errors
from anp.sources.manifests import parse
from docs.generate import HERE as DOCS
from docs.generate import pages as made_pages
from tests.transcripts import ROOT, Page, run, same

PAGES = [
    Page.read(path)
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))
]
IN_A_SHELL = (pytest.mark.kernel, pytest.mark.slow)
TRANSCRIPTS = [
    pytest.param(page, id=page.name, marks=() if all(c.builtin for c in page.commands()) else IN_A_SHELL)
    for page in PAGES
    if page.commands()
]
PACKAGES = ("anp", "compiler", "enforcer")


def every(pages=PAGES):
    return pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in pages])


# Transcripts.


@pytest.mark.parametrize("page", TRANSCRIPTS)
def test_commands_print_what_the_page_shows(page, tmp_path, monkeypatch, request, golden):
    monkeypatch.chdir(tmp_path)
    for name in ("ANP_FILE", "ANP_NODE", "ANP_CONFIG", "ANP_MARK_MASK", "ANP_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    commands = page.commands()

    printed = run(commands, tmp_path)

    assert len(printed) == len(commands)
    if request.config.getoption("--update-golden"):
        page.path.write_text(page.with_outputs(printed), encoding="utf-8")
        return
    for command, output in zip(commands, printed, strict=True):
        assert same(command.shown, output), f"$ {command.line}\n--- shown\n{command.shown}--- printed\n{output}"


def test_what_is_not_printed_is_not_the_same():
    assert same("one ... three\n", "one two three  \n\n")
    assert not same("one ... three\n", "one two\n")
    assert not same("", "something\n")


@every()
def test_other_shell_blocks_name_only_what_is_there(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for block in page.blocks():
        if block.language != "sh":
            continue
        for line in block.text.splitlines():
            words = shlex.split(line.partition(" | ")[0], comments=True)
            if words[:1] == ["sudo"]:
                words = words[1:]
            if words[:1] == ["make"]:
                assert {word for word in words[1:] if "=" not in word} <= targets, line
            elif words and "/" in words[0]:
                assert words[0].startswith(".venv/") or (ROOT / words[0]).exists(), line
            elif words[:1] == ["anp"]:
                usages = [
                    CliRunner().invoke(app, [*args, "--help"], prog_name="anp").output for args in ([], words[1:])
                ]
                assert all(word in "".join(usages) for word in words if word.startswith("--")), line


@every()
def test_manifests_shown_are_sound(page):
    for block in page.blocks():
        if block.language == "yaml" and "kind:" in block.text:
            found = parse(block.text, page.name).diagnostics
            assert not has_errors(found), found
        elif block.language == "yaml":
            yaml.safe_load(block.text)
        elif block.language == "json":
            json.loads(block.text)


@every()
def test_python_shown_runs(page):
    for block in page.blocks():
        if block.language == "python":
            exec(compile(block.text, page.name, "exec"), {})


def test_the_demo_suggests_what_works():
    script = (ROOT / "scripts" / "demo").read_text()
    suggested = re.findall(r"^ *(?:run )?\"?\$anp\"? (explain [^|\n]*)", script, re.MULTILINE)
    codes = []
    assert len(suggested) >= 4
    for line in suggested:
        arguments = shlex.split(line.replace("$cluster", str(ROOT / "testdata" / "demo")).replace('"', ""))
        codes.append(CliRunner().invoke(app, arguments).exit_code)

    assert set(codes) == {0, 1}


@pytest.mark.kernel
@pytest.mark.slow
def test_the_demo_comes_to_its_end():
    demo = subprocess.run([ROOT / "scripts" / "demo"], capture_output=True, check=False, text=True, timeout=60)

    assert (demo.returncode, demo.stderr) == (0, "")
    assert "connections as meant" in demo.stdout
    assert demo.stdout.rstrip().endswith("a cluster of your own.")


# Links and names.


def slug(heading):
    plain = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def prose(text):
    """A page without its blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(path):
    return {slug(found) for found in re.findall(r"^#+ (.*)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)}


def links(text):
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "code", prose(text)))


@every()
def test_links_lead_somewhere(page):
    for target in links(page.text):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.path.parent / file).resolve() if file else page.path
        assert path.exists(), target
        assert path.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(path), target


@cache
def known_tests():
    found = set()
    for path in (ROOT / "tests").rglob("*.py"):
        found |= set(re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8")))
    return found


@every()
def test_tests_and_files_that_are_named_exist(page):
    for name in re.findall(r"`([\w./-]+)`", prose(page.text)):
        if name.startswith("test_"):
            assert name.removesuffix(".py") in known_tests() or list((ROOT / "tests").rglob(name)), name
        elif name.startswith(
            (*(f"{p}/" for p in PACKAGES), "tests/", "docs/", "testdata/", "scripts/", "crds/", "bench/")
        ):
            assert (ROOT / name).exists() or name == "bench/RESULTS.md", name


def test_every_section_that_code_refers_to_is_there():
    semantics = (DOCS / "semantics.md").read_text(encoding="utf-8")
    there = set(re.findall(r"^#+ (\d\.\d+) ", semantics, re.MULTILINE))
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for group in re.findall(r"\((?:semantics\.md )?((?:[12]\.\d+(?:, | to | and )?)+)\)", path.read_text()):
                assert set(re.findall(r"[12]\.\d+", group)) <= there, path


def test_every_page_can_be_reached_from_the_readme():
    reached, pending = set(), [ROOT / "README.md"]
    while pending:
        path = pending.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        inside = [target for target in links(path.read_text(encoding="utf-8")) if "://" not in target]
        pending += [(path.parent / target.partition("#")[0]).resolve() for target in inside]

    assert {page.path for page in PAGES} - reached == set()


# The reference.


@pytest.mark.parametrize("name", ["reference/cli.md", "reference/api.md"])
def test_made_pages_are_fresh(name):
    assert (DOCS / name).read_text(encoding="utf-8") == made_pages()[name], "run scripts/reference"


@cache
def texts():
    """All that the code can say, piece by piece."""
    pieces = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            pieces |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return pieces


def rows(page, column=0):
    """The code in one column of all tables of a page."""
    text = prose((DOCS / page).read_text(encoding="utf-8"))
    cells = [line.strip("|").split(" | ")[column].strip() for line in text.splitlines() if line.startswith("| `")]
    return [cell.strip("`") for cell in cells]


@pytest.mark.parametrize("message", rows("reference/diagnostics.md"))
def test_messages_are_those_of_the_code(message):
    for piece in message.split("…"):
        assert any(piece.strip() in text for text in texts()), piece


def fields(value, path=""):
    """The fields of a JSON document, as output.md writes them; those of `ingress` are those of `egress`."""
    found = set()
    match value:
        case dict():
            for name, below in value.items():
                found |= fields(below, f"{path}.{name}".lstrip("."))
        case list():
            found.add(path)
            for entry in value:
                found |= fields(entry, f"{path}[]") - {f"{path}[]"}
        case _:
            found.add(path)
    return {name.replace(".ingress", ".egress") for name in found}


def described(kind):
    """The fields that output.md describes for a kind."""
    text = (DOCS / "reference" / "output.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    return {name.replace(".ingress", ".egress") for name in re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)}


def document(*arguments):
    return json.loads(CliRunner().invoke(app, [*arguments, "-o", "json"]).stdout)


DEMO = str(ROOT / "testdata" / "demo")
EXPLAINED = (("shop/web", "bank/ledger", "5432"), ("clinic/portal", "shop/web", "8080"), ("192.0.2.9", "shop/web", "1"))


def test_every_field_of_an_explanation_is_described(tmp_path):
    unknown = tmp_path / "closed.yaml"
    unknown.write_text(CLOSED, encoding="utf-8")
    documents = [document("explain", "-f", DEMO, "--from", a, "--to", b, "--port", c) for a, b, c in EXPLAINED]
    documents.append(document("explain", "-f", str(unknown), "--from", "x/a", "--to", "x/b", "--port", "1"))

    assert set().union(*map(fields, documents)) == described("Explanation")


def test_every_field_of_a_compilation_is_described():
    found = document("compile", "-f", DEMO, "--node", "worker-1")

    assert fields(found) == described("Compilation")


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("LabRun", ["lab", "run", "-f", DEMO]),
        ("Applied", ["apply", "-f", DEMO, "--node", "worker-1"]),
        ("Plan", ["apply", "-f", DEMO, "--node", "worker-1", "--dry-run"]),
        ("Uninstalled", ["uninstall"]),
    ],
)
def test_every_field_that_needs_the_kernel_is_described(kind, command):
    anp = str(ROOT / ".venv" / "bin" / "anp")
    done = subprocess.run(
        ["unshare", "--net", anp, *command, "-o", "json"], capture_output=True, check=False, text=True, timeout=60
    )

    assert fields(json.loads(done.stdout)) == described(kind)


CLOSED = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: closed}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress:
    - action: Deny
      to: [{namespaces: {matchExpressions: [{key: x, operator: Near}]}}]
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x}
spec: {containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x}
spec: {containers: [{name: b, image: b}]}
"""
