from ipaddress import IPv6Address, ip_address, ip_network
from itertools import chain

from hypothesis import assume, given
from hypothesis import strategies as st

from anp.api import Node, Pod, parse
from anp.sources import manifests
from anp.sources.addressing import DEFAULT_NODES, place
from anp.sources.manifests import Loaded, bare, identity


def pod(name, node="", **parts):
    spec = {"nodeName": node, **parts.pop("spec", {})}
    metadata = {"name": name, "namespace": "x"}
    return parse({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, **parts}).object


def node(name, **parts):
    return parse({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, **parts}).object


def placed(*objects):
    return {bare(item).metadata.name: bare(item) for item in place(objects)}


def addresses(thing):
    if isinstance(thing, Pod):
        return [ip_address(part.ip) for part in thing.status.pod_ips]
    return [ip_address(part.address) for part in thing.status.addresses]


ADDRESSES = st.sampled_from(["10.244.1.9", "10.244.7.2", "192.0.2.1", "172.16.0.9", "fd00:10:244:1::9"])
CIDRS = st.sampled_from([["10.244.1.0/24"], ["10.0.0.0/30"], ["10.244.0.0/16", "fd00:9::/64"], ["10.9.9.9/32"]])
pods = st.builds(
    lambda name, on, host, given, phase: pod(
        name, on, spec={"hostNetwork": host}, status={"podIPs": [{"ip": ip} for ip in given], "phase": phase}
    ),
    st.from_regex(r"p[a-z0-9]{1,2}", fullmatch=True),
    st.sampled_from(["", "", "", "n7", "n8", "worker"]),
    st.sampled_from([False, False, False, True]),
    st.lists(ADDRESSES, max_size=1),
    st.sampled_from(["", "", "Running", "Succeeded"]),
)
nodes = st.builds(
    lambda name, given, cidrs: node(
        name,
        spec={"podCIDRs": cidrs},
        status={"addresses": [{"type": "InternalIP", "address": ip} for ip in given]},
    ),
    st.sampled_from(["n7", "n8", "n-257", "alpha", "node-7"]),
    st.lists(ADDRESSES, max_size=1),
    st.just([]) | CIDRS,
)
clusters = st.lists(pods | nodes, max_size=12, unique_by=identity)


@given(clusters, st.randoms())
def test_the_order_of_objects_does_not_matter(objects, random):
    shuffled = objects.copy()
    random.shuffle(shuffled)

    assert placed(*shuffled) == placed(*objects)


@given(clusters)
def test_placing_twice_is_placing_once(objects):
    once = place(objects)

    assert place(once) == once


@given(clusters)
def test_what_was_written_stays(objects):
    after = placed(*objects)
    for thing in objects:
        if isinstance(thing, Pod):
            assert after[thing.metadata.name].spec.node_name == thing.spec.node_name or not thing.spec.node_name
        if addresses(thing):
            assert addresses(after[thing.metadata.name]) == addresses(thing)


@given(clusters)
def test_every_live_pod_is_on_a_node_that_is_there_with_addresses_of_its_networks(objects):
    after = placed(*objects)
    for thing in objects:
        if not isinstance(thing, Pod) or thing.status.phase == "Succeeded":
            continue
        new = after[thing.metadata.name]
        home = after[new.spec.node_name]
        assert isinstance(home, Node)
        if addresses(thing):
            continue
        if thing.spec.host_network:
            assert addresses(new) == addresses(home)
        else:
            networks = [ip_network(cidr, strict=False) for cidr in home.spec.pod_cidrs]
            assert all(sum(address in network for network in networks) == 1 for address in addresses(new))
            if all(network.num_addresses > 8 for network in networks):
                assert len(addresses(new)) == len(networks)


