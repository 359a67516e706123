"""A line of iptables-save as words, and words as options: the grammar, without the meaning.

Sources: iptables(8), iptables-extensions(8), iptables-save(8).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_WORD = re.compile(r'"((?:\\.|[^"\\])*)"(?=\s|$)|(\S+)')
_ESCAPE = re.compile(r"\\(.)")

_LONG = {
    "-s": "--source",
    "--src": "--source",
    "-d": "--destination",
    "--dst": "--destination",
    "-p": "--protocol",
    "--proto": "--protocol",
    "-i": "--in-interface",
    "-o": "--out-interface",
    "-j": "--jump",
    "-g": "--goto",
    "-m": "--match",
    "-f": "--fragment",
    "-c": "--set-counters",
    "-4": "--ipv4",
    "-6": "--ipv6",
    "--sport": "--source-port",
    "--dport": "--destination-port",
    "--sports": "--source-ports",
    "--dports": "--destination-ports",
    "--port": "--ports",
    "--icmpv6-type": "--icmp-type",
    "--set": "--match-set",
    "--state": "--ctstate",
}

_ARGUMENTS = {
    **dict.fromkeys(("--source", "--destination", "--protocol", "--in-interface", "--out-interface"), 1),
    **dict.fromkeys(("--jump", "--goto", "--match", "--comment", "--ctstate", "--icmp-type"), 1),
    **dict.fromkeys(("--source-port", "--destination-port", "--source-ports", "--destination-ports", "--ports"), 1),
    **dict.fromkeys(("--src-range", "--dst-range"), 1),
    **dict.fromkeys(("--tcp-flags", "--match-set", "--set-counters"), 2),
    **dict.fromkeys(("--syn", "--fragment", "--ipv4", "--ipv6"), 0),
}
"""How many words follow the options whose meaning we know."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option by its long name, and whether a ``!`` stands before or after it; `module` is the latest ``-m``."""

    name: str
    arguments: tuple[str, ...]
    negated: bool = False
    module: str = ""
    known: bool = True

    def __str__(self) -> str:
        return " ".join(("! " if self.negated else "", self.name, *self.arguments)).strip()


@dataclass(slots=True)
class RuleWords:
    """All of a rule: what it matches, where it goes, and what else the target is told."""

    options: list[Option] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    target: str = ""
    is_goto: bool = False
    target_options: str = ""
    comment: str = ""
    hits: int | None = None


def words(line: str) -> list[str]:
    """Split a line as iptables-save quotes it.

    Raises:
        ValueError: a quotation does not end.

    """
    found: list[str] = []
    for match in _WORD.finditer(line):
        quoted, plain = match.groups()
        if quoted is not None:
            found.append(_ESCAPE.sub(r"\1", quoted))
        elif plain.startswith('"'):
            raise ValueError("a quotation that does not end")
        else:
            found.append(plain)
    return found


def parse(line_words: list[str]) -> RuleWords:
    """Sort the words of a rule after its chain.

    Raises:
        ValueError: a word has no place, or an option lacks its argument.

    """
    rule = RuleWords()
    told: list[str] = []
    module = ""
    for option in _options(line_words):
        argument = option.arguments[0] if option.arguments else ""
        if option.name in ("--jump", "--goto"):
            if rule.target:
                raise ValueError("two targets")
            rule.target, rule.is_goto = argument, option.name == "--goto"
        elif option.name == "--match":
            module = argument
            rule.modules.append(module)
        elif option.name == "--comment":
            rule.comment = argument
        elif option.name == "--set-counters":
            rule.hits = int(argument) if argument.isascii() and argument.isdigit() and len(argument) < 20 else None
        elif not option.known and rule.target:
            told.append(str(option))
        else:
            rule.options.append(Option(option.name, option.arguments, option.negated, module, option.known))
    rule.target_options = " ".join(told)
    return rule


def _options(line_words: list[str]) -> Iterator[Option]:
    place = 0
    while place < len(line_words):
        negated = line_words[place] == "!"
        place += negated
        name = line_words[place] if place < len(line_words) else ""
        if not name.startswith("-"):
            raise ValueError(f"{name or '!'} has no place here")
        place += 1
        # --set is two things: an old spelling of a match in -m set, and a flag of -m recent.
        long = _LONG.get(name, name)
        if name == "--set" and (place >= len(line_words) or line_words[place].startswith(("-", "!"))):
            long = name
        known = long in _ARGUMENTS
        if place < len(line_words) and line_words[place] == "!" and _ARGUMENTS.get(long, 0) > 0:
            # The old place of the negation.
            negated, place = True, place + 1
        count = _ARGUMENTS.get(long)
        if count is None:
            rest = line_words[place:]
            count = next((n for n, word in enumerate(rest) if word == "!" or word.startswith("-")), len(rest))
        if place + count > len(line_words):
            raise ValueError(f"{name} lacks its argument")
        yield Option(long, tuple(line_words[place : place + count]), negated, known=known)
        place += count
