"""Lowering for one node again and again, at the cost of what changed.

What is made is what `compiler.lower.lower` makes, which has the plain way to it. Here every part is followed from
the last time: what has not changed is the same object, so that whoever compares rulesets sees that at once, and what
has changed is a patched copy.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from compiler import names
from compiler.addresses import VERSIONS
from compiler.classes import Membership
from compiler.compilation import Compilation
from compiler.differences import changed_keys, patched
from compiler.intervals import Range
from compiler.lower import (
    DEFAULT_LAYOUT,
    KEY,
    base_chains,
    chain_of_class,
    chain_of_profile,
    chain_of_program,
    chain_of_rule,
    chain_of_subject,
    profile_target,
    subject_chain,
)
from compiler.marks import MarkLayout
from compiler.profiles import Profile
from compiler.programs import Program
from compiler.ruleset import Chain, ExactMap, Goto, Jump, KeyType, RangeMap, Ruleset, Verdict, VerdictMap
from compiler.share import Share


@dataclass(frozen=True, slots=True)
class _Target:
    """What a profile is in the kernel: how to get there, the chains that it takes, and the counters of its rules."""

    goto: Goto
    chains: Mapping[str, Chain]
    counters: frozenset[str]

    @classmethod
    def of(cls, profile: Profile) -> "_Target":
        rules = {names.rule_chain(outcome): chain_of_rule(outcome) for outcome in profile.outcomes}
        own = {names.profile_chain(profile.digest): chain_of_profile(profile)} if len(profile.outcomes) > 1 else {}
        return cls(profile_target(profile), {**own, **rules}, frozenset(rules))


class _Targets(dict[Profile, _Target]):
    """The targets of profiles, made when asked for."""

    def __missing__(self, profile: Profile) -> _Target:
        self[profile] = target = _Target.of(profile)
        return target


Numbers: TypeAlias = Mapping[Membership, int]


@dataclass(frozen=True, slots=True)
class _Answers:
    """A program's profiles for the classes of a node, as elements by mark, and how often there is each."""

    program: Program
    counts: Mapping[Profile, int]
    default: Goto
    chain: Chain
    map: ExactMap

    @classmethod
    def of(cls, program: Program, numbers: Numbers, targets: _Targets, layout: MarkLayout) -> "_Answers":
        profiles = {layout.mark(number): program.profile(membership) for membership, number in numbers.items()}
        counts = Counter(profiles.values())
        default = _default(program, counts, targets)
        verdicts = ((mark, targets[profile].goto) for mark, profile in profiles.items())
        elements: dict[int, Verdict] = {mark: verdict for mark, verdict in verdicts if verdict is not default}
        chain = chain_of_program(program.digest, default, layout)
        return cls(program, counts, default, chain, ExactMap(KeyType.MARK, elements))

    def after(
        self, changed: Iterable[Membership], before: Numbers, numbers: Numbers, targets: _Targets, layout: MarkLayout
    ) -> "_Answers":
        """Follow a change of the classes that come, go or get another number."""
        counts = Counter(self.counts)
        marks: dict[int, Goto | None] = {}
        for membership in changed:
            if membership in before:
                counts[self.program.profile(membership)] -= 1
                marks.setdefault(layout.mark(before[membership]), None)
            if membership in numbers:
                profile = self.program.profile(membership)
                counts[profile] += 1
                marks[layout.mark(numbers[membership])] = targets[profile].goto
        counts = +counts
        default = _default(self.program, counts, targets)
        if default is not self.default:
            return _Answers.of(self.program, numbers, targets, layout)
        verdicts = {mark: None if goto is default else goto for mark, goto in marks.items()}
        elements = patched(self.map.elements, verdicts, verdicts.get)
        same = elements is self.map.elements
        return replace(self, counts=counts, map=self.map if same else ExactMap(KeyType.MARK, elements))


def _default(program: Program, counts: Mapping[Profile, int], targets: _Targets) -> Goto:
    """Choose what a miss in a program's map means, like `lower`."""
    nobody = program.profile(0)
    least = min(counts, key=lambda profile: (-counts[profile], profile != nobody, targets[profile].goto.chain))
    return targets[least].goto


@dataclass(frozen=True, slots=True)
class _Class:
    """What a class of addresses is in the kernel."""

    goto: Goto
    chain: Chain


@dataclass(frozen=True, slots=True)
class _State:
    """What was made the last time, and of what."""

    share: Share
    classes: Mapping[Membership, _Class]
    answers: Mapping[str, _Answers]
    targets: _Targets
    ruleset: Ruleset


