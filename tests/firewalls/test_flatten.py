"""Chains made flat mean what a walk through them means, packet by packet."""

from dataclasses import dataclass
from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anp.firewall.flatten import Flat, Goto, Jump, Simple, Step, Trouble, Unknown, Verdict, flatten
from anp.firewall.matching import EVERYTHING, Match, both, minus
from anp.firewall.model import EVERY_ADDRESS, Action, Condition, InterfaceMatch, Rule
from anp.firewall.services import EVERY_SERVICE, ICMP, TCP, UDP, Services
from compiler.addresses import AddressSet
from tests.firewalls.oracle import Packet, least, matches, most, passes, walk, within

DEFAULT = 1_000
CHAINS = ("FORWARD", "one", "two", "three")
ADDRESSES = (
    EVERY_ADDRESS,
    AddressSet.of("192.0.2.0/24"),
    AddressSet.of("192.0.2.0/25"),
    AddressSet.of("192.0.2.77"),
    AddressSet.of("192.0.2.77", "198.51.100.0/24", "2001:db8::/32"),
    EVERY_ADDRESS - AddressSet.of("192.0.2.0/24"),
    AddressSet.of("2001:db8::1"),
)
SERVICES = (
    EVERY_SERVICE,
    Services.every_port(TCP),
    Services.of((TCP, [(80, 80), (443, 443)])),
    Services.of((TCP, [(80, 90)]), (UDP, [(53, 53)])),
    Services.every_port(ICMP),
    EVERY_SERVICE - Services.every_port(TCP),
)
INTERFACES = (
    (),
    (InterfaceMatch(("eth0",)),),
    (InterfaceMatch(("eth1", "tun0")),),
    (InterfaceMatch(("eth+",)),),
    (InterfaceMatch(("eth0",), negated=True),),
    (InterfaceMatch(("eth+",)), InterfaceMatch(("eth1",), negated=True)),
)
CONDITIONS = ((), (Condition("FW104", "limit 5/min"),), (Condition("FW106", "mac a"), Condition("FW102", "by day")))

PACKETS = st.builds(
    lambda ends, service, incoming, outgoing: Packet(*map(ip_address, ends), *service, incoming, outgoing),
    st.sampled_from(
        [
            (source, destination)
            for family in (
                ("192.0.2.1", "192.0.2.77", "192.0.2.127", "192.0.2.128", "192.0.3.0", "198.51.100.9", "8.8.8.8"),
                ("2001:db8::", "2001:db8::1", "2001:db7:ffff::"),
            )
            for source in family
            for destination in family
        ]
    ),
    st.sampled_from([(TCP, 79), (TCP, 80), (TCP, 85), (TCP, 443), (UDP, 53), (UDP, 54), (ICMP, 0), (47, 0)]),
    st.sampled_from(["eth0", "eth1", "eth7", "tun0", "lo"]),
    st.sampled_from(["eth0", "eth1", "eth7", "tun0", "lo"]),
)


def mostly(default, pool):
    """Draw the default half of the time, or chains would be too narrow for anything to come through."""
    return st.sampled_from([*[default] * len(pool), *pool])


MATCHES = st.builds(
    Match,
    sources=mostly(EVERY_ADDRESS, ADDRESSES),
    destinations=mostly(EVERY_ADDRESS, ADDRESSES),
    services=mostly(EVERY_SERVICE, SERVICES),
    incoming=mostly((), INTERFACES),
    outgoing=mostly((), INTERFACES),
    conditions=mostly((), CONDITIONS),
)
TARGETS = st.one_of(
    st.sampled_from([Verdict(Action.PERMIT), Verdict(Action.DENY), Simple.RETURN, Simple.RETURN, Simple.GO_ON]),
    st.sampled_from([*map(Jump, CHAINS[1:]), *map(Goto, CHAINS[1:])]),
    st.sampled_from([*map(Jump, CHAINS[1:]), *map(Goto, CHAINS[1:]), Unknown("FW108", "NFQUEUE"), Jump("nowhere")]),
)


