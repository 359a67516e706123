"""Lines of a Cisco configuration as people have them: pasted from terminals, with pagers' leftovers and banners."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from anp.firewall.providers.cisco_assembly import Notes
from anp.firewall.providers.provider import Source

_LEFTOVERS = re.compile(r"<-+ *More *-+>|-+ *More *-+|\x1b\[[0-9;?]*[A-Za-z]")
_HITS = re.compile(
    r"\s*(?:\(hitcnt=(\d+)\)(?: \([a-z ]+\))*(?: 0x[0-9a-f]+)?|\((\d+) match(?:es)?\)|\[match=(\d+)[^\]]*\])\s*$"
)
_BANNER = re.compile(r"banner (?:motd|login|exec|incoming|slip-ppp|prompt-timeout|config-save) +(\^C|\S)(.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that may say something; `words` are without a comment at the end and without counters."""

    number: int
    indented: bool
    text: str
    words: tuple[str, ...]
    hits: int | None = None

    @property
    def first(self) -> str:
        """The first word."""
        return self.words[0]

    def starts(self, *words: str) -> bool:
        """Say whether the line begins with these words."""
        return self.words[: len(words)] == words


class UnreadableError(Exception):
    """A line says something that we do not understand; the text says what."""


class Words:
    """The words of a line, to be taken one after the other."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words
        self._place = 0

    def peek(self, ahead: int = 0) -> str:
        """Return a word that is still to come, or nothing."""
        place = self._place + ahead
        return self._words[place] if place < len(self._words) else ""

    def take(self, what: str = "more") -> str:
        """Take the next word.

        Raises:
            UnreadableError: there is none.

        """
        if self._place == len(self._words):
            raise UnreadableError(f"the line ends where {what} should follow")
        self._place += 1
        return self._words[self._place - 1]

    def took(self, *words: str) -> bool:
        """Take the next word if it is one of these."""
        if self.peek() in words and self.peek():
            self._place += 1
            return True
        return False

    def number(self, least: int, most: int, what: str) -> int:
        """Take a number.

        Raises:
            UnreadableError: there is none, or it is out of bounds.

        """
        word = self.take(what)
        if not (word.isascii() and word.isdigit() and len(word) < 12 and least <= int(word) <= most):
            raise UnreadableError(f"{word} is no {what}")
        return int(word)

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            UnreadableError: something is.

        """
        if self:
            raise UnreadableError(f"{self.rest()} is too much")

    def rest(self) -> str:
        """Take all that is left."""
        left = " ".join(self._words[self._place :])
        self._place = len(self._words)
        return left

    def __bool__(self) -> bool:
        return self._place < len(self._words)


def config_lines(source: Source, notes: Notes, *, banners: bool = False) -> Iterator[Line]:
    """Yield the lines that may say something; with `banners`, none that is inside of one (IOS)."""
    texts = source.lines
    place = 0
    while place < len(texts):
        text = _cleaned(texts[place])
        place += 1
        opening = _BANNER.match(text) if banners else None
        if opening is None:
            if (line := _line(place, text)) is not None:
                yield line
        elif opening[1] not in opening[2]:
            # What a banner says is for people: rules in it are no rules.
            end = next((other for other in range(place, len(texts)) if opening[1] in texts[other]), None)
            if end is None:
                notes.warning("FW150", place, "the banner does not end; what follows is read all the same")
            else:
                place = end + 1


def _line(number: int, text: str) -> Line | None:
    stripped = text.strip()
    if not stripped or stripped[0] in "!#":
        return None
    found = _HITS.search(stripped)
    said = stripped[: found.start()] if found else stripped
    # As `show access-lists` prints a standard list.
    said = said.replace(", wildcard bits", "")
    words = said.split()
    if "remark" not in words[:5] and "description" not in words[:1] and "!" in words:
        words = words[: words.index("!")]
        said = " ".join(words)
    hits = int(next(filter(None, found.groups()))[:18]) if found else None
    return Line(number, text[0] in " \t", said, tuple(words), hits) if words else None


def _cleaned(text: str) -> str:
    if "\x08" in text:
        text = _overwritten(text)
    text = _LEFTOVERS.sub("", text) if "More" in text or "\x1b" in text else text
    return text.rstrip()


def _overwritten(text: str) -> str:
    """Do what a terminal does on a backspace, by which pagers wipe their prompts away."""
    shown: list[str] = []
    place = 0
    for char in text:
        if char == "\x08":
            place = max(0, place - 1)
            continue
        shown[place : place + 1] = [char]
        place += 1
    return "".join(shown)
