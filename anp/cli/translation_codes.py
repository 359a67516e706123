"""The work of `anp translate codes`."""

from typing import Any

from anp.cli import console
from anp.cli.options import Output
from anp.cli.paint import bold
from anp.firewall.codes import CODES, Code


def print_codes(code: str, output: Output) -> None:
    """Print what one code means, or a line for each."""
    known = CODES.get(code.upper()) if code else None
    if code and known is None:
        console.fail(f"there is no code {code:.40}; there are {', '.join(CODES)}")
    if output is not Output.TEXT:
        shown = [known] if known else list(CODES.values())
        console.document({"kind": "TranslationCodes", "version": 1, "codes": list(map(_as_json, shown))}, output)
    elif known:
        console.say(f"{bold(known.code)} {known.title} ({known.severity.label})")
        console.say(known.meaning)
        console.say(f"What to do: {known.hint}")
    else:
        for each in CODES.values():
            console.say(f"{bold(each.code)}  {each.severity.label:<7}  {each.title}")


def _as_json(code: Code) -> dict[str, Any]:
    return {
        "code": code.code,
        "severity": code.severity.label,
        "title": code.title,
        "meaning": code.meaning,
        "hint": code.hint,
    }
