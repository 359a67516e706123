"""One snapshot, compiled: which class every address is in and which programs every pod runs."""

# ruff: noqa: SLF001  what is made from one of its own class may look inside

from collections.abc import Mapping

from compiler.classes import Universe, numbers_in
from compiler.model import Direction, Flow, Pod, Snapshot
from compiler.podindex import SPARE
from compiler.profiles import Outcome
from compiler.programs import Group, Program
from compiler.selection import SelectionIndex


class Compilation:
    """A snapshot with its universe of classes and, made when asked for, the programs of its pods.

    Made from a `previous` one it answers the same as made from nothing, with programs and groups of that one where
    they are still right. It does not keep `previous`, nor more of its programs than that one was asked for.
    """

    def __init__(self, snapshot: Snapshot, previous: "Compilation | None" = None) -> None:
        self.snapshot = snapshot
        self.universe: Universe = Universe(snapshot, previous.universe if previous else None)
        # Objects of before, where equal ones came: what is made of them is found again at once.
        self._policies = self.universe.questions.policies
        self._subjects, self._groups = self._selection(previous)
        self._inherited = previous._lasting(self.universe) if previous else {}
        self._programs: dict[Group, Program] = {}

    def groups(self, pod: Pod) -> Mapping[Direction, Group | None]:
        """Return the group that a pod is in, by direction; None where no policy concerns it."""
        selected = self._subjects.matching(pod.namespace, pod.labels) if pod.governed else 0
        shape = (selected, pod.ports if selected else ())
        groups = self._groups.get(shape)
        if groups is None:
            policies = [self._policies[number] for number in numbers_in(selected)]
            groups = {direction: Group.of(direction, policies, pod.ports) for direction in Direction}
            self._groups[shape] = groups
        return groups

    def program(self, group: Group) -> Program:
        """Return the program of a group, always the same object."""
        program = self._programs.get(group)
        if program is None:
            program = self._inherited.get(group) or Program.of(group, self.universe)
            self._programs[group] = program
        return program

    def outcome(self, pod: Pod, direction: Direction, flow: Flow) -> Outcome | None:
        """Return what the pod's program makes of a flow of which the pod is one end; None if it has no program."""
        group = self.groups(pod)[direction]
        if group is None:
            return None
        other = flow.destination if direction is Direction.EGRESS else flow.source
        return self.program(group).profile(self.universe.of(other)).outcome(flow.protocol, flow.port)

    def _selection(
        self, previous: "Compilation | None"
    ) -> tuple[SelectionIndex, dict[object, Mapping[Direction, Group | None]]]:
        """Return what finds the groups of pods: the previous one's if that is asked the same and not grown too big."""
        if (
            previous
            and previous.universe.questions is self.universe.questions
            and previous.snapshot.namespaces == self.snapshot.namespaces
            and max(len(previous._subjects), len(previous._groups)) <= 2 * len(self.snapshot.pods) + SPARE
        ):
            return previous._subjects, previous._groups
        return SelectionIndex((policy.subject for policy in self._policies), self.snapshot.namespaces), {}

    def _lasting(self, universe: Universe) -> Mapping[Group, Program]:
        """Return the programs that were asked for, or else inherited, and would be the same in a later universe."""
        if universe.numbering is not self.universe.numbering:
            return {}
        programs = self._programs or self._inherited
        if universe.declarations == self.universe.declarations:
            return dict(programs)
        return {group: program for group, program in programs.items() if not group.asks_names}


def compile_cluster(snapshot: Snapshot, previous: Compilation | None = None) -> Compilation:
    """Compile a snapshot, touching nothing else.

    Given the compilation of a snapshot that is not very different, it takes no longer than the difference needs, and
    the result says the same (docs/adr/0007).
    """
    return Compilation(snapshot, previous)
