"""What `anp reach` tells, against the meaning, pair by pair and port by port."""

from hypothesis import event, given, note
from hypothesis import strategies as st

from anp.analysis.reach import NODES, OUTSIDE, By, Reachability, group_name, reach
from compiler import intervals
from compiler.addresses import VERSIONS
from compiler.compilation import compile_cluster
from compiler.model import Flow
from compiler.semantics import decide
from tests.strategies import Endpoints, packets, snapshots


def members(snapshot, by):
    """Every address with the group that it is in; nodes and outsiders, as far as somebody might care for them."""
    found = []
    for version in VERSIONS:
        for address in Endpoints.of(snapshot, version).all:
            pod = next((pod for pod in snapshot.pods if pod.governed and address in pod.addresses), None)
            node = any(address in node.addresses for node in snapshot.nodes)
            found.append((address, pod, group_name(pod, by) if pod else NODES if node else OUTSIDE))
    return found


def holds(packets_, protocol, port):
    return intervals.contains(packets_.ports(protocol), port)


@given(snapshots(), st.sampled_from(By))
def test_cells_say_what_gets_through_between_all_members_and_between_some(snapshot, by):
    matrix = reach(compile_cluster(snapshot), by)
    known = members(snapshot, by)
    asked = packets(snapshot)[:8]
    fates = {}
    for source, sender, left in known:
        for destination, receiver, right in known:
            if source.version != destination.version or (sender is None and receiver is None) or sender is receiver:
                continue
            for protocol, port in asked:
                flow = Flow(source, destination, protocol, port)
                fates.setdefault((left, right, protocol, port), set()).add(decide(snapshot, flow).accepted)
    event(f"cells: {min(len(matrix.cells), 4)}")
    judged = {(left, right) for left, right, _protocol, _port in fates if OUTSIDE not in (left, right)}
    assert {pair for pair in matrix.cells if OUTSIDE not in pair} == judged
    for (left, right, protocol, port), found in fates.items():
        note(f"{left} -> {right} {protocol} {port}: {found}")
        cell = matrix.cells[left, right]
        # Addresses that are looked at here are not all there are: outside, others may fare otherwise.
        assert (True not in found) or holds(cell.any_pair, protocol, port)
        assert (False not in found) or not holds(cell.every_pair, protocol, port)
        if OUTSIDE not in (left, right):
            assert holds(cell.any_pair, protocol, port) == (True in found)
            assert holds(cell.every_pair, protocol, port) == (False not in found)
        if cell.reach is Reachability.ALL:
            assert found == {True}
        elif cell.reach is Reachability.NONE:
            assert found == {False}


@given(snapshots(), st.sampled_from(By))
def test_a_choice_of_pods_is_the_same_as_a_cluster_of_which_one_looks_at_them_only(snapshot, by):
    compilation = compile_cluster(snapshot)
    some = [pod for pod in snapshot.pods if pod.governed and pod.addresses][::2]
    asked = reach(compilation, By.POD, lambda pod: pod in some)
    everyone = reach(compilation, By.POD)

    assert {group.name for group in asked.sources} == {*map(str, some), NODES, OUTSIDE}
    for pair, cell in asked.cells.items():
        assert everyone.cells[pair] == cell
    by_group = reach(compilation, by, lambda pod: pod in some)
    names = {str(pod): group_name(pod, by) for pod in snapshot.pods}
    for (source, destination), cell in asked.cells.items():
        whole = by_group.cells[names.get(source, source), names.get(destination, destination)]
        assert not cell.any_pair - whole.any_pair
        assert not whole.every_pair - cell.every_pair
