"""What the agents report of their nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What an agent says of its node: the generation in force, of which manifest, and what is wrong, if anything.

    `uid` is that of the report, and `owner` the uid of the node that it was made for.
    """

    uid: str = ""
    owner: str = ""
    generation: int = 0
    manifest: str = ""
    error: str = ""


def report_of(document: Mapping[str, Any]) -> NodeReport:
    """Read a NodeEnforcement; what is not there or makes no sense is as if nothing were reported."""
    metadata, status = document.get("metadata") or {}, document.get("status") or {}
    owners = [owner.get("uid") or "" for owner in metadata.get("ownerReferences") or ()]
    generation = status.get("generation")
    return NodeReport(
        uid=metadata.get("uid") or "",
        owner=owners[0] if owners else "",
        generation=generation if isinstance(generation, int) else 0,
        manifest=str(status.get("manifest") or ""),
        error=str(status.get("error") or ""),
    )
