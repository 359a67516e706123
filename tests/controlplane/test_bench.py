"""What measures the control plane: whether it measures, not what."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench.control_plane.figures import percentile, spreads
from bench.control_plane.observers import Journal
from bench.control_plane.prober import IN_A_ROW, PATIENCE, Fates, Turns

ROOT = Path(__file__).parents[2]
SAMPLES = 2
ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<figures>.+) \|$", re.MULTILINE)


@pytest.mark.controlplane
@pytest.mark.kernel
@pytest.mark.slow
def test_policies_turn_and_pods_come_into_force_and_figures_come_out(control_plane_programs, tmp_path):
    command = [sys.executable, "-m", "bench.control_plane", "--quick", "--tiny", f"--samples={SAMPLES}"]
    # Where packets do not turn with the policy, or the kernel of the node never hears of a pod, it fails.
    done = subprocess.run(
        [*command, f"--keep={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert done.returncode == 0, done.stderr
    rows = {found["what"]: found["figures"].split(" | ") for found in ROW.finditer(done.stdout)}
    figures = {what: cells for what, cells in rows.items() if not {"---", "---:"} & set(cells) and "p50" not in cells}
    for action, word in (("Deny", "refused"), ("Accept", "permitted")):
        for begin in ("its acceptance", "the request"):
            assert figures[f"{action}: from {begin} to the first {word} packet"][0] == str(SAMPLES)
    assert figures["→ first packet"][0] == str(2 * SAMPLES)
    assert int(figures["a pod comes"][0]) > 0
    assert float(figures["it is in force on the node"][0]) > 0
    assert float(figures["writes of policygenerations"][0]) > 0
    assert {"controller", "agent"} <= figures.keys()


def test_a_turn_is_told_once_it_is_certain_and_with_the_packet_that_began_it():
    turns = Turns()
    fates = [True] * 20 + [False] * 20 + [True] * 20
    told = {at: said for at, arrived in enumerate(fates) if (said := turns.take(float(at), arrived=arrived))}

    assert [said.split()[0] for said in told.values()] == ["passing", "refused", "passing"]
    assert [float(said.split()[1]) for said in told.values()] == [0, 20, 40]
    assert [float(said.split()[2]) for said in told.values()] == [0, 19, 39]
    assert list(told) == [first + IN_A_ROW - 1 for first in (0, 20, 40)]


def test_a_few_packets_with_another_fate_are_no_turn_and_counted():
    turns = Turns()
    fates = [True] * 10 + [False] * (IN_A_ROW - 1) + [True] * 10 + [False] * IN_A_ROW
    told = [said for at, arrived in enumerate(fates) if (said := turns.take(float(at), arrived=arrived))]

    first = len(fates) - IN_A_ROW
    assert told[-1] == f"refused {first:.6f} {first - 1:.6f} {IN_A_ROW - 1}"
    assert len(told) == 2


def test_a_packet_that_is_overtaken_was_refused_and_one_on_its_way_may_still_arrive():
    told = []
    fates = Fates(lambda sent, arrived: told.append((sent, arrived)))
    for number in range(6):
        fates.sent(number, number / 1000)

    fates.elapsed(PATIENCE)
    assert told == []
    fates.elapsed(PATIENCE + 0.0005)
    assert told == [(0.0, False)]
    fates.arrived(3)
    assert told[1:] == [(0.001, False), (0.002, False), (0.003, True)]
    fates.arrived(0)
    fates.arrived(4)
    assert told[4:] == [(0.004, True)]
    fates.elapsed(1.0)
    assert told[5:] == [(0.005, False)]


def test_who_waits_is_told_of_what_comes_later_and_of_nothing_that_was_before():
    journal = Journal()
    journal.add(1)
    adding = threading.Thread(target=lambda: [journal.add(number) for number in (2, 1, 3)])
    adding.start()

    assert journal.await_first(lambda number: number == 1, 1, 60) == 1
    assert len(journal) >= 3
    assert journal.await_first(lambda number: number == 3, 1, 60) == 3
    adding.join()
    assert journal.await_first(lambda number: number == 2, 2, 0.01) is None


def test_percentiles_are_values_that_were_measured():
    values = [number / 1000 for number in range(1, 201)]

    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (0.1, 0.198, 0.2)
    assert percentile([0.003], 0.99) == 0.003
    assert spreads("x", {"one": [0.001, 0.003, 0.002], "none": []}).splitlines()[2:] == [
        "| one | 3 | 2.0 ms | 3.0 ms | 3.0 ms |",
        "| none | 0 | - | - | - |",
    ]