_NOTHING = _State(Share((), {}, {4: {}, 6: {}}, {4: (), 6: ()}, {}), {}, {}, _Targets(), Ruleset())


class Lowering:
    """Lowers compilations for one node, one after the other; not for several threads at a time.

    It remembers what it made the last time and nothing from before that. Where it raises, it remembers what it did.
    """

    def __init__(self, node: str, layout: MarkLayout = DEFAULT_LAYOUT) -> None:
        self._node = node
        self._layout = layout
        self._base = dict(base_chains(layout))
        self._last = _NOTHING

    def lower(self, compilation: Compilation) -> Ruleset:
        """Return what the kernel of the node should hold, equal to what `compiler.lower.lower` returns.

        Raises:
            TooManyClassesError: the mark has not enough bits for the node's classes.

        """
        return self.lower_share(Share.of(compilation, self._node, self._layout, self._last.share))

    def lower_share(self, share: Share) -> Ruleset:
        """Return what the kernel of a node with this share should hold, equal to what `lower.lower_share` returns.

        If the share is comparable with the one before, its basis says what changed since then.
        """
        if not share.subjects:
            self._last = _NOTHING
        else:
            self._last = self._next(share, self._last if share.is_comparable(self._last.share) else _NOTHING)
        return self._last.ruleset

    def _next(self, share: Share, last: _State) -> _State:
        before, numbers = last.share.numbers, share.numbers
        changed = changed_keys(before, numbers)
        classes = patched(last.classes, changed, lambda membership: self._class(numbers.get(membership, 0)))
        targets = _Targets(last.targets)
        answers: dict[str, _Answers] = {}
        for digest, program in share.programs.items():
            known = last.answers.get(digest)
            if known is None or known.program is not program:
                known = _Answers.of(program, numbers, targets, self._layout)
            elif changed:
                known = known.after(changed, before, numbers, targets, self._layout)
            answers[digest] = known
        same = answers.keys() == last.answers.keys() and all(last.answers[n] is each for n, each in answers.items())
        # Without those that nobody has any more.
        targets = last.targets if same else _Targets({p: targets[p] for each in answers.values() for p in each.counts})
        chains = {**self._base, **{each.goto.chain: each.chain for each in classes.values()}}
        for target in targets.values():
            chains.update(target.chains)
        chains.update((names.program(digest), each.chain) for digest, each in answers.items())
        chains.update((subject_chain(each), chain_of_subject(each, self._layout)) for _pod, each in share.subjects)
        maps = dict(_address_maps(share, classes, last, changed))
        maps.update((names.program(digest), each.map) for digest, each in answers.items())
        counters = frozenset(name for target in targets.values() for name in target.counters)
        return _State(share, classes, answers, targets, Ruleset(chains, maps, counters))

    def _class(self, number: int) -> _Class | None:
        """Make what a class is in the kernel: nothing for one that is not there, and for class 0."""
        return _Class(Goto(names.class_chain(number)), chain_of_class(number, self._layout)) if number else None


def _address_maps(
    share: Share, classes: Mapping[Membership, _Class], last: _State, moved: Iterable[Membership]
) -> Iterator[tuple[str, VerdictMap]]:
    jumps = {subject: Jump(subject_chain(subject)) for _pod, subject in share.subjects}
    # Where a class has another number, that is news for all addresses that are in it.
    renumbered = any(each in last.classes and each in classes for each in moved)
    news = share.basis.changed if share.basis else {}
    for version in VERSIONS:
        subjects: dict[int, Verdict] = {
            int(address): jumps[subject]
            for pod, subject in share.subjects
            for address in pod.addresses
            if address.version == version
        }
        hosts, before = share.hosts[version], last.share.hosts[version]
        changed = {*before, *hosts} if renumbered else news[version]
        known = last.ruleset.maps.get(names.class_map(version))
        elements = known.elements if isinstance(known, ExactMap) else {}

        def goto(number: int, hosts: Mapping[int, Membership] = hosts) -> Verdict | None:
            membership = hosts.get(number)
            return None if membership is None else classes[membership].goto

        segments: dict[Range, Verdict] = {s.addresses: classes[s.membership].goto for s in share.segments[version]}
        yield from (
            _kept(last, names.subject_map(version), ExactMap(KEY[version], subjects)),
            _kept(last, names.class_map(version), ExactMap(KEY[version], patched(elements, changed, goto))),
            _kept(last, names.net_map(version), RangeMap(KEY[version], segments)),
        )


def _kept(last: _State, name: str, found: VerdictMap) -> tuple[str, VerdictMap]:
    """Return the map of the last time if it is the same."""
    known = last.ruleset.maps.get(name)
    return name, known if known is not None and known == found else found
