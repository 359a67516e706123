"""Lists of hosts as people export them from spreadsheets and asset databases: an address and a name in each row."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from anp.api import syntax
from anp.firewall.inventory.addressing import addresses_of
from anp.sources.diagnostics import Diagnostic, Location, Severity, diagnostic, has_errors
from anp.sources.files import file_name, read_text
from compiler.addresses import AddressSet

MAX_FAULTS = 50
_DELIMITERS = ",;\t|"
_ADDRESS = frozenset({"ip", "ips", "address", "ipaddress", "ipaddr", "ipv4", "ipv6", "hostip", "primaryip", "ci ip"})
_NAME = frozenset(
    {"name", "hostname", "host", "fqdn", "dnsname", "server", "servername", "vm", "vmname", "ciname", "device", "node"}
)
_NAMESPACE = frozenset({"namespace", "ns", "k8snamespace", "project"})
_LABELS = frozenset({"labels", "tags"})
_LABEL = frozenset({"app", "application", "tier", "role", "component", "service", "env", "environment", "team"})
_PAIR = re.compile(r"\s*([^=:;,\s]+)\s*[=:]\s*([^;,\s]*)\s*[;,]?")


@dataclass(frozen=True, slots=True)
class Host:
    """What a list says of some addresses; the namespace may be empty."""

    addresses: AddressSet
    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    at: Location = field(default=Location(""), compare=False)


class Hosts(NamedTuple):
    """The hosts of a list, in its order, and what is wrong with it."""

    hosts: tuple[Host, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def read_hosts(path: str) -> Hosts:
    """Read a list of hosts. Never raises."""
    content = read_text(path)
    return Hosts((), content.diagnostics) if content.text is None else parse_hosts(content.text, file_name(path))


def parse_hosts(text: str, file: str) -> Hosts:
    """Read the text of a list: a header, and a row for each host; a row that makes no sense is told and passed by.

    Columns are found by their names, with those that people commonly use; what separates them, by what the header has
    most of. Columns such as ``tier`` are labels; ``labels`` has several, as ``a=b;c=d``.
    """
    lines = text.replace("\0", "").splitlines()
    if not lines:
        return Hosts((), (diagnostic(Severity.ERROR, "the list of hosts is empty", at=Location(file)),))
    delimiter = max(_DELIMITERS, key=lines[0].count)
    rows = csv.reader(lines, delimiter=delimiter)
    hosts: list[Host] = []
    found: list[Diagnostic] = []
    try:
        header = [re.sub(r"[\s_.-]", "", cell).lower() for cell in next(rows)]
        address = next((index for index, cell in enumerate(header) if cell in _ADDRESS), None)
        name = next((index for index, cell in enumerate(header) if cell in _NAME), None)
        if address is None or name is None:
            message = "the first line names no column for addresses and one for names"
            hint = "name them `ip` and `name`"
            return Hosts((), (diagnostic(Severity.ERROR, message, at=Location(file, 1), hint=hint),))
        for row in rows:
            at = Location(file, rows.line_num)
            if not any(cell.strip() for cell in row):
                continue
            try:
                hosts.append(_host(header, row, address, name, at))
            except (ValueError, IndexError) as error:
                reason = str(error) if isinstance(error, ValueError) else "the row is too short"
                found.append(diagnostic(Severity.WARNING, f"{reason}; the row was passed by", at=at))
            if len(found) >= MAX_FAULTS:
                message = "there are too many such rows; the rest of the list was not read"
                found.append(diagnostic(Severity.ERROR, message, at=Location(file)))
                break
    except (csv.Error, StopIteration) as error:
        message = f"this is no list with columns: {error}"
        found.append(diagnostic(Severity.ERROR, message, at=Location(file, rows.line_num)))
    return Hosts(() if has_errors(found) else tuple(hosts), tuple(found))


def _host(header: list[str], row: list[str], address: int, name: int, at: Location) -> Host:
    cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
    addresses = AddressSet()
    for text in re.split(r"[\s;,|]+", row[address].strip()):
        addresses |= addresses_of(text)
    namespace = next((cells[key] for key in header if key in _NAMESPACE and cells.get(key)), "")
    if namespace:
        syntax.dns_label(namespace)
    labels: dict[str, str] = {}
    for key, value in cells.items():
        if key in _LABEL and value:
            labels |= _label(key, value)
        elif key in _LABELS:
            for pair in _PAIR.finditer(value):
                labels |= _label(pair[1], pair[2])
    return Host(addresses, row[name].strip(), namespace, labels, at)


def _label(key: str, value: str) -> dict[str, str]:
    """Return a label, or nothing for what cannot be one."""
    return dict(_checked(key, value))


def _checked(key: str, value: str) -> Iterator[tuple[str, str]]:
    try:
        yield syntax.label_key(key), syntax.label_value(value)
    except ValueError:
        return
