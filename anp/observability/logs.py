"""The log of a process that runs for long, on standard error: lines for people, or JSON for programs."""

import json
import logging
import sys
import time
from typing import Any

from anp.sources.diagnostics import printable

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; all else was given as `extra`."""

_NOISY = {"kopf": logging.WARNING, "kopf._core.reactor.running": logging.ERROR, "aiohttp.access": logging.WARNING}
"""Libraries that would tell of every event."""


class _Lines(logging.Formatter):
    """One line for each record: what people look for comes first."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(record.created))
        more = "".join(f" {key}={value}" for key, value in _extra(record).items())
        text = printable(f"{moment} {record.levelname.lower():<7} {record.getMessage()}{more}")
        return text + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")


class _Json(logging.Formatter):
    """One JSON object on one line for each record."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


def set_up_logging(form: str = "auto") -> None:
    """Send the log to standard error, as `lines` or as `json`; `auto` is lines where somebody looks at a terminal."""
    if form == "auto":
        form = "lines" if sys.stderr.isatty() else "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in _NOISY.items():
        logging.getLogger(name).setLevel(level)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    # What libraries attach is for themselves, and nobody knows what it says.
    if not record.name.startswith("anp."):
        return {}
    return {key: value for key, value in vars(record).items() if key not in _OWN and not key.startswith("_")}
