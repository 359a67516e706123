"""AdmissionReview: what an API server asks, and what it is answered. Whatever it is sent, this reads or refuses it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anp.admission.known import JUDGED
from anp.api.objects import Resource

API_VERSION = "admission.k8s.io/v1"
_LONGEST_UID = 128
_WRITES = ("CREATE", "UPDATE")


class ReviewError(ValueError):
    """What was sent is no AdmissionReview that one could answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: may this object be stored? `resource` is None for whatever is not judged."""

    uid: str
    resource: Resource | None
    namespace: str = ""
    name: str = ""
    object: Mapping[str, Any] | None = None
    before: Mapping[str, Any] | None = None


def read_review(body: bytes) -> Asked:
    """Read a question.

    Raises:
        ReviewError: it is none.

    """
    try:
        review = json.loads(body)
    except (ValueError, RecursionError):
        raise ReviewError("this is not JSON") from None
    if not isinstance(review, dict) or (review.get("apiVersion"), review.get("kind")) != (
        API_VERSION,
        "AdmissionReview",
    ):
        raise ReviewError(f"this is no AdmissionReview of {API_VERSION}")
    request = review.get("request")
    uid = request.get("uid") if isinstance(request, dict) else None
    if not isinstance(request, dict) or not isinstance(uid, str) or not 0 < len(uid) <= _LONGEST_UID:
        raise ReviewError("there is no request with a uid in it")
    resource = _resource(request.get("kind"))
    thing, before = request.get("object"), request.get("oldObject")
    if resource is None or request.get("operation") not in _WRITES or request.get("subResource"):
        return Asked(uid, None)
    if not isinstance(thing, dict) or not (before is None or isinstance(before, dict)):
        raise ReviewError("the object is none")
    names = [text if isinstance(text := request.get(field), str) else "" for field in ("namespace", "name")]
    return Asked(uid, resource, names[0], names[1], thing, before or None)


def answer(uid: str, warnings: tuple[str, ...] = (), denial: str = "") -> dict[str, Any]:
    """Return the answer: allowed, unless there is something to deny it for."""
    response: dict[str, Any] = {"uid": uid, "allowed": not denial}
    if warnings:
        response["warnings"] = list(warnings)
    if denial:
        response["status"] = {"code": 403, "reason": "Forbidden", "message": denial}
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}


def _resource(kind: object) -> Resource | None:
    if not isinstance(kind, dict):
        return None
    said = kind.get("group"), kind.get("version"), kind.get("kind")
    return next((each for each in JUDGED if (each.group, each.version, each.kind) == said), None)