@st.composite
def chains(draw):
    numbers = iter(range(DEFAULT))
    return {
        name: tuple(
            Step(next(numbers), draw(MATCHES), draw(TARGETS)) for _ in range(draw(st.integers(0, 6), label=name))
        )
        for name in draw(st.permutations(CHAINS))
    }


def flat(chains, **options) -> Flat:
    return flatten(chains, "FORWARD", Rule(DEFAULT, Action.DENY), **options)


@dataclass
class Interpreter:
    """Walks chains as the kernel does."""

    chains: dict
    truths: dict

    def holds(self, condition: Condition) -> bool:
        # What flattening adds are negations of what was there.
        if condition.text.startswith("unless "):
            return not all(map(self.truth, condition.text.removeprefix("unless ").split(" and ")))
        return self.truth(condition.text)

    def truth(self, text: str) -> bool:
        return self.truths.setdefault(text, hash(text) % 2 == 0)

    def verdict(self, packet: Packet) -> Action:
        return self._walk(CHAINS[0], packet, ()) or Action.DENY

    def _walk(self, chain, packet, above) -> Action | None:
        for step in self.chains[chain]:
            match = step.match
            applies = matches(match.rule(0, Action.PERMIT), packet) and all(map(self.holds, match.conditions))
            if not applies:
                continue
            match step.target:
                case Verdict(action):
                    return action
                case Simple.RETURN:
                    return None
                case Simple.GO_ON:
                    continue
                case Unknown(_, text):
                    decided = self._asked(text)
                case Jump(to) | Goto(to) if to not in self.chains or to in (*above, chain):
                    decided = self._asked(f"chain {to}")
                case Jump(to) | Goto(to):
                    decided = self._walk(to, packet, (*above, chain))
            if decided is not None or isinstance(step.target, Goto):
                return decided
        return None

    def _asked(self, who) -> Action | None:
        if self.truth(f"accepted by {who}"):
            return Action.PERMIT
        return Action.DENY if self.truth(f"dropped by {who}") else None


TEXTS = ["limit 5/min", "mac a", "by day", *(f"{word} by NFQUEUE" for word in ("accepted", "dropped"))]
TEXTS += [f"{word} by chain {name}" for word in ("accepted", "dropped") for name in (*CHAINS, "nowhere")]
TRUTHS = st.fixed_dictionaries({text: st.booleans() for text in TEXTS})


@settings(max_examples=20 * settings().max_examples, suppress_health_check=list(HealthCheck))
@given(chains(), TRUTHS, st.lists(PACKETS, min_size=1, max_size=20))
def test_a_flat_list_means_what_its_chains_mean(chains, truths, packets):
    found = flat(chains)
    interpreter = Interpreter(chains, truths)
    for packet in packets:
        expected = interpreter.verdict(packet)
        outcome = walk(found.rules, packet, lambda _rule, condition: interpreter.holds(condition))
        assert outcome.action is expected, packet
        lower, upper = (walk(found.rules, packet, truth).action is Action.PERMIT for truth in (least, most))
        assert lower <= (expected is Action.PERMIT) <= upper, packet


@given(chains(), st.lists(PACKETS, min_size=1, max_size=20))
def test_only_what_is_conditional_is_in_doubt(chains, packets):
    plain = {
        name: tuple(
            Step(step.statement, Match(step.match.sources, step.match.destinations, step.match.services), step.target)
            for step in steps
            if not isinstance(step.target, Unknown) and step.target != Jump("nowhere")
        )
        for name, steps in chains.items()
    }
    found = flat(plain)
    if not found.problems:
        assert not any(rule.conditions for rule in found.rules)
    for packet in packets:
        assert walk(found.rules, packet).action in Action


