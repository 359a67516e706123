"""What the first packet of a connection costs: our layout, the empty table and a linear ruleset, in one run.

All rulesets of a run are timed in turns, so that the machine's moods hit all of them alike; the figure that
counts is the ratio to the empty table. Every packet goes from one pod of the node to another, so it is judged
at both ends, and is denied by the last rule of its destination.
"""

import argparse
import statistics
from collections.abc import Iterator
from itertools import product

from bench.clusters import FIRST_POD, PODS_ON_NODE, ruled_cluster
from bench.wire import Router, pairs_among
from compiler import syntax
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.model import Direction, Snapshot
from compiler.selection import SelectionIndex

EMPTY = """
table inet anp {
  counter dropped { }
  chain forward { type filter hook forward priority 0; ct state established,related accept; counter name dropped drop; }
}
"""
SIZES = tuple(product((10, 1_000, 10_000), (10, 10_000, 100_000)))
"""Rules and pods."""


def ours(snapshot: Snapshot) -> str:
    """Compile for the first node."""
    return syntax.script(lower(compile_cluster(snapshot), "node-0"))


def linear(snapshot: Snapshot) -> str:
    """Write the same meaning as most engines do: a rule for each policy rule, a set for each selector."""
    policies = snapshot.policies
    selections = list(dict.fromkeys(s for p in policies for s in (p.subject, *_peers(p))))
    index = SelectionIndex(selections, snapshot.namespaces)
    members: list[list[str]] = [[] for _ in selections]
    for pod in snapshot.pods:
        found = index.matching(pod.namespace, pod.labels)
        for number in range(len(selections)):
            if found >> number & 1:
                members[number].append(str(pod.addresses[0]))
    names = {selection: f"set-{number}" for number, selection in enumerate(selections)}
    lines = [
        "add table inet anp",
        "add counter inet anp dropped",
        "add chain inet anp egress",
        "add chain inet anp ingress",
    ]
    lines.append("add chain inet anp forward { type filter hook forward priority 0; }")
    for number, addresses in enumerate(members):
        lines.append(f"add set inet anp set-{number} {{ type ipv4_addr; }}")
        lines.extend(
            f"add element inet anp set-{number} {{ {', '.join(addresses[at : at + 5000])} }}"
            for at in range(0, len(addresses), 5000)
        )
    lines.append("add rule inet anp forward ct state established,related accept")
    lines.append("add rule inet anp forward jump egress")
    lines.append("add rule inet anp forward jump ingress")
    for direction, subject, other in ((Direction.EGRESS, "saddr", "daddr"), (Direction.INGRESS, "daddr", "saddr")):
        for policy in policies:
            for rule in policy.rules(direction):
                for peer in rule.peers:
                    port = (
                        "" if rule.index == len(policy.rules(direction)) - 1 else f"tcp dport {rule.traffic[0].first} "
                    )
                    verdict = "return" if rule.action.value == "Accept" else "counter name dropped drop"
                    lines.append(
                        f"add rule inet anp {direction.value} ip {subject} @{names[policy.subject]} "
                        f"ip {other} @{names[peer]} {port}{verdict}"
                    )
    return "\n".join(lines)


def _peers(policy) -> Iterator:
    for direction in Direction:
        for rule in policy.rules(direction):
            yield from rule.peers


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--packets", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="the smallest sizes only")
    options = parser.parse_args()
    sizes = SIZES[:1] if options.quick else SIZES
    pairs = {pods: pairs_among(range(FIRST_POD, FIRST_POD + min(pods, PODS_ON_NODE))) for _rules, pods in sizes}
    routers = {"empty table": Router(EMPTY, pairs[sizes[-1][1]])}
    for rules, pods in sizes:
        snapshot = ruled_cluster(pods, rules)
        routers[f"ours, {rules:,} rules, {pods:,} pods"] = Router(ours(snapshot), pairs[pods])
        routers[f"linear, {rules:,} rules, {pods:,} pods"] = Router(linear(snapshot), pairs[pods])
    times: dict[str, list[float]] = {name: [] for name in routers}
    for _round in range(options.rounds):
        for name, router in routers.items():
            packets = options.packets if "linear" not in name else max(2048, options.packets // 20)
            times[name].append(router.nanoseconds_per_packet(packets))
    base = statistics.median(times["empty table"])
    print("| ruleset | ns per packet | ratio to the empty table |")
    print("|---|---:|---:|")
    for name, router in sorted(routers.items()):
        median = statistics.median(times[name])
        print(f"| {name} | {median:,.0f} | {median / base:.2f} |")
        dropped = router.dropped()
        if dropped != router.sent:
            raise SystemExit(f"{name}: {router.sent} packets sent, {dropped} denied: the figures mean nothing")
        router.close()


if __name__ == "__main__":
    main()
