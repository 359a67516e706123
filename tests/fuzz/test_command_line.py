"""Commands called in any way at all: they end with an answer, harmless on terminals, and make no file nobody asked for.

The commands and their options are found by walking the command line itself, so a new one is fuzzed from its first day.
Those that could change nftables or build a lab are given manifests that are refused, a `--dry-run`, or an option that
there is not, so that they end early. What they do when all is well is the business of `tests/cli`.
"""

import contextlib
import io
import json
import os
import sys
import unicodedata
from pathlib import Path
from unittest import mock

import pytest
import typer.main
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anp.cli.main import app, main
from tests.cli.calling import DEMO, SMALL, environment
from tests.fuzz.trees import HOSTILE, mutated, values

CODES = {0, 1, 2, 3}
REFUSED = "apiVersion: v1\nkind: Pod\nmetadata: {name: NOT A NAME}\n"


def commands(group=None, path=()):
    """Yield every command with the words that call it."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())
FREE = {("explain",), ("compile",), ("crds",), ("diff",), ("reach",)}
"""Commands that only read and print; all others could do something to the machine, or take their time."""
MANIFESTS = {("apply",), ("lint",), ("lab", "run")}
"""Commands that end early when their manifests are refused."""
SWITCHES = (
    "--help",
    "-h",
    "--version",
    "--verbose",
    "-v",
    "--hairpin",
    "--dry-run",
    "--nonsense",
    "-",
    "--",
    "-x",
    "-vv",
)
WORDS = (
    # Directories that hold a whole machine are left out: their manifests are many, and none of ours.
    *(word for word in HOSTILE if "\0" not in word and word not in ("/", "../..")),
    *(
        "\udcff",
        "\udcff\x1b[2J",
        "\x1b]0;x\x07",
        "text",
        "json",
        "yaml",
        "left",
        "shop/web",
        "shop/db",
        "10.0.1.2",
        "80",
    ),
    *("http", "tcp", "icmp", "TCP", "0xffff0000", "0x6", "-1", "1e400", "nan", "inf", "9" * 5000, "standard", "0.05"),
    *("/dev/null", "/dev/full", "/proc/self/mem", ".", "nowhere/at/all.yaml", "x" * 300, DEMO, SMALL),
)
words = st.one_of(
    st.sampled_from(WORDS),
    st.text(st.characters(exclude_characters="\0/.", exclude_categories=["Cs"]), max_size=8),
)


class Call:
    """One call in this process, in a directory of its own, with what became of it."""

    def __init__(self, arguments, directory, stdin=b"", env=None):
        # As in a process of its own: standard error takes anything, standard output takes what is text.
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="")
        with (
            mock.patch.dict(os.environ, environment(HOME=str(directory), **(env or {})), clear=True),
            mock.patch.object(sys, "argv", ["anp", *arguments]),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            contextlib.chdir(directory),
        ):
            try:
                main()
            except SystemExit as ended:
                self.code = ended.code
        self.out, self.err = (stream.buffer.getvalue().decode() for stream in (out, err))
        self.files = sorted(path.relative_to(directory) for path in directory.rglob("*"))

    def is_an_answer(self):
        """Check what holds for every call."""
        assert self.code in CODES, (self.code, self.err)
        assert "Traceback" not in self.err + self.out
        assert "bug in anp" not in self.err
        assert self.code in {0, 1} or self.err
        for line in (*self.out.split("\n"), *self.err.split("\n")):
            assert not any(unicodedata.category(character) == "Cc" for character in line)


def options_of(command):
    """Return the options of a command by their longest names, and whether they take a value."""
    options = (parameter for parameter in command.params if parameter.param_type_name == "option")
    return {max(parameter.opts, key=len): not parameter.is_flag for parameter in options}


@st.composite
def calls(draw):
    """Draw a command and its arguments: some of its own options, with values or switches of any sort."""
    words_of, command = draw(st.sampled_from(sorted(COMMANDS.items(), key=lambda item: item[0])))
    known = options_of(command)
    arguments = []
    for name in draw(st.lists(st.sampled_from(sorted(known)), max_size=5)):
        if name in {"--directory", "--html"}:
            continue  # they are for writing files, and have tests of their own
        arguments += [name, draw(words)] if known[name] else [name]
    arguments += draw(st.lists(st.one_of(st.sampled_from(SWITCHES), words), max_size=2))
    # What is given last counts, so nothing that was drawn can undo it.
    if words_of in MANIFESTS:
        arguments += ["-f", "refused.yaml"]
    elif words_of not in FREE:
        arguments += ["--nonsense"]
    return [*words_of, *arguments]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with nothing in it but manifests that are refused."""
    directory = tmp_path_factory.mktemp("place")
    (directory / "refused.yaml").write_text(REFUSED)
    return directory


