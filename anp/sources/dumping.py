"""Writing YAML that every reader takes for what it was made from.

``y`` is a boolean to Kubernetes, as YAML 1.1 has it, and a text to newer readers; what any of them may take for
something else gets quotes.
"""

from functools import lru_cache
from typing import Any

import yaml

from anp.sources.scalars import plain_scalar


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes texts that read as something else in quotes, and no anchors, which nobody wants to follow in a policy."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Write what occurs twice twice."""
        return True


class SlowDumper(yaml.SafeDumper):
    """The same, for texts that are no Unicode."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Write what occurs twice twice."""
        return True


@lru_cache(maxsize=1 << 14)
def _ambiguous(text: str) -> bool:
    return bool(text) and plain_scalar(text) != text


def _text(dumper: Any, text: str) -> yaml.ScalarNode:
    node: yaml.ScalarNode = dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if _ambiguous(text) else None
    )
    return node


Dumper.add_representer(str, _text)
SlowDumper.add_representer(str, _text)


def dump(content: Any, *, width: int = 4096, unicode: bool = False) -> str:
    """Write a document, its keys in their order."""
    try:
        return str(yaml.dump(content, Dumper=Dumper, sort_keys=False, width=width, allow_unicode=unicode))
    except UnicodeEncodeError:  # half of a surrogate pair, as file names can have them
        return str(yaml.dump(content, Dumper=SlowDumper, sort_keys=False, width=width, allow_unicode=unicode))
