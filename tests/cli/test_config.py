"""Defaults from a file and from the environment, and which of them wins."""

import json

import pytest

from tests.cli.calling import SMALL, call

QUESTION = ("explain", "--from", "shop/web", "--to", "shop/db", "--port", "5432")


@pytest.fixture
def config(tmp_path):
    """Write a config file and return its path."""

    def write(text):
        path = tmp_path / "anp.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_a_config_file_sets_options_for_all_commands(config):
    path = config(f"file: {SMALL}\noutput: json\nnode: left\n")

    assert json.loads(call("--config", path, *QUESTION).out)["kind"] == "Explanation"
    assert json.loads(call("--config", path, "compile").out)["node"] == "left"
    assert json.loads(call("compile", env={"ANP_CONFIG": path}).out)["node"] == "left"


def test_what_is_for_one_command_wins_over_what_is_for_all(config):
    path = config(f"file: {SMALL}\nnode: left\noutput: json\ncompile: {{node: right}}\n")

    assert json.loads(call("--config", path, "compile").out)["node"] == "right"


def test_a_group_of_commands_has_sections_in_its_section(config):
    for text in (
        "timeout: 77",
        "lab: {timeout: 77}",
        "lab: {run: {timeout: 77}}",
        "lab: {timeout: 1, run: {timeout: 77}}",
    ):
        answer = call("--config", config(text), "lab", "run", "-f", SMALL)

        assert answer.code == 2
        assert "--timeout" in answer.err


def test_names_with_dashes_are_as_on_the_command_line(config):
    answer = call("--config", config("mark-mask: 5"), "compile", "-f", SMALL)

    assert answer.told == ["error: --mark-mask 5: must be one run of two or more of 32 bits, such as 0xffff0000"]


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(config):
    path = config(f"file: {SMALL}\nnode: nobody\noutput: json\n")

    assert json.loads(call("--config", path, "compile", env={"ANP_NODE": "left"}).out)["node"] == "left"
    assert (
        json.loads(call("--config", path, "compile", "--node", "right", env={"ANP_NODE": "left"}).out)["node"]
        == "right"
    )


def test_an_option_that_can_be_repeated_is_given_once_in_a_config_file(config):
    path = config("conformance: {suite: services, judge: meaning}\n")

    answer = call("--config", path, "conformance", "--list", "-o", "json")

    assert {test["suite"] for test in json.loads(answer.out)["tests"]} == {"services"}


def test_an_empty_config_file_changes_nothing(config):
    assert call("--config", config("# nothing\n"), *QUESTION, "-f", SMALL) == call(*QUESTION, "-f", SMALL)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "must hold options by name, such as `node: worker-1`"),
        ("a: [\n", ":2:1 is not YAML: expected the node content, but found '<stream end>'"),
        ("\x00", " is not YAML: "),
        ("a: " + "[" * 5000, " is not YAML: "),
        ("nodes: left\n", " sets 'nodes', which is no option there; there are "),
        ("7: left\n", " sets 7, which is no option there; "),
        ("run: 5\n", ": run must hold options by name, not 5"),
        ("run:\n", ": run must hold options by name, not None"),
        (
            "run: {port: 5}\n",
            " sets 'port' for run, which is no option there; there are file, in-cluster, kubeconfig, ",
        ),
        ("node: [a]\n", ": node must be a text, a number or a boolean, not ['a']"),
        ("run: {node: {a: b}}\n", ": node for run must be a text, a number or a boolean, not {'a': 'b'}"),
        ("lab: {run: [a]}\n", ": lab run must hold options by name, not ['a']"),
        ("lab: {node: a}\n", " sets 'node' for lab, which is no option there; there are file, mark-mask, output, "),
    ],
)
def test_a_config_file_that_makes_no_sense_says_where(text, said, config):
    path = config(text)

    answer = call("--config", path, *QUESTION, "-f", SMALL)

    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith(f"error: the config file {path}"), answer.err
    assert said in answer.err
    assert len(answer.told) == 1


def test_a_value_of_the_wrong_kind_is_told_like_one_on_the_command_line(config):
    answer = call("--config", config("output: xml\n"), *QUESTION, "-f", SMALL)

    assert answer.code == 2
    assert "Invalid value for '--output' / '-o'" in answer.err
    assert "'xml' is not one of 'text', 'json', 'yaml'" in answer.err


def test_a_config_file_that_is_not_there(tmp_path):
    answer = call("--config", str(tmp_path / "none.yaml"), *QUESTION, "-f", SMALL)

    assert answer.code == 2
    assert answer.told == [f"error: cannot read the config file {tmp_path}/none.yaml: No such file or directory"]


def test_a_config_file_in_another_encoding(tmp_path):
    (tmp_path / "anp.yaml").write_bytes(b"node: \xff\n")

    answer = call("--config", str(tmp_path / "anp.yaml"), *QUESTION, "-f", SMALL)

    assert answer.code == 2
    assert "is not YAML" in answer.err
