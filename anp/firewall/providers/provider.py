"""The interface of providers: what each is given and what it makes of that.

A provider reads one language. It never fails because of what the text says: a line that it does not understand is a
diagnostic with its number, and the rest is read. Nothing of the text is executed, looked up or fetched.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from anp.firewall.model import Firewall
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic
from compiler.addresses import AddressSet


@dataclass(frozen=True, slots=True)
class Source:
    """A text to read, and where it comes from.

    Bytes that are not UTF-8 were read as Latin-1, line by line, which no address and no keyword minds; NULs are gone.
    """

    name: str
    text: str
    digest: str
    diagnostics: tuple[Diagnostic, ...] = ()

    @classmethod
    def of(cls, name: str, data: bytes) -> "Source":
        """Decode what was read from somewhere."""
        found: list[Diagnostic] = []
        lines: list[str] = []
        # Byte order marks tell UTF-16, which Windows tools export.
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            data = data.decode("utf-16", errors="replace").encode()
        data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        for number, line in enumerate(data.split(b"\n"), start=1):
            try:
                text = line.decode()
            except UnicodeDecodeError:
                text = line.decode("latin-1")
                message = "not UTF-8; it was read as Latin-1"
                found.append(diagnostic(Severity.INFO, message, at=Location(name, number)))
            if "\0" in text:
                found.append(diagnostic(Severity.WARNING, "NUL characters were left out", at=Location(name, number)))
                text = text.replace("\0", "")
            lines.append(text)
        return cls(name, "\n".join(lines), hashlib.sha256(data).hexdigest(), tuple(found))

    @property
    def lines(self) -> list[str]:
        """The text's lines; the first has number 1."""
        return self.text.split("\n")


@dataclass(frozen=True, slots=True)
class Options:
    """What whoever translates says beyond the text.

    `lists` are the chains or ACLs to translate where the provider's choice is not theirs. `groups` gives addresses to
    names that the text only uses.
    """

    lists: tuple[str, ...] = ()
    groups: Mapping[str, AddressSet] = field(default_factory=dict)


class Provider(Protocol):
    """Reads one language."""

    @property
    def name(self) -> str:
        """The word for it on a command line, as ``iptables``."""

    @property
    def title(self) -> str:
        """What people call it, as ``iptables-save and ip6tables-save``."""

    def recognises(self, source: Source) -> bool:
        """Say whether a text is in this language, from what only this language has; false rather than a guess."""

    def read(self, source: Source, options: Options) -> Firewall:
        """Read a text; never raises because of what it says."""
