"""Help that teaches, at once; and the other things that every command line has."""

import re
import subprocess
import sys

import pytest
import typer.main

import anp
from anp.cli import commands
from anp.cli.main import app
from anp.cli.options import DEFAULT_MASK_TEXT
from compiler.marks import DEFAULT_MASK
from tests.cli.calling import COMMAND, call, environment


def commands_of(group, *under):
    """Yield every command as the words one types."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, *under, name)
        else:
            yield *under, name


COMMANDS = tuple(commands_of(typer.main.get_command(app)))
# They run until they are told to end, and what they have to say is in their logs.
WITHOUT_RESULT = {("admission",), ("controller",), ("agent",)}


def parts(text):
    """Commands as the help shows them, in the order of their lines."""
    section = text.partition("Commands:\n")[2].partition("\n\n")[0]
    return [line.split()[0] for line in section.splitlines()]


def test_the_help_names_every_command():
    found = parts(call("--help").out)

    assert {"explain", "compile", "apply", "run", "lab"} <= set(found)
    assert {command[0] for command in COMMANDS} == set(found)
    assert parts(call("lab", "--help").out) == ["run"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_says_what_it_does_and_how_to_call_it_and_how_it_ends(command):
    answer = call(*command, "-h")

    assert answer.code == 0
    assert answer.err == ""
    assert f"  anp {' '.join(command)}" in answer.out.replace("anp --config /etc/anp.yaml run", "anp run")
    assert re.search(r"Exit codes:\n +0   yes, or done\n +1   the answer is no\n +2 .*\n +3 ", answer.out)
    assert "<bool>" not in answer.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_first_sentence_of_a_help_fits_a_line(command):
    line = call(*command, "-h").out.splitlines()[2].strip()

    assert line.endswith(".")
    assert len(line) < 70


@pytest.mark.parametrize("command", sorted({*COMMANDS} - WITHOUT_RESULT), ids=" ".join)
def test_every_command_has_a_result_for_programs(command):
    assert "<text|json|yaml>" in call(*command, "-h").out


def examples_of(text):
    """The examples that need no cluster."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("  ") and "anp " in line]
    return [line for line in lines if "--live" not in line]


@pytest.mark.parametrize("example", list(examples_of(commands.EXPLAIN_EXAMPLES + commands.COMPILE_EXAMPLES)))
def test_the_examples_work(example, monkeypatch):
    monkeypatch.chdir(commands.__file__.rpartition("/anp/")[0])
    words = example.partition(" | ")[0].split()

    answer = call(*words[1:])

    assert answer.code in {0, 1}, answer.err
    assert answer.out
    assert answer.err == ""


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("explain", "--help"), ("run", "-h"), ("nonsense",)]
)
def test_nobody_waits_for_what_only_the_work_needs(arguments):
    look = (
        "import sys; from anp.cli import main; sys.argv = ['anp', *sys.argv[1:]]\n"
        "import atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", look, *arguments], capture_output=True, check=False, text=True, env=environment()
    )

    loaded = {module.partition(".")[0] for module in done.stderr.split()}
    assert "typer" in loaded
    assert loaded.isdisjoint(
        {"rich", "kubernetes", "kopf", "networkx", "pyroute2", "yaml", "asyncio", "nftables", "watchfiles"}
    )


def test_explaining_does_not_load_what_compiling_and_enforcing_need():
    look = (
        "import sys; sys.argv = ['anp', 'explain', '-f', 'testdata/demo', '--from', 'shop/web', '--to', "
        "'bank/ledger', '--port', '5432']\n"
        "import atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from anp.cli import main; main()"
    )

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, check=False, text=True, env=environment())

    loaded = {module.partition(".")[0] for module in done.stderr.split()}
    assert done.returncode == 1
    assert loaded.isdisjoint({"rich", "kubernetes", "kopf", "networkx", "pyroute2", "nftables", "watchfiles"})


def test_the_mask_that_options_promise_is_the_compilers():
    assert int(DEFAULT_MASK_TEXT, 0) == DEFAULT_MASK


def test_the_version():
    assert call("--version").out == f"anp {anp.__version__}\n"


def test_without_a_command_the_help_is_shown_and_nothing_is_done():
    answer = call()

    assert answer.code == 2
    assert "Commands:" in answer.err + answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explian",), "No such command 'explian'"),
        (("explain", "--frm", "a"), "No such option: --frm"),
        (("explain",), "Missing option '--from'"),
        (("lab", "run"), "Missing option '--file' / '-f'"),
        (("compile",), "name manifests with --file, or a running cluster with --live"),
        (("compile", "-f", "x", "--context", "y"), "it is about a running cluster; add --live"),
        (("compile", "-f", "x", "-o", "xml"), "'xml' is not one of 'text', 'json', 'yaml'"),
        (("lab", "run", "-f", "x", "--timeout", "0"), "greater than or equal to 0.05"),
        (("crds", "--channel", "beta"), "'beta' is not one of"),
    ],
)
def test_a_misspelt_call_says_so(arguments, said):
    answer = call(*arguments)

    assert answer.code == 2
    assert answer.out == ""
    assert said in answer.err


# Completion.


def completed(line, shell="bash"):
    words = line.split(" ")
    return subprocess.run(
        COMMAND,
        capture_output=True,
        check=True,
        text=True,
        env=environment(_ANP_COMPLETE=f"complete_{shell}", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)),
    ).stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("anp ex", ["explain"]),
        ("anp lab ", ["run"]),
        ("anp explain --fr", ["--from"]),
        ("anp compile -o j", ["json"]),
        ("anp crds --channel s", ["standard"]),
    ],
)
def test_the_shell_completes_commands_options_and_choices(line, expected):
    assert completed(line) == expected


@pytest.mark.parametrize(
    ("shell", "file"),
    [("bash", ".bash_completions/anp.sh"), ("zsh", ".zfunc/_anp"), ("fish", ".config/fish/completions/anp.fish")],
)
def test_completion_installs_itself_into_the_shell_it_is_called_from(shell, file, tmp_path, monkeypatch):
    # typer asks which shell it was called from; there may be no such shell here.
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: shell)

    answer = call("--install-completion", env={"HOME": str(tmp_path)})

    assert answer.code == 0, answer.err
    assert "_ANP_COMPLETE" in (tmp_path / file).read_text()


def test_every_option_that_the_environment_sets_begins_alike():
    names = set()
    waiting = [typer.main.get_command(app)]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        names |= {parameter.envvar for parameter in command.params if parameter.envvar}

    assert {"ANP_CONFIG", "ANP_FILE", "ANP_KUBECONFIG", "ANP_NODE", "ANP_OUTPUT"} <= names
    assert all(name.startswith("ANP_") for name in names)