@given(chains())
def test_rules_say_which_statements_led_to_them(chains):
    by_number = {step.statement: (name, step) for name, steps in chains.items() for step in steps}
    found = flat(chains)
    assert found.rules[-1] == Rule(DEFAULT, Action.DENY)
    for rule in found.rules[:-1]:
        place = "FORWARD"
        for number in rule.through:
            chain, step = by_number[number]
            assert chain == place
            place = step.target.chain
        assert by_number[rule.statement][0] == place
    assert {rule.statement for rule in found.rules[:-1]} <= found.statements <= set(by_number)
    assert {by_number[number][0] for number in found.statements} <= found.chains


@settings(max_examples=8 * settings().max_examples)
@given(MATCHES.filter(lambda match: match.is_possible), MATCHES, st.lists(PACKETS, min_size=10, max_size=30))
def test_what_is_taken_away_is_gone_and_nothing_else(left, right, packets):
    for packet in packets:
        check_taken_away(left, right, packet)


def check_taken_away(left, right, packet):
    def holds(match, *, conditions):
        found = matches(match.rule(0, Action.PERMIT), packet)
        return found and (conditions or not match.conditions)

    common = both(left, right)
    assert (common is not None and holds(common, conditions=True)) == (
        holds(left, conditions=True) and holds(right, conditions=True)
    )
    parts = [*minus(left, right)]
    inside = holds(right, conditions=True)
    found = [part for part in parts if holds(part, conditions=True)]
    if not holds(left, conditions=True):
        assert found == []
    elif not inside:
        assert [part.conditions for part in found] == [left.conditions]
    elif not right.conditions:
        assert found == []
    else:
        texts = " and ".join(condition.text for condition in right.conditions)
        assert [part.conditions[-1].text for part in found] == [f"unless {texts}"]
    assert all(part.is_possible for part in parts)


def test_interfaces_that_cannot_be_are_seen():
    one, other = (InterfaceMatch(("eth0",)),), (InterfaceMatch(("eth1",)),)
    assert both(Match(incoming=one), Match(incoming=other)) is None
    assert both(Match(incoming=one), Match(outgoing=other)) is not None
    assert both(Match(incoming=(InterfaceMatch(("eth+",)),)), Match(incoming=one)) is not None
    assert [*minus(Match(incoming=one), Match(incoming=one))] == []
    assert passes((*one, *one), "eth0")
    assert within(EVERY_ADDRESS, ip_address("::"))


def accept(number: int, **match) -> Step:
    return Step(number, Match(**match), Verdict(Action.PERMIT))


def test_a_return_splits_only_what_overlaps_it():
    web, other = AddressSet.of("192.0.2.0/28"), AddressSet.of("198.51.100.0/24")
    found = flat(
        {
            "FORWARD": (Step(0, EVERYTHING, Jump("one")), accept(1)),
            "one": (
                Step(2, Match(sources=web), Simple.RETURN),
                Step(3, Match(sources=other), Verdict(Action.DENY)),
                Step(4, Match(services=SERVICES[1]), Verdict(Action.DENY)),
                Step(5, EVERYTHING, Simple.RETURN),
            ),
        }
    )
    assert [(rule.statement, rule.sources, rule.through) for rule in found.rules] == [
        (3, other, (0,)),
        (4, EVERY_ADDRESS - web, (0,)),
        (1, EVERY_ADDRESS, ()),
        (DEFAULT, EVERY_ADDRESS, ()),
    ]
    assert not any(rule.conditions for rule in found.rules)


def test_returns_that_differ_in_their_sources_alone_all_return():
    one, other = AddressSet.of("192.0.2.77"), AddressSet.of("198.51.100.0/24")
    returns = [Step(number, Match(sources=some), Simple.RETURN) for number, some in enumerate((one, other))]
    deny = Step(2, EVERYTHING, Verdict(Action.DENY))
    found = flat({"FORWARD": (Step(3, EVERYTHING, Jump("one")), accept(4)), "one": (*returns, deny)})
    assert [(rule.statement, rule.sources) for rule in found.rules[:-1]] == [
        (2, EVERY_ADDRESS - one - other),
        (4, EVERY_ADDRESS),
    ]


