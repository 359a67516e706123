"""What depends on what, from API objects down to nftables objects, as a graph.

An edge leads from a thing to what is made of it. In the graphs before and after a change, taken together, the
descendants of the changed object are all that the change can touch. Vertices are small and printable. Elements
are not vertices of their own: the map is.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from compiler import names
from compiler.addresses import VERSIONS, address_of
from compiler.compilation import Compilation
from compiler.lower import DEFAULT_LAYOUT, profile_target, subject_chain
from compiler.marks import MarkLayout
from compiler.profiles import Profile
from compiler.share import Share


class Stage(enum.Enum):
    """How far a thing is from the API objects; edges never lead back to an earlier stage."""

    NAMESPACE = "namespace"
    POD = "pod"
    NODE = "node"
    POLICY = "policy"
    SUBJECT = "subject"
    PROGRAM = "program"
    QUESTION = "question"
    ADDRESS = "address"
    CLASS = "class"
    PROFILE = "profile"
    CHAIN = "chain"
    MAP = "map"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Vertex:
    """A thing in the graph, by a name that is unique in its stage."""

    stage: Stage
    name: str

    def __str__(self) -> str:
        return f"{self.stage.value} {self.name}"


Graph = nx.DiGraph


def dependencies(compilation: Compilation, node: str, layout: MarkLayout = DEFAULT_LAYOUT) -> "Graph[Vertex]":
    """Return what the ruleset of `node` is made of, and what that is made of.

    Objects that have no part in it are vertices without edges.
    """
    share = Share.of(compilation, node, layout)
    graph: Graph[Vertex] = nx.DiGraph()
    snapshot = compilation.snapshot
    graph.add_nodes_from(Vertex(Stage.POLICY, str(policy)) for policy in snapshot.policies)
    graph.add_nodes_from(Vertex(Stage.NODE, member.name) for member in snapshot.nodes)
    graph.add_edges_from((Vertex(Stage.NAMESPACE, pod.namespace), Vertex(Stage.POD, str(pod))) for pod in snapshot.pods)
    if share.subjects:
        graph.add_edges_from(_addresses(compilation, share))
        graph.add_edges_from(_classes(share))
        graph.add_edges_from(_programs(compilation, share))
        graph.add_edges_from(_subjects(share))
    return graph


def _addresses(compilation: Compilation, share: Share) -> Iterator[tuple[Vertex, Vertex]]:
    """Yield the edges from objects and questions to addresses, and on to the classes that these are in.

    A question that nobody asks any more puts addresses into classes in which it has no part. So it leads to the
    addresses of which it is true, and they lead to their class, before and after.
    """
    snapshot = compilation.snapshot
    owners = [(Vertex(Stage.POD, str(pod)), pod.addresses) for pod in snapshot.pods if pod.governed]
    owners += [(Vertex(Stage.NODE, node.name), node.addresses) for node in snapshot.nodes]
    for owner, addresses in owners:
        for address in addresses:
            yield owner, Vertex(Stage.ADDRESS, str(address))
            yield owner, Vertex(Stage.MAP, names.class_map(address.version))
    for version in VERSIONS:
        found = [(str(address_of(version, number)), of) for number, of in share.hosts[version].items()]
        # Ranges are cut differently when questions come and go, so they are all one.
        found += [(f"IPv{version} ranges", segment.membership) for segment in share.segments[version]]
        for name, membership in found:
            vertex = Vertex(Stage.ADDRESS, name)
            yield vertex, Vertex(Stage.CLASS, str(share.numbers[membership]))
            for atom in compilation.universe.atoms(membership):
                yield Vertex(Stage.QUESTION, str(atom)), vertex


def _classes(share: Share) -> Iterator[tuple[Vertex, Vertex]]:
    """Yield the edges from classes to where they are kept."""
    for number in share.numbers.values():
        vertex = Vertex(Stage.CLASS, str(number))
        if number:
            yield vertex, Vertex(Stage.CHAIN, names.class_chain(number))
        for version in VERSIONS:
            yield vertex, Vertex(Stage.MAP, names.class_map(version))
            yield vertex, Vertex(Stage.MAP, names.net_map(version))


def _programs(compilation: Compilation, share: Share) -> Iterator[tuple[Vertex, Vertex]]:
    """Yield the edges from policies to programs and what they ask, and to what their answers are kept in."""
    for digest, program in share.programs.items():
        vertex = Vertex(Stage.PROGRAM, digest)
        for policy in program.policies:
            yield Vertex(Stage.POLICY, str(policy)), vertex
        for question in compilation.universe.atoms(program.mask):
            yield vertex, Vertex(Stage.QUESTION, str(question))
        kept = (Vertex(Stage.CHAIN, names.program(digest)), Vertex(Stage.MAP, names.program(digest)))
        for place in kept:
            yield vertex, place
        for membership, number in share.numbers.items():
            profile = program.profile(membership)
            for place in (*kept, Vertex(Stage.PROFILE, profile.digest)):
                yield Vertex(Stage.CLASS, str(number)), place
            yield vertex, Vertex(Stage.PROFILE, profile.digest)
            yield from _profile(profile)


def _profile(profile: Profile) -> Iterator[tuple[Vertex, Vertex]]:
    vertex = Vertex(Stage.PROFILE, profile.digest)
    yield vertex, Vertex(Stage.CHAIN, profile_target(profile).chain)
    for outcome in profile.outcomes:
        yield vertex, Vertex(Stage.CHAIN, names.rule_chain(outcome))
        yield vertex, Vertex(Stage.COUNTER, names.rule_chain(outcome))


def _subjects(share: Share) -> Iterator[tuple[Vertex, Vertex]]:
    """Yield the edges that a pod has as a subject: which policies select it decides what it runs."""
    for pod, subject in share.subjects:
        vertex = Vertex(Stage.SUBJECT, str(pod))
        yield Vertex(Stage.POD, str(pod)), vertex
        chain = Vertex(Stage.CHAIN, subject_chain(subject))
        yield vertex, chain
        # The first subject of a node brings what every node with a subject has.
        for name in names.FIXED_CHAINS:
            yield vertex, Vertex(Stage.CHAIN, name)
        for version in VERSIONS:
            for name in (names.subject_map(version), names.class_map(version), names.net_map(version)):
                yield vertex, Vertex(Stage.MAP, name)
        for program in subject.programs:
            yield vertex, Vertex(Stage.PROGRAM, program.digest)
            yield Vertex(Stage.PROGRAM, program.digest), chain
            for policy in program.policies:
                yield Vertex(Stage.POLICY, str(policy)), vertex
