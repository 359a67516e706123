"""Results for people and for programs: where they go, what they look like, and what is left out."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anp.cli import console, paint
from tests.cli.calling import COMMAND, DEMO, SMALL, call, environment, running, spawn

QUESTION = ("explain", "-f", SMALL, "--from", "shop/db", "--to", "shop/web", "--port", "metrics")
RESULTS = {
    "Explanation": QUESTION,
    "Compilation": ("compile", "-f", SMALL, "--node", "left"),
}


@pytest.mark.parametrize(("kind", "command"), RESULTS.items(), ids=RESULTS)
def test_documents_say_what_they_are_and_are_the_same_in_json_and_yaml(kind, command):
    as_json = json.loads(call(*command, "-o", "json").out)
    as_yaml = yaml.safe_load(call(*command, "-o", "yaml").out)

    assert as_json == as_yaml
    assert (as_json["kind"], as_json["version"]) == (kind, 1)


@pytest.mark.parametrize("command", RESULTS.values(), ids=RESULTS)
def test_a_result_goes_to_standard_output_and_nothing_else_does(command):
    answer = call(*command, "-v")

    assert answer.out
    assert "info: " not in answer.out
    assert all(": info: " in line for line in answer.told)


def test_texts_have_no_colours_where_nobody_watches():
    assert "\x1b" not in call(*QUESTION).out


# On a terminal.


def on_a_terminal(*arguments, **env):
    """Return what a terminal would be sent: standard output and error in one, as people see them."""
    ours, theirs = pty.openpty()
    process = spawn(*arguments, stdout=theirs, stderr=theirs, env=environment(**{"TERM": "xterm", **env}))
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # everybody else has closed it
            break
        if not part:
            break
        text += part
    process.wait()
    os.close(ours)
    return text.decode()


def test_terminals_get_colours():
    text = on_a_terminal(*QUESTION)

    assert "\x1b[1m\x1b[31mDENIED\x1b[0m" in text


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colours_where_they_are_not_wanted(env):
    text = on_a_terminal(*QUESTION, **env)

    assert "DENIED" in text
    assert "\x1b" not in text


def test_documents_have_no_colours_on_terminals_either():
    text = on_a_terminal(*QUESTION, "-o", "json")

    assert json.loads(text)["accepted"] is False


@pytest.mark.kernel
def test_progress_is_for_terminals():
    command = ("lab", "run", "-f", SMALL, "--timeout", "0.1")

    assert "building the lab …" in on_a_terminal(*command)
    assert call(*command).err == ""


# Texts.


class Stream:
    """Standard output that keeps what it is given; `encoding` as a locale would have it."""

    def __init__(self, encoding):
        self.encoding = encoding
        self.text = ""

    def write(self, text):
        text.encode(self.encoding)
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True


anything = st.text(st.characters(codec=None, categories=None), max_size=20)


@given(
    st.dictionaries(anything, anything | st.integers() | st.none(), max_size=4),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_documents_survive_any_text_in_any_locale_and_do_nothing_to_terminals(content, encoding):
    for output, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        stream = Stream(encoding)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", stream)

            console.document(content, output)

        assert stream.text.replace("\n", "").isprintable()
        if output == "json" or all(char.isprintable() for text in content for char in text):
            assert load(stream.text) == content


@given(st.text())
def test_paint_comes_off(text):
    text = text.replace("\x1b", "")

    assert paint.plain(paint.bold(paint.red(text))) == text


def test_a_name_that_is_no_text_can_be_told(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\x1b[2J.yaml"
    with open(name, "wb") as file:  # noqa: PTH123 - it is bytes on purpose
        file.write(b"kind: x")

    done = subprocess.run([*COMMAND, "compile", "-f", name], capture_output=True, check=False, env=environment())

    assert done.returncode == 2
    assert rb"/\udcff\x1b[2J.yaml:1:1: error: " in done.stderr


@pytest.mark.parametrize("coding", ["ascii", "latin-1"])
def test_explanations_are_told_in_any_locale(coding):
    done = subprocess.run(
        [*COMMAND, *QUESTION], capture_output=True, check=False, env=environment(PYTHONIOENCODING=coding)
    )

    assert done.returncode == 1
    assert rb"shop/db \u2192 shop/web tcp/9100: DENIED" in done.stdout
    assert done.stderr == b""


# Ends.


def test_a_reader_that_goes_away_ends_it_quietly():
    for command in (("compile", "-f", DEMO, "--node", "worker-1"), ("crds",), QUESTION, (*QUESTION, "-o", "json")):
        reading, writing = os.pipe()
        os.close(reading)
        process = spawn(*command, stdout=writing)
        os.close(writing)

        _, err = process.communicate(timeout=60)

        assert err == ""
        assert process.returncode == console.EXIT_UNREAD


def test_help_too():
    reading, writing = os.pipe()
    os.close(reading)
    process = spawn("--help", stdout=writing)
    os.close(writing)

    _, err = process.communicate(timeout=60)

    assert err == ""
    assert process.returncode != 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110
def test_a_full_disk_is_no_answer():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        process = spawn(*QUESTION, stdout=full)
        _, err = process.communicate(timeout=60)

    assert process.returncode == console.EXIT_CANNOT
    assert err == "error: cannot write the result: No space left on device\n"


def waits_for_more(process):
    """Whether a process has read all that was written to it, and sleeps until there is more."""
    (unread,) = struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)))
    state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return not unread and state == "S"


@pytest.mark.kernel
def test_ctrl_c_ends_it_quietly(tmp_path):
    with running("compile", "-f", "-", stdin=subprocess.PIPE) as process:
        process.stdin.write("# manifests\n")
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not waits_for_more(process):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        out, err = process.stdout.read(), process.stderr.read()

    assert process.returncode == console.EXIT_INTERRUPTED
    assert out == ""
    assert err == ""


def test_a_bug_is_not_taken_for_an_answer(monkeypatch, capsys):
    def broken(*_arguments, **_options):
        raise ZeroDivisionError("one of ours")

    monkeypatch.setattr("anp.cli.explain.print_explanation", broken)
    monkeypatch.setattr(sys, "argv", ["anp", *QUESTION])
    from anp.cli.main import main  # noqa: PLC0415

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == console.EXIT_BUG
    assert "ZeroDivisionError: one of ours" in capsys.readouterr().err
