from hypothesis import given
from hypothesis import strategies as st

from anp.lab.topology import LabNode, LabPod, Topology
from tests.kubelet.plan import Addresses, node_plans

families = st.sampled_from([(4,), (6,), (4, 6), (6, 4)])


@given(families, st.integers(1, 8), st.integers(0, 8))
def test_nodes_and_their_first_pods_fit_into_one_lab(families, real, hollow):
    plans = node_plans(map(str, range(real)), map("hollow-{}".format, range(hollow)), families)
    pods = [
        LabPod("x", f"{plan.name}-{number}", plan.name, taken)
        for plan in plans
        for allocation in [Addresses(plan)]
        for number, taken in enumerate([allocation.take(), allocation.take()])
    ]

    # It raises where two have one address.
    lab = Topology(tuple(LabNode(plan.name, plan.addresses) for plan in plans), tuple(pods))

    assert [plan.hollow for plan in plans] == [False] * real + [True] * hollow
    for pod in lab.pods:
        plan = next(plan for plan in plans if plan.name == pod.node)
        assert tuple(address.version for address in pod.addresses) == families
        assert all(address in network for address, network in zip(pod.addresses, plan.ranges, strict=True))


@given(st.lists(st.one_of(st.just("take"), st.integers(0, 30)), max_size=60), st.data())
def test_nobody_gets_what_another_one_has(steps, data):
    """A number gives back what was taken that long ago, and asks for it again later."""
    [plan] = node_plans(["node"])
    addresses, held, past = Addresses(plan), [], []
    for step in steps:
        if step == "take" or step >= len(held):
            wanted = data.draw(st.sampled_from([*past, *held])) if past or held else ()
            taken = addresses.take(wanted)
            assert not {item for items in held for item in items} & set(taken)
            if wanted and not any(item in items for items in held for item in wanted):
                assert taken == wanted
            held.append(taken)
        else:
            past.append(held.pop(step))
            addresses.give_back(past[-1])


def test_what_was_given_back_is_given_out_last():
    [plan] = node_plans(["node"])
    addresses = Addresses(plan)
    first = addresses.take()
    addresses.give_back(first)

    assert first not in [addresses.take() for _ in range(1000)]


def test_a_family_that_was_not_there_before_gets_an_address_too():
    [plan] = node_plans(["node"])
    old = Addresses(plan).take()

    assert Addresses(plan).take(old[:1])[0] == old[0]
    assert [item.version for item in Addresses(plan).take(old[:1])] == [4, 6]
