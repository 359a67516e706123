"""Selectors that select nobody: at present, or ever."""

from collections.abc import Iterator

from anp.analysis.lint.desk import Desk, peer_path, several, subject_path
from anp.analysis.lint.findings import Finding
from anp.analysis.lint.implication import impossible
from anp.sources.diagnostics import FieldPath
from anp.state.selection import selects
from compiler.labels import Selector
from compiler.model import AddressBlock, Direction, NodeSelection, PodSelection, Policy


def selectors(desk: Desk) -> Iterator[Finding]:
    """Yield the findings of this family."""
    for policy in desk.snapshot.policies:
        yield from _subject(desk, policy)
        for path, peer in peers(policy):
            selection = peer if isinstance(peer, PodSelection) else None
            never = next(iter(_never(peer)), None)
            if never is not None:
                yield _impossible(desk, policy, path, never)
            elif selection is not None and desk.governed and not desk.index.governed(selection):
                yield desk.finding("ANP202", policy, path, f"this peer matches nobody at present: {selection}")
            elif isinstance(peer, NodeSelection) and desk.snapshot.nodes and not _nodes(desk, peer):
                yield desk.finding("ANP202", policy, path, f"this peer matches no node at present: {peer}")
            elif isinstance(peer, AddressBlock) and not peer.addresses:
                yield desk.finding(
                    "ANP203", policy, path, "this block holds no address: its exceptions take all of it", lasting=True
                )


def peers(policy: Policy) -> Iterator[tuple[FieldPath, object]]:
    """Yield every peer of a policy with its field; those of rules that failed closed stand for others, and are not."""
    for direction in Direction:
        for rule in policy.rules(direction):
            if not rule.failed_closed:
                for number, peer in enumerate(rule.peers):
                    yield peer_path(direction, rule.index, number), peer


def _subject(desk: Desk, policy: Policy) -> Iterator[Finding]:
    path = subject_path(policy)
    never = next(iter(_never(policy.subject)), None)
    if never is not None:
        yield _impossible(desk, policy, path, never)
        return
    labelled = desk.index.labelled(policy.subject)
    aside = [str(pod) for pod in labelled if pod.host_network and not pod.terminated]
    chosen = any(pod.governed for pod in labelled)
    if aside:
        also = "only pods" if not chosen else "pods"
        yield desk.finding(
            "ANP205",
            policy,
            path,
            f"the labels fit {also} of the host's network, which no policy selects: {several(aside)}",
            milder=chosen,
        )
    elif not chosen and desk.governed:
        yield desk.finding("ANP201", policy, path, f"the policy selects no pod at present: {policy.subject}")


def _impossible(desk: Desk, policy: Policy, path: FieldPath, selector: Selector) -> Finding:
    return desk.finding("ANP203", policy, path, f"no labels can ever meet this selector: {selector}", lasting=True)


def _never(peer: object) -> Iterator[Selector]:
    """Yield the selectors of a peer that can never hold."""
    found: list[object] = []
    if isinstance(peer, PodSelection):
        found = [peer.namespaces, peer.pods]
    elif isinstance(peer, NodeSelection):
        found = [peer.nodes]
    yield from (selector for selector in found if isinstance(selector, Selector) and impossible(selector))


def _nodes(desk: Desk, peer: NodeSelection) -> bool:
    return any(selects(peer.nodes, node.labels) for node in desk.snapshot.nodes)
