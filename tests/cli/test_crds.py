"""Definitions as one applies them."""

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.calling import REPOSITORY, call


@pytest.mark.parametrize("channel", ["standard", "experimental"])
def test_what_is_printed_is_what_is_checked_in(channel):
    checked_in = sorted((REPOSITORY / "crds" / channel).glob("*.yaml"))

    printed = list(yaml.safe_load_all(call("crds", "--channel", channel).out))

    assert printed == sorted((yaml.safe_load(path.read_text()) for path in checked_in), key=printed.index)
    assert len(printed) == len(checked_in) > 0


def test_the_experimental_channel_is_the_one_that_manifests_are_read_by():
    assert (
        call("crds").out == call("crds", "--channel", "experimental").out != call("crds", "--channel", "standard").out
    )


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_as_a_document_it_is_a_list_that_can_be_applied(output, load):
    document = load(call("crds", "-o", output).out)

    assert (document["apiVersion"], document["kind"]) == ("v1", "List")
    assert document["items"] == list(yaml.safe_load_all(call("crds").out))


@pytest.mark.parametrize("channel", ["standard", "experimental"])
def test_a_directory_gets_a_file_for_each(channel, tmp_path):
    directory = tmp_path / "new" / "crds"

    answer = call("crds", "--channel", channel, "--directory", str(directory))

    written = {path.name: path.read_text() for path in directory.iterdir()}
    assert answer.code == 0
    assert sorted(answer.out.splitlines()) == sorted(str(directory / name) for name in written)
    assert written == {path.name: path.read_text() for path in (REPOSITORY / "crds" / channel).glob("*.yaml")}


def test_the_files_are_named_for_programs_too(tmp_path):
    document = json.loads(call("crds", "-d", str(tmp_path), "-o", "json").out)

    assert (document["kind"], document["version"]) == ("Files", 1)
    assert all(Path(name).is_file() for name in document["files"])


def test_a_directory_that_cannot_be_one(tmp_path):
    (tmp_path / "file").write_text("")

    answer = call("crds", "--directory", str(tmp_path / "file"))

    assert answer.code == 3
    assert answer.told == [f"error: cannot write to {tmp_path}/file: File exists"]


def test_a_directory_with_an_escape_in_its_name_is_named_harmlessly(tmp_path):
    answer = call("crds", "--directory", str(tmp_path / "\x1b[2J"))

    assert answer.code == 0
    assert answer.told == []
    assert all(line.isprintable() for line in answer.out.splitlines())
