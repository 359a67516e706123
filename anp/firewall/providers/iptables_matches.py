"""What the matches of an iptables rule mean for a packet that opens a connection.

Policies are stateful, so only such packets count: a rule that none of them can match changes nothing, and a match that
all of them satisfy says nothing (translation.md 1.5).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from anp.firewall.matching import Match
from anp.firewall.model import EVERY_ADDRESS, Condition, InterfaceMatch, Reason, common
from anp.firewall.providers.iptables_options import Option, RuleWords
from anp.firewall.providers.literals import TooManyNetworksError, address_range, addresses, port_ranges, protocol
from anp.firewall.providers.states import FLAGS, STATES, End, by_flags, by_state
from anp.firewall.services import EVERY_SERVICE, ICMP, ICMPV6, MAX_PORT, TCP, WITH_PORTS, Services
from compiler import intervals
from compiler.addresses import AddressSet, IpVersion
from compiler.intervals import Ranges

UDPLITE, DCCP = 136, 33


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TRANSPARENT = _names("tcp udp sctp dccp udplite icmp icmp6 icmpv6 multiport comment state conntrack iprange set")
"""Modules that match nothing by themselves, only by options that we know."""

_CODES = {
    **dict.fromkeys(
        _names("limit hashlimit recent connlimit connbytes quota quota2 statistic random nth psd"), "FW104"
    ),
    **dict.fromkeys(_names("string u32 bpf layer7 ndpi tls webstr ipp2p account owner"), "FW105"),
    **dict.fromkeys(_names("dscp tos ttl hl length frag ecn tcpmss hbh dst rt ah esp ipv6header sctp tcp"), "FW144"),
    "mac": "FW106",
    "time": "FW102",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule is read with: its family, addresses of sets, and whether anything exempts packets from tracking."""

    version: IpVersion
    groups: Mapping[str, AddressSet]
    untracked: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """Disjoint matches for opening packets; or, if `never` is given, why there are none."""

    matches: tuple[Match, ...]
    never: Reason | None = None