def test_thousands_of_conditional_returns_stay_a_list():
    # Spoofing rules are like this: who has the right MAC address goes on, everybody else is dropped.
    guards = [
        Step(
            number, Match(sources=AddressSet.of(f"10.1.{number >> 8}.{number & 255}"), conditions=(mac,)), Simple.RETURN
        )
        for number in range(1_900)
        for mac in [Condition("FW106", f"mac {number}")]
    ]
    found = flat(
        {
            "FORWARD": (Step(5_000, EVERYTHING, Jump("one")), accept(5_001)),
            "one": (*guards, Step(5_002, EVERYTHING, Verdict(Action.DENY))),
        }
    )
    assert not found.problems
    assert len(found.rules) == 1_900 + 1 + 2


def test_a_loop_and_a_missing_chain_are_brackets_and_are_named():
    found = flat({"FORWARD": (Step(0, EVERYTHING, Jump("one")),), "one": (Step(1, EVERYTHING, Goto("FORWARD")),)})
    assert [(problem.trouble, problem.statement) for problem in found.problems] == [(Trouble.LOOP, 1)]
    assert [rule.action for rule in found.rules] == [Action.PERMIT, Action.DENY, Action.DENY]
    found = flat({"FORWARD": (Step(0, EVERYTHING, Jump("one")),)})
    assert [(problem.trouble, problem.statement) for problem in found.problems] == [(Trouble.NO_SUCH_CHAIN, 0)]


@pytest.mark.parametrize("length", [20, 50])
def test_chains_that_double_are_given_up_and_not_walked(length):
    chains = {f"c{number}": (Step(2 * number, EVERYTHING, Jump(f"c{number + 1}")),) * 2 for number in range(length)}
    chains[f"c{length}"] = (accept(900, sources=ADDRESSES[1]),)
    found = flat({"FORWARD": (Step(901, EVERYTHING, Jump("c0")),), **chains}, most=5_000)
    assert found.is_too_large
    assert not found.statements
    packet = Packet.of("203.0.113.1", "203.0.113.2", TCP, 80)
    assert {walk(found.rules, packet, truth).action for truth in (least, most)} == {Action.PERMIT, Action.DENY}


def test_returns_that_cut_everything_into_pieces_are_given_up():
    services = [Services.of((TCP, [(number, number)])) for number in range(2_000)]
    returns = tuple(
        Step(
            number,
            Match(AddressSet.of(f"10.0.0.{number % 250}"), AddressSet.of(f"10.{number % 249}.0.0/16"), service),
            Simple.RETURN,
        )
        for number, service in enumerate(services)
    )
    found = flat({"FORWARD": (Step(9_000, EVERYTHING, Jump("one")),), "one": (*returns, accept(9_001))}, most=1_000)
    assert found.is_too_large


@pytest.mark.parametrize(("depth", "is_too_large"), [(900, False), (100_000, True)])
def test_nesting_is_as_deep_as_anyone_could_want_and_no_deeper(depth, is_too_large):
    chains = {f"c{number}": (Step(number, EVERYTHING, Jump(f"c{number + 1}")),) for number in range(depth)}
    chains[f"c{depth}"] = (accept(depth),)
    found = flatten(chains, "c0", Rule(DEFAULT * DEFAULT, Action.DENY))
    assert found.is_too_large is is_too_large
    if not is_too_large:
        assert found.rules[0].through == tuple(range(depth))


def test_only_packets_that_meet_the_chain_are_in_its_list():
    only = Match(sources=ADDRESSES[1])
    found = flat({"FORWARD": (accept(0), accept(1, sources=AddressSet.of("203.0.113.0/24")))}, within=only)
    assert [(rule.statement, rule.sources) for rule in found.rules] == [(0, ADDRESSES[1]), (DEFAULT, EVERY_ADDRESS)]
