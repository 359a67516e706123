"""What workloads a cluster has, and how to select each of them and no other, whatever pods there will be."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anp.firewall.inventory.services import Service
from anp.firewall.inventory.similarity import words
from compiler.addresses import AddressSet
from compiler.model import Pod, Snapshot

_PREFERRED = ("app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/component", "component", "tier", "role")
"""Labels by which workloads are commonly told apart, the best first."""
_FLEETING = re.compile(
    r"pod-template-hash|controller-revision-hash|pod-template-generation|(.*/)?(rollouts-)?pod-template-hash"
    r"|statefulset\.kubernetes\.io/pod-name|apps\.kubernetes\.io/pod-index|(batch\.kubernetes\.io/)?controller-uid"
    r"|(batch\.kubernetes\.io/)?job-name|batch\.kubernetes\.io/job-completion-index|topology\.kubernetes\.io/.*"
    r"|failure-domain\.beta\.kubernetes\.io/.*|helm\.sh/chart|app\.kubernetes\.io/(version|managed-by)|version"
)
"""Labels that change from pod to pod or from release to release."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Pods of one namespace that are alike, or that one Service leads to; `selector` is as policies write it."""

    namespace: str
    name: str
    pods: tuple[Pod, ...]
    selector: Mapping[str, Any] = field(hash=False)
    words: frozenset[str]

    @property
    def addresses(self) -> AddressSet:
        """The addresses of its pods."""
        return AddressSet.of(*(address for pod in self.pods for address in pod.addresses))


def lasting(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that say what a pod is, not which one or of which release."""
    return {key: value for key, value in labels.items() if not _FLEETING.fullmatch(key)}


def workloads_of(snapshot: Snapshot, services: Iterable[Service] = ()) -> tuple[Workload, ...]:
    """Return the workloads of a cluster; pods that one of the Services leads to are one workload.

    Selectors of two workloads exclude each other by what they say: within a namespace each says of the same labels
    which value they have, or that they are not there.
    """
    by_namespace: dict[str, list[Pod]] = defaultdict(list)
    for pod in snapshot.pods:
        if pod.governed:
            by_namespace[pod.namespace].append(pod)
    wanted: dict[str, list[Service]] = defaultdict(list)
    for service in services:
        if service.selector:
            wanted[service.namespace].append(service)
    found: list[Workload] = []
    for namespace, pods in sorted(by_namespace.items()):
        found += _in_namespace(namespace, pods, wanted[namespace])
    return tuple(found)


def _in_namespace(namespace: str, pods: Sequence[Pod], services: Sequence[Service]) -> list[Workload]:
    found: list[Workload] = []
    led: set[tuple[str, str]] = set()
    keys: dict[str, None] = {}
    taken: list[Service] = []
    for service in services:
        # Those that could share pods with another are left to the labels.
        members = [pod for pod in pods if service.leads_to(pod)]
        if members and all(_exclude(service.selector, other.selector) for other in taken):
            taken.append(service)
            led.update(pod.key for pod in members)
            keys.update(dict.fromkeys(service.selector))
            found.append(_workload(namespace, service.name, members, {"matchLabels": dict(service.selector)}))
    rest = [pod for pod in pods if pod.key not in led]
    # The others say of each label of a Service what value it has with them, and for one it is not the Service's.
    classes = _classes(rest, _telling_apart(rest, list(keys)))
    for values, members in classes.items():
        selector = _selector(values)
        names = [value for key, value in values if value is not None and key not in keys] or [
            value for _key, value in values if value is not None
        ]
        found.append(_workload(namespace, names[0] if names else namespace, members, selector))
    return found


def _exclude(left: Mapping[str, str], right: Mapping[str, str]) -> bool:
    return any(right.get(key, value) != value for key, value in left.items())


def _workload(namespace: str, name: str, pods: Sequence[Pod], selector: dict[str, Any]) -> Workload:
    said = words(namespace) | words(name)
    for pod in pods:
        said |= frozenset(word for key, value in lasting(pod.labels).items() if _says(key) for word in words(value))
    where = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    whole = {"namespaceSelector": where, **({"podSelector": selector} if selector else {})}
    return Workload(namespace, name, tuple(pods), whole, said)


def _says(key: str) -> bool:
    return key in _PREFERRED or key.rpartition("/")[2] in _PREFERRED


def _telling_apart(pods: Sequence[Pod], keys: list[str]) -> list[str]:
    """Return labels that tell apart all pods that lasting labels do, beginning with `keys`, no more than needed."""
    labels = [lasting(pod.labels) for pod in pods]
    whole = len({tuple(sorted(each.items())) for each in labels})
    others = {key for each in labels for key in each} - set(keys)
    ordered = sorted(others, key=lambda key: (_PREFERRED.index(key) if key in _PREFERRED else len(_PREFERRED), key))
    told = _count(labels, keys)
    for key in ordered:
        more = _count(labels, [*keys, key])
        if more > told:
            keys, told = [*keys, key], more
        if told == whole:
            break
    # One label at least, so that pods of other workloads to come are not meant.
    return keys or ordered[:1]


def _count(labels: Sequence[Mapping[str, str]], keys: Sequence[str]) -> int:
    return len({tuple(each.get(key) for key in keys) for each in labels})


def _classes(pods: Sequence[Pod], keys: Sequence[str]) -> dict[tuple[tuple[str, str | None], ...], list[Pod]]:
    found: dict[tuple[tuple[str, str | None], ...], list[Pod]] = defaultdict(list)
    for pod in pods:
        found[tuple((key, pod.labels.get(key)) for key in keys)].append(pod)
    return dict(sorted(found.items(), key=lambda item: [(key, value or "") for key, value in item[0]]))


def _selector(values: Iterable[tuple[str, str | None]]) -> dict[str, Any]:
    there = {key: value for key, value in values if value is not None}
    absent = [{"key": key, "operator": "DoesNotExist"} for key, value in values if value is None]
    return {**({"matchLabels": there} if there else {}), **({"matchExpressions": absent} if absent else {})}
