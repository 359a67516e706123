"""A first draft of a mapping, from what manifests, a cluster, a list of hosts and the firewall's own names tell.

What is looked at, in this order, and an address that one has explained is not asked of the next:

1. addresses of pods, where rules name them;
2. addresses of Services: the pods behind them, and the ports that they translate;
3. addresses of nodes, which are no workload;
4. hosts of a list, by their labels or by a name like a workload's;
5. names in the firewall that are like a workload's (`anp.firewall.inventory.similarity`).

No name is looked up in DNS, and nothing is asked of any network. Drafts load: entities are disjoint, and each is in one
segment.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from anp.firewall.inventory.addressing import spelled, union
from anp.firewall.inventory.asked import Homes, ends, named_sets, size
from anp.firewall.inventory.drafting import Draft, DraftEntity, DraftRewrite, unique
from anp.firewall.inventory.hosts import Host
from anp.firewall.inventory.model import Confidence
from anp.firewall.inventory.segmenting import Segments
from anp.firewall.inventory.services import Service
from anp.firewall.inventory.similarity import likeness, words
from anp.firewall.inventory.workloads import Workload, workloads_of
from anp.firewall.model import NO_ADDRESS, Firewall, common
from anp.firewall.services import protocol_name
from compiler.addresses import AddressSet
from compiler.model import Protocol, Snapshot

LIKE = 0.5
"""Names that are less alike than this are not matched at all."""
_SAYING = ("app", "application", "component", "service", "role", "tier")
"""Labels of a list of hosts that name a workload, the best first."""
_NUMBERED = re.compile(r"[-_.]?\d+$")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to go by beside the firewall itself; all of it may be missing."""

    snapshot: Snapshot | None = None
    services: tuple[Service, ...] = ()
    hosts: tuple[Host, ...] = ()


def suggest(firewall: Firewall, evidence: Evidence = Evidence()) -> Draft:
    """Draft a mapping for a firewall."""
    desk = _Desk(firewall, evidence)
    desk.ask_pods()
    desk.ask_services()
    desk.ask_nodes()
    desk.ask_hosts()
    desk.ask_names()
    return desk.draft()


@dataclass(slots=True)
class _Claim:
    """The addresses of one workload, with the reasons in order and the weakest of the confidences."""

    workload: Workload
    addresses: AddressSet = NO_ADDRESS
    confidence: Confidence = Confidence.OBSERVED
    reasons: list[str] = field(default_factory=list)


_BY_STRENGTH = (Confidence.STATED, Confidence.OBSERVED, Confidence.MATCHED_NAME, Confidence.GUESS)


