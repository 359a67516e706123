"""What `anp compile` prints is what nft takes, whatever the cluster."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from anp.lab.namespace import Namespace
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.syntax import script
from enforcer.kernel import KernelDataplane
from tests.cli.calling import DEMO, SMALL, call
from tests.strategies import snapshots


@pytest.mark.parametrize("node", ["left", "right"])
def test_the_golden_scripts(golden, node):
    golden(f"small.{node}.nft", call("compile", "-f", SMALL, "--node", node).out)


@pytest.mark.kernel
@pytest.mark.parametrize("node", ["left", "right"])
def test_nft_takes_the_golden_scripts(node, nft):
    from tests.conftest import GOLDEN  # noqa: PLC0415

    nft("--check", "-f", str(GOLDEN / f"small.{node}.nft"))


@pytest.mark.kernel
@pytest.mark.parametrize(("file", "node"), [(DEMO, "worker-1"), (DEMO, "worker-2"), (SMALL, "left")])
def test_nft_takes_it_and_takes_it_again(file, node, nft):
    text = call("compile", "-f", file, "--node", node).out

    nft("--check", "-f", "-", script=text)
    assert nft("list", "ruleset") == ""
    nft("-f", "-", script=text)
    first = nft("-s", "list", "ruleset")
    nft("-f", "-", script=text)
    assert nft("-s", "list", "ruleset") == first


@pytest.mark.kernel
@settings(max_examples=25)
@given(snapshot=snapshots())
def test_nft_takes_what_random_clusters_compile_to(kernels, snapshot):
    compilation = compile_cluster(snapshot)
    for node in snapshot.nodes:
        kernels.check_script(script(lower(compilation, node.name)))


@pytest.fixture(scope="module")
def kernels():
    network = Namespace()
    with KernelDataplane(network.fd) as dataplane:
        yield dataplane
    network.close()


def test_a_document_has_the_script_and_its_sizes():
    document = json.loads(call("compile", "-f", SMALL, "--node", "left", "-o", "json").out)

    assert document["node"] == "left"
    assert document["script"] == call("compile", "-f", SMALL, "--node", "left").out
    assert document["sizes"]["chains"] == document["script"].count("\nadd chain ")
    assert document["sizes"]["counters"] == document["script"].count("\nadd counter ")


def test_the_same_manifests_compile_to_the_same_text_whatever_their_order(tmp_path):
    documents = Path(SMALL).read_text(encoding="utf-8").split("---\n")
    for number, document in enumerate(reversed(documents)):
        (tmp_path / f"{number:02}.yaml").write_text(document)

    assert (
        call("compile", "-f", str(tmp_path), "--node", "left").out == call("compile", "-f", SMALL, "--node", "left").out
    )


def test_another_mask_moves_all_marks():
    text = call("compile", "-f", SMALL, "--node", "left", "--mark-mask", "0x0000ff00").out

    marks = {int(word, 16) for word in text.replace(",", " ").split() if word.startswith("0x")}
    assert marks
    assert all(mark & 0xFFFF00FF in {0, 0xFFFF00FF} for mark in marks)
