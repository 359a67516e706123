"""Which of the many kinds in a manifest are ours, which are misspelt, and which are none of our business."""

import difflib
from dataclasses import dataclass

from anp.sources.diagnostics import Severity

POLICY_GROUPS = ("policy.networking.k8s.io", "networking.k8s.io")
OBJECT_KINDS = frozenset({"Namespace", "Node", "Pod", "Service"})

_NEIGHBOURS = frozenset({("networking.k8s.io", "ServiceCIDR")})
"""Kinds that exist and are merely spelt like one of ours."""

_NEAR_KIND = 0.75
_NEAR_GROUP = 0.9


@dataclass(frozen=True, slots=True)
class Remark:
    """What to say about a document whose kind is not read."""

    severity: Severity
    message: str
    hint: str = ""


def remark(api_version: str, kind: str, supported: tuple[tuple[str, str], ...]) -> Remark:
    """Judge a combination that is not among the `supported` pairs of apiVersion and kind.

    It is an error where one of ours was probably meant, since that object would silently not be in force; a warning
    where it is a policy of somebody else's API, since those are not enforced either; otherwise it is only noted.
    """
    versions = {name: version for version, name in supported}
    group = _group(api_version)
    if (group, kind) in _NEIGHBOURS:
        return _ignored(kind)
    # The core group has no name to be near to, and everybody uses it.
    ours = api_version == "v1" or any(_ratio(group, known) >= _NEAR_GROUP for known in POLICY_GROUPS)
    nearest = _nearest(kind, tuple(versions))
    theirs = "." in group
    if kind in versions and (ours or not theirs):
        return Remark(Severity.ERROR, f"there is no {kind} in {api_version}", _use(versions[kind], kind))
    if ours and nearest:
        return Remark(Severity.ERROR, f"there is no kind {kind} in {api_version}", _use(versions[nearest], nearest))
    if ours and _ratio(group, POLICY_GROUPS[0]) >= _NEAR_GROUP:
        known = ", ".join(f"{version} {name}" for version, name in supported if _group(version) == POLICY_GROUPS[0])
        return Remark(Severity.ERROR, f"{api_version} {kind} is not supported", f"supported are {known}")
    if kind in versions and kind not in OBJECT_KINDS:
        message = f"{kind} of {api_version} is another API's policy; it is not enforced"
        return Remark(Severity.WARNING, message, f"ours is {versions[kind]}")
    return _ignored(kind)


def _ignored(kind: str) -> Remark:
    return Remark(Severity.INFO, f"{kind} is ignored: it does not matter to policies")


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.casefold(), other.casefold()).ratio()


def _nearest(kind: str, known: tuple[str, ...]) -> str | None:
    by_fold = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(kind.casefold(), by_fold, n=1, cutoff=_NEAR_KIND)
    return by_fold[near[0]] if near else None


def _use(api_version: str, kind: str) -> str:
    return f"write apiVersion: {api_version} and kind: {kind}"