@given(clusters)
def test_no_given_address_is_given_twice(objects):
    after = placed(*objects)
    written = set(chain.from_iterable(addresses(thing) for thing in objects))
    fresh = [
        address
        for name, thing in after.items()
        if not (isinstance(thing, Pod) and thing.spec.host_network)
        and not any(thing.metadata.name == old.metadata.name and addresses(old) for old in objects)
        for address in addresses(thing)
    ]

    assert len(fresh) == len(set(fresh))
    assert written.isdisjoint(fresh)


@given(st.lists(pods, max_size=8, unique_by=identity), pods)
def test_a_new_pod_moves_nobody_elsewhere(objects, newcomer):
    objects = [thing for thing in objects if identity(thing) != identity(newcomer)]
    before, after = placed(*objects), placed(*objects, newcomer)
    # One that brings an address which was to be a node's makes the node move, and all that is on it.
    homes = {address for thing in before.values() if isinstance(thing, Node) for address in addresses(thing)}
    assume(homes.isdisjoint(addresses(newcomer)))
    reserved = set(addresses(after[newcomer.metadata.name]))
    for thing in objects:
        old, new = before[thing.metadata.name], after[thing.metadata.name]
        assert new.spec.node_name == old.spec.node_name
        # An IPv4 address moves only out of the way of the newcomer, or of one that did.
        moved = set(addresses(old)) - set(addresses(new))
        assert not any(isinstance(address, IPv6Address) for address in moved)
        if moved:
            assert reserved


def test_few_pods_move_when_pods_arrive_one_by_one():
    names = [f"pod-{number}" for number in range(60)]
    moves = 0
    before = placed()
    for count in range(1, len(names) + 1):
        after = placed(*map(pod, names[:count]))
        moves += sum(addresses(after[name]) != addresses(before[name]) for name in names[: count - 1])
        before = after

    assert moves < len(names) / 2


def test_pods_without_nodes_are_spread_over_two():
    after = placed(*(pod(f"p{number}") for number in range(40)))
    homes = [thing.spec.node_name for thing in after.values() if isinstance(thing, Pod)]

    assert set(homes) == set(DEFAULT_NODES)
    assert min(homes.count(name) for name in DEFAULT_NODES) > 8


def test_nodes_are_numbered_by_their_names_where_possible():
    after = placed(node("rack-7"), node("alpha"), node("west-7"), pod("a", "rack-7"))
    seven, alpha, other = after["rack-7"], after["alpha"], after["west-7"]

    assert seven.spec.pod_cidrs == ("10.244.7.0/24", "fd00:10:244:7::/64")
    assert [str(address) for address in addresses(seven)] == ["192.0.2.7", "2001:db8:ffff::7"]
    assert len({*seven.spec.pod_cidrs, *alpha.spec.pod_cidrs, *other.spec.pod_cidrs}) == 6


def test_a_node_that_only_a_pod_names_takes_no_number_from_one_that_was_declared():
    before, after = placed(node("zone-7")), placed(node("zone-7"), pod("a", "a-7"))

    assert after["zone-7"] == before["zone-7"]
    assert addresses(after["a-7"])


def test_more_nodes_than_one_byte_counts_get_networks_too():
    after = placed(*(node(f"n{number}") for number in range(1, 301)))
    networks = {ip_network(cidr) for thing in after.values() for cidr in thing.spec.pod_cidrs}

    assert len(networks) == 600
    assert len(set(chain.from_iterable(map(addresses, after.values())))) == 600


def test_a_full_network_leaves_pods_without_an_address():
    home = node("n1", spec={"podCIDRs": ["10.0.0.0/29"]})
    after = placed(home, *(pod(f"p{number}", "n1") for number in range(10)))
    counts = [len(addresses(thing)) for thing in after.values() if isinstance(thing, Pod)]

    assert sorted(counts) == [0] * 5 + [1] * 5


def test_places_in_files_are_kept():
    [loaded] = manifests.parse("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "f.yaml").objects
    new, home = place([loaded])

    assert isinstance(new, Loaded)
    assert new.origin == loaded.origin
    assert isinstance(home, Node)