class _Reading:
    """The matches of one rule, as they come together."""

    def __init__(self, rule: RuleWords, context: Context) -> None:
        self.rule, self.context = rule, context
        self.services = EVERY_SERVICE
        self.sources = self.destinations = EVERY_ADDRESS
        self.names: tuple[list[str], list[str]] = [], []
        self.incoming: list[InterfaceMatch] = []
        self.outgoing: list[InterfaceMatch] = []
        self.conditions: list[Condition] = []
        self.either: Ranges | None = None
        self.never: Reason | None = None

    def meaning(self) -> Meaning:
        for option in sorted(self.rule.options, key=lambda option: option.name != "--protocol"):
            self._read(option)
        self._modules()
        match = Match(
            self.sources,
            self.destinations,
            self.services,
            tuple(self.incoming),
            tuple(self.outgoing),
            tuple(dict.fromkeys(self.conditions)),
            (tuple(self.names[0]), tuple(self.names[1])),
        )
        if self.either is None:
            return Meaning((match,), self.never)
        # Either port may be the one: the destination's is exact, and of the rest we know that the source's must be.
        hit = Services.of(*((number, self.either) for number in self._protocols()))
        source = Condition("FW143", f"source port {_ports(self.either)}")
        return Meaning(
            (
                replace(match, services=match.services & hit),
                replace(match, services=match.services - hit, conditions=(*match.conditions, source)),
            ),
            self.never,
        )

    def _read(self, option: Option) -> None:  # noqa: C901, PLR0912 - one line for each option
        argument = option.arguments[0] if option.arguments else ""
        match option.name:
            case "--source" | "--destination":
                try:
                    self._addresses(option, argument)
                except TooManyNetworksError:
                    self.conditions.append(Condition("FW108", str(option)))
            case "--src-range" | "--dst-range":
                self._narrow(option.name == "--src-range", address_range(argument), negated=option.negated)
            case "--protocol":
                self._protocol(argument, negated=option.negated)
            case "--in-interface" | "--out-interface":
                way = self.incoming if option.name == "--in-interface" else self.outgoing
                if argument != "+" or option.negated:
                    way.append(InterfaceMatch((argument,), option.negated))
            case "--destination-port" | "--destination-ports":
                self._destination_ports(argument, negated=option.negated)
            case "--source-port" | "--source-ports":
                self._source_ports(argument, negated=option.negated)
            case "--ports":
                self._either_port(argument, negated=option.negated)
            case "--ctstate":
                self._state(argument, negated=option.negated)
            case "--syn":
                self._flags("FIN,SYN,RST,ACK", "SYN", negated=option.negated)
            case "--tcp-flags":
                self._flags(*option.arguments, negated=option.negated)
            case "--icmp-type":
                self._icmp(option, argument)
            case "--match-set":
                self._set(option)
            case "--fragment":
                # Only the first fragment can open anything, and tracking puts fragments together before.
                if not option.negated:
                    self._no_opening("FW144", "later fragments open no connection")
            case "--ipv4" | "--ipv6":
                if option.name != f"--ipv{self.context.version}":
                    self._no_opening("FW002", "it is about the other address family")
            case _:
                pass

    def _modules(self) -> None:
        unknown: dict[str, list[str]] = {}
        for module in self.rule.modules:
            if module not in _TRANSPARENT:
                unknown.setdefault(module, [f"-m {module}"])
        for option in self.rule.options:
            if not option.known:
                start = [f"-m {option.module}"] if option.module else []
                unknown.setdefault(option.module, start).append(str(option))
        for module, texts in unknown.items():
            self.conditions.append(Condition(_CODES.get(module, "FW108"), " ".join(texts)))

    def _narrow(self, is_source: bool, found: AddressSet, *, negated: bool) -> None:  # noqa: FBT001
        if negated:
            found = EVERY_ADDRESS - found
        if is_source:
            self.sources = found if self.sources is EVERY_ADDRESS else common(self.sources, found)
        else:
            self.destinations = found if self.destinations is EVERY_ADDRESS else common(self.destinations, found)

    def _addresses(self, option: Option, text: str) -> None:
        found = AddressSet()
        for part in text.split(","):
            group = self.context.groups.get(part)
            if group is not None and not option.negated:
                self.names[option.name == "--destination"].append(part)
            found |= addresses(part) if group is None else group
        self._narrow(option.name == "--source", found, negated=option.negated)

    def _protocol(self, text: str, *, negated: bool) -> None:
        number = protocol(text)
        every = EVERY_SERVICE if number is None else Services.every_port(number)
        self.services = EVERY_SERVICE - every if negated else every

    def _protocols(self) -> list[int]:
        """Return the protocols that a rule with ports is about.

        Raises:
            ValueError: the rule names none that has ports.

        """
        numbers = [number for number, _ports in self.services.by_protocol]
        if len(numbers) != 1 or numbers[0] not in (*WITH_PORTS, UDPLITE, DCCP):
            raise ValueError("ports without a protocol that has them")
        return numbers

    def _destination_ports(self, text: str, *, negated: bool) -> None:
        ports = port_ranges(text)
        if negated:
            ports = intervals.difference(((0, MAX_PORT),), ports)
        numbers = self._protocols()
        if numbers[0] in WITH_PORTS:
            self.services &= Services.of(*((number, ports) for number in numbers))
        else:
            self.conditions.append(Condition("FW108", f"destination port {_ports(ports)}"))

    def _source_ports(self, text: str, *, negated: bool) -> None:
        self._protocols()
        ports = port_ranges(text)
        if negated:
            ports = intervals.difference(((0, MAX_PORT),), ports)
        if ports != ((0, MAX_PORT),):
            self.conditions.append(Condition("FW143", f"source port {_ports(ports)}"))

    def _either_port(self, text: str, *, negated: bool) -> None:
        if negated:
            self._destination_ports(text, negated=True)
            self._source_ports(text, negated=True)
        elif self._protocols()[0] in WITH_PORTS:
            self.either = port_ranges(text)
        else:
            self.conditions.append(Condition("FW108", f"source or destination port {text}"))

    def _state(self, text: str, *, negated: bool) -> None:
        states = frozenset(text.upper().split(","))
        translated = states & {"SNAT", "DNAT"}
        if not states - translated <= STATES:
            raise ValueError(f"{text} is no state of a connection")
        words = f"not {text}" if negated else text
        if translated and "NEW" not in states:
            # Whether an address is translated is a question beside the others.
            self._judge(Condition("FW108", f"connection state {words}"))
        else:
            asked = STATES - states if negated else states - translated
            self._judge(by_state(asked, self._end(), words, untracked=self.context.untracked))

    def _flags(self, mask_text: str, set_text: str, *, negated: bool) -> None:
        if [number for number, _ports in self.services.by_protocol] != [TCP]:
            raise ValueError("TCP flags without TCP")
        mask, wanted = _flag_set(mask_text), _flag_set(set_text)
        self._judge(by_flags((mask & {"SYN"} == wanted) is not negated, self._end()))

    def _end(self) -> End:
        target = self.rule.target
        return End.ACCEPT if target == "ACCEPT" else End.DENY if target in ("DROP", "REJECT") else End.OTHER

    def _judge(self, found: Reason | Condition | None) -> None:
        if isinstance(found, Condition):
            self.conditions.append(found)
        elif found is not None:
            self._no_opening(found.code, found.text)

    def _icmp(self, option: Option, text: str) -> None:
        numbers = [number for number, _ports in self.services.by_protocol]
        if numbers not in ([ICMP], [ICMPV6]):
            raise ValueError("an ICMP type without ICMP")
        if text != "any" or option.negated:
            self.conditions.append(Condition("FW101", f"icmp type {'not ' if option.negated else ''}{text}"))

    def _set(self, option: Option) -> None:
        name, way = option.arguments
        found = self.context.groups.get(name)
        if way not in ("src", "dst") or found is None:
            self.conditions.append(Condition("FW152", f"{'not ' if option.negated else ''}in set {name} by {way}"))
        else:
            self._narrow(way == "src", found, negated=option.negated)
        if way in ("src", "dst") and not option.negated:
            self.names[way == "dst"].append(name)

    def _no_opening(self, code: str, text: str) -> None:
        self.never = self.never or Reason(code, text)


def meaning(rule: RuleWords, context: Context) -> Meaning:
    """Say which opening packets a rule matches.

    Raises:
        ValueError: an option makes no sense.

    """
    return _Reading(rule, context).meaning()


def _flag_set(text: str) -> frozenset[str]:
    named = frozenset(text.upper().split(","))
    if named == {"ALL"}:
        return FLAGS
    if named == {"NONE"}:
        return frozenset()
    if not named <= FLAGS:
        raise ValueError(f"{text} are no TCP flags")
    return named


def _ports(ports: Iterable[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ports)