class _Desk:
    """Where addresses are given to workloads; the parts of one call of `suggest`."""

    def __init__(self, firewall: Firewall, evidence: Evidence) -> None:
        self._firewall = firewall
        self._evidence = evidence
        self._sets = named_sets(firewall)
        self._asked = union(addresses for addresses, _names in self._sets)
        self._networks = union(ends(firewall))
        self._taken = NO_ADDRESS
        snapshot = evidence.snapshot
        asked_services = [each for each in evidence.services if common(each.addresses, self._networks)]
        self._workloads = () if snapshot is None else workloads_of(snapshot, asked_services)
        self._claims: dict[int, _Claim] = {}
        self._rewrites: list[tuple[int, DraftRewrite]] = []
        self._nodes = NO_ADDRESS
        self._invented: list[Workload] = []
        self._places: dict[tuple[str, str], int] = {}
        self._remarks: list[str] = []

    # What is looked at.

    def ask_pods(self) -> None:
        """Give pods their own addresses, and a whole named set to the one workload that has pods there."""
        pods = [(place, workload.addresses) for place, workload in enumerate(self._workloads)]
        homes = Homes(pods)
        for addresses, names in self._sets:
            found = homes.inside(addresses)
            if len(found) == 1:
                (place,) = found
                here = spelled(common(addresses, pods[place][1]), most=1)
                self._claim(place, addresses, Confidence.OBSERVED, f"{_called(names)} has its pods, as {here}")
        for place, addresses in pods:
            some = common(addresses, self._asked)
            self._claim(place, some, Confidence.OBSERVED, "addresses of its pods")

    def ask_services(self) -> None:
        """Give the addresses of a Service to the pods behind it, with the ports that it translates."""
        for service in self._evidence.services:
            addresses = common(service.addresses, self._networks)
            places = [
                place
                for place, workload in enumerate(self._workloads)
                if service.selector and any(map(service.leads_to, workload.pods))
            ]
            label = f"Service {service.namespace}/{service.name}"
            if not addresses or not places:
                continue
            if len(places) > 1:
                self._remarks.append(f"{label} leads to several workloads: map {spelled(addresses)} by hand")
                continue
            self._claim(places[0], addresses, Confidence.OBSERVED, f"{label} leads to it")
            for port in service.ports:
                for target in self._targets(places[0], port.target, port.protocol):
                    if target != port.port:
                        name = protocol_name(port.protocol).upper()
                        self._rewrites.append((places[0], DraftRewrite("", name, port.port, target, label)))

    def _targets(self, place: int, target: int | str, protocol: int) -> list[int]:
        if isinstance(target, int):
            return [target]
        kind = Protocol(protocol_name(protocol))
        pods = self._workloads[place].pods
        found = {port.number for pod in pods for port in pod.ports if port.name == target and port.protocol is kind}
        return sorted(found) if len(found) == 1 else []

    def ask_nodes(self) -> None:
        """Take nodes out: they are in the cluster and are no pods."""
        snapshot = self._evidence.snapshot
        if snapshot is not None:
            self._nodes = AddressSet.of(*(address for node in snapshot.nodes for address in node.addresses))
            self._taken |= self._nodes

    def ask_hosts(self) -> None:
        """Give hosts of a list to the workload with their labels or with a name like theirs, or invent one."""
        for host in self._evidence.hosts:
            addresses = common(host.addresses, self._networks) - self._taken
            if not addresses:
                continue
            told = f"host {host.name}"
            labelled = [
                place
                for place, workload in enumerate(self._workloads)
                if host.labels
                and host.namespace in ("", workload.namespace)
                and all(host.labels.items() <= dict(pod.labels).items() for pod in workload.pods)
            ]
            if len(labelled) == 1:
                self._claim(labelled[0], addresses, Confidence.MATCHED_NAME, f"{told} has its labels")
                continue
            stem = _NUMBERED.sub("", host.name.partition(".")[0])
            place, confidence = self._alike([stem])
            if place is None:
                place = self._invent(
                    host.namespace, next((host.labels[key] for key in _SAYING if key in host.labels), stem)
                )
                confidence = Confidence.GUESS
            self._claim(place, addresses, confidence, f"{told} has a name like it")

    def ask_names(self) -> None:
        """Give what the firewall has a name for to the workload with a name like that, or invent one."""
        for addresses, names in self._sets:
            if not names or common(addresses, self._taken - self._nodes):
                continue
            place, confidence = self._alike(names)
            if place is None:
                if self._workloads or not _private(addresses):
                    continue
                place, confidence = self._invent("", names[0]), Confidence.GUESS
            self._claim(place, addresses, confidence, f"{_called(names)} has a name like it")

    # How.

    def _claim(self, place: int, addresses: AddressSet, confidence: Confidence, reason: str) -> None:
        addresses -= self._taken
        if not addresses:
            return
        workload = self._workload(place)
        claim = self._claims.setdefault(place, _Claim(workload, confidence=confidence))
        claim.addresses |= addresses
        claim.confidence = max(claim.confidence, confidence, key=_BY_STRENGTH.index)
        if reason not in claim.reasons:
            claim.reasons.append(reason)
        self._taken |= addresses

    def _workload(self, place: int) -> Workload:
        known = len(self._workloads)
        return self._workloads[place] if place < known else self._invented[place - known]

    def _alike(self, names: Iterable[str]) -> tuple[int | None, Confidence]:
        """Return the workload whose words are most like one of the names', if it is only one."""
        scores: dict[int, tuple[float, bool]] = {}
        for said in map(words, names):
            for place, workload in enumerate(self._workloads):
                alike = max(likeness(said, words(workload.name)), likeness(said, workload.words))
                scores[place] = max(scores.get(place, (0.0, False)), (alike, said <= workload.words))
        most = max(scores.values(), default=(0.0, False))
        best = [place for place, score in scores.items() if score == most]
        if most[0] < LIKE or len(best) != 1:
            return None, Confidence.GUESS
        return best[0], Confidence.MATCHED_NAME if most[1] else Confidence.GUESS

    def _invent(self, namespace: str, name: str) -> int:
        """Return a workload that somebody has to make true: pods that have a label of this name, and no other such."""
        wanted = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:50].strip("-") or "unnamed"
        known = len(self._workloads)
        if (namespace, wanted) not in self._places:
            label = unique(wanted, (workload.name for workload in self._invented))
            where = {"matchLabels": {"kubernetes.io/metadata.name": namespace}} if namespace else {}
            selector = {"namespaceSelector": where, "podSelector": {"matchLabels": {"app": label}}}
            self._places[namespace, wanted] = known + len(self._invented)
            self._invented.append(Workload(namespace, label, (), selector, words(name)))
        return self._places[namespace, wanted]

    # What comes of it.

    def draft(self) -> Draft:
        """Put the draft together."""
        segments = Segments(self._firewall)
        entities: list[DraftEntity] = []
        names: dict[int, str] = {}
        claims = sorted(self._claims.items(), key=lambda item: (size(item[1].addresses), item[0]))
        for place, claim in claims:
            if self._workloads and place >= len(self._workloads):
                # Nobody knows that such pods are none of the others, so it is for people to say.
                told = f"{spelled(claim.addresses)} may be {claim.workload.name} ({'; '.join(claim.reasons[:3])})"
                self._remarks.append(f"not mapped: {told}")
                continue
            segment, inside, rest = segments.home(claim.addresses, claim.workload.name)
            if rest:
                told = f"{spelled(rest)} of {claim.workload.name} is in another segment"
                self._remarks.append(f"{told}: map it as an entity of its own")
            name = unique(_entity_name(claim.workload), names.values())
            names[place] = name
            reason = "; ".join(claim.reasons[:3])
            entities.append(DraftEntity(name, inside, claim.workload.selector, claim.confidence, reason, segment))
        mapped = union(entity.addresses for entity in entities)
        rewrites = {
            (rewrite.protocol, rewrite.port, names[place]): replace(rewrite, entity=names[place])
            for place, rewrite in reversed(self._rewrites)
            if place in names
        }
        return Draft(
            entities=tuple(entities),
            segments=segments.found(),
            outside_interfaces=segments.outside,
            external=self._external(mapped),
            rewrites=tuple(sorted(rewrites.values(), key=lambda each: (each.entity, each.protocol, each.port))),
            node_addresses=self._nodes,
            remarks=tuple(dict.fromkeys(self._remarks)),
        )

    def _external(self, mapped: AddressSet) -> dict[str, AddressSet]:
        """Return the firewall's names for what is no workload."""
        return {
            name: addresses
            for name, addresses in sorted(self._firewall.groups.items())
            if addresses and not common(addresses, mapped) and _is_word(name)
        }


def _entity_name(workload: Workload) -> str:
    text = "-".join(re.findall(r"[a-z0-9]+", workload.name.lower()))[:50].strip("-")
    return text or "workload"


def _private(addresses: AddressSet) -> bool:
    return all(network.is_private for network in addresses.networks())


def _called(names: Sequence[str]) -> str:
    return names[0] if names else "a rule's network"


def _is_word(name: str) -> bool:
    return name.isprintable() and bool(name.strip()) and name == name.strip()
