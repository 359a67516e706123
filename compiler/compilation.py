"""One snapshot, compiled: which class every address is in and which programs every pod runs."""

from collections.abc import Mapping

from compiler.classes import Universe, numbers_in
from compiler.model import Direction, Flow, Pod, Snapshot
from compiler.profiles import Outcome
from compiler.programs import Group, Program
from compiler.selection import SelectionIndex


class Compilation:
    """A snapshot with its universe of classes and, made when asked for, the programs of its pods."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.universe = Universe(snapshot)
        self._subjects = SelectionIndex((policy.subject for policy in snapshot.policies), snapshot.namespaces)
        self._groups: dict[object, Mapping[Direction, Group | None]] = {}
        self._programs: dict[Group, Program] = {}

    def groups(self, pod: Pod) -> Mapping[Direction, Group | None]:
        """Return the group that a pod is in, by direction; None where no policy concerns it."""
        selected = self._subjects.matching(pod.namespace, pod.labels) if pod.governed else 0
        shape = (selected, pod.ports if selected else ())
        groups = self._groups.get(shape)
        if groups is None:
            policies = [self.snapshot.policies[number] for number in numbers_in(selected)]
            groups = {direction: Group.of(direction, policies, pod.ports) for direction in Direction}
            self._groups[shape] = groups
        return groups

    def program(self, group: Group) -> Program:
        """Return the program of a group, always the same object."""
        program = self._programs.get(group)
        if program is None:
            program = self._programs[group] = Program.of(group, self.universe)
        return program

    def outcome(self, pod: Pod, direction: Direction, flow: Flow) -> Outcome | None:
        """Return what the pod's program makes of a flow of which the pod is one end; None if it has no program."""
        group = self.groups(pod)[direction]
        if group is None:
            return None
        other = flow.destination if direction is Direction.EGRESS else flow.source
        return self.program(group).profile(self.universe.of(other)).outcome(flow.protocol, flow.port)


def compile_cluster(snapshot: Snapshot) -> Compilation:
    """Compile a snapshot, touching nothing else."""
    return Compilation(snapshot)