REFUSED_ONLY = [Path("refused.yaml")]


@given(calls(), st.sampled_from((b"", b"\xff", b"kind: [", REFUSED.encode(), Path(SMALL).read_bytes())))
@example(["compile", "-f", SMALL, "--node", "\x1b[2J"], b"")
@example(["compile", "-f", "\x1b[2J\x07"], b"")
@example(["compile", "-f", SMALL, "-o", "\x1b[2J"], b"")
@example(["compile", "-f", SMALL, "--\x1b]0;x\x07"], b"")
@example(["\x1b[2J"], b"")
@example(["--config", "\x1b[2J", "crds"], b"")
@example(["compile", "-f", "-", "--node", "\udcff"], b"")
@example(["explain", "-f", SMALL, "--from", "\udcff", "--to", "\x1b[2J", "--port", "9" * 5000], b"")
@example(["explain", "-f", SMALL, "--from", "shop/web", "--to", "shop/db", "--port", "\u0661"], b"")
@example(["explain", "-f", SMALL, "--from", "shop/web", "--to", "shop/db", "--port", "9" * 5000], b"")
@example(["lab", "run", "-f", "refused.yaml", "--timeout", "nan"], b"")
def test_any_call_ends_with_an_answer(place, arguments, stdin):
    call = Call(arguments, place, stdin)

    call.is_an_answer()
    assert call.files == REFUSED_ONLY


@given(st.lists(words, max_size=4))
def test_so_does_a_call_of_no_command(place, arguments):
    call = Call([*arguments, "no-command"], place)

    call.is_an_answer()
    assert call.files == REFUSED_ONLY


ENVIRONMENT = (
    "ANP_FILE",
    "ANP_NODE",
    "ANP_OUTPUT",
    "ANP_MARK_MASK",
    "ANP_CONFIG",
    "NO_COLOR",
    "COLUMNS",
    "TERM",
    "LANG",
)
QUIET = (("compile",), ("explain", "--from", "shop/web", "--to", "shop/db"), ("crds",), ("apply", "--dry-run"))


@given(st.sampled_from(QUIET), st.dictionaries(st.sampled_from(ENVIRONMENT), words, max_size=4))
def test_any_environment_does(place, arguments, env):
    call = Call(arguments, place, env=env)

    call.is_an_answer()
    assert call.files == REFUSED_ONLY


CONFIG = {
    "node": "left",
    "output": "json",
    "mark-mask": "0xffff0000",
    "compile": {"file": SMALL, "verbose": True},
    "explain": {"from": "shop/web", "to": "shop/db", "port": 5432},
    "lab": {"run": {"timeout": 1.5}},
}


@given(
    command=st.sampled_from((("compile",), ("explain",), ("crds",), ("apply", "--dry-run"))),
    content=st.one_of(
        mutated(CONFIG).map(json.dumps),
        mutated(CONFIG).map(lambda tree: yaml.safe_dump(tree, allow_unicode=True)),
        values.map(json.dumps),
        st.binary(max_size=30),
        st.sampled_from(
            ("a: 2026-13-45", "? [a]\n: b", "!!python/name:os.system", "[" * 5000, "a: &a [*a]", "node: &a {b: *a}")
        ),
    ),
)
def test_any_config_file_does(tmp_path_factory, command, content):
    path = tmp_path_factory.getbasetemp() / "anp.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    directory = tmp_path_factory.getbasetemp() / "empty"
    directory.mkdir(exist_ok=True)

    call = Call(["--config", str(path), *command], directory)

    call.is_an_answer()
    assert not call.files


@given(
    where=st.one_of(
        st.sampled_from(("new", "new/er", "refused.yaml", "/dev/null", "", ".", "x" * 300, "\x1b[2J", "é")), words
    )
)
@settings(max_examples=10)  # each makes all definitions
def test_definitions_are_written_where_they_are_asked_for(tmp_path_factory, where):
    directory = tmp_path_factory.mktemp("definitions")
    if Path(where).is_absolute() or ".." in Path(where).parts:
        where = "/dev/null"

    call = Call(["crds", "--directory", where], directory)

    call.is_an_answer()
    assert all(Path(where) in (path, *path.parents) or path in Path(where).parents for path in call.files)


def test_every_command_is_called():
    assert set(COMMANDS) >= {
        ("explain",),
        ("compile",),
        ("apply",),
        ("run",),
        ("uninstall",),
        ("crds",),
        ("lab", "run"),
    }
    assert set(COMMANDS) >= FREE | MANIFESTS
