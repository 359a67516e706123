"""From a document, as YAML or JSON gives it, to an API object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import ValidationError

from anp.api import messages
from anp.api.admission import Admission, Channel, Judgement
from anp.api.core_v1 import Namespace, Node, Pod
from anp.api.networking_v1 import NetworkPolicy
from anp.api.problems import InvalidObjectError, Problem, UnsupportedKindError
from anp.api.pruning import pruned, unknown
from anp.api.salvage import salvaged
from anp.api.service_v1 import Service
from anp.api.v1alpha1 import AdminNetworkPolicy, BaselineAdminNetworkPolicy
from anp.api.v1alpha2 import ClusterNetworkPolicy

PolicyObject: TypeAlias = AdminNetworkPolicy | BaselineAdminNetworkPolicy | ClusterNetworkPolicy | NetworkPolicy
ApiObject: TypeAlias = PolicyObject | Namespace | Pod | Node | Service

_KINDS: tuple[type[ApiObject], ...] = (
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy,
    NetworkPolicy,
    Namespace,
    Pod,
    Node,
    Service,
)

SUPPORTED: Mapping[tuple[str, str], type[ApiObject]] = {
    (model.resource.api_version, model.resource.kind): model for model in _KINDS
}
"""What can be parsed, by apiVersion and kind."""

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Parsed:
    """An object, and what its author should hear about it all the same."""

    object: ApiObject
    warnings: tuple[Problem, ...] = ()


def parse(
    document: Mapping[str, Any],
    channel: Channel = Channel.EXPERIMENTAL,
    admission: Admission = Admission.SUBMITTED,
) -> Parsed:
    """Make the object that a document describes.

    A manifest without a namespace, of a kind that has one, is in ``default``. Unknown fields are dropped with
    a warning, but a submitted policy that has any outside of its status is refused: without a condition that is
    misspelt it would be about more than was meant. What an `Admission.OBSERVED` object says and we cannot read is a
    warning too, and fails closed in translation.

    Raises:
        UnsupportedKindError: the document is of another apiVersion or kind.
        InvalidObjectError: it is no document, or a submitted object breaks its schema, or an observed one has no
            name or spec that could be read, which no API server lets happen. It has all problems at once.

    """
    model = _model_of(document)
    clean, warnings = pruned(model, document, channel)
    if model.resource.namespaced and isinstance(clean.get("metadata"), dict):
        clean["metadata"].setdefault("namespace", DEFAULT_NAMESPACE)
    try:
        strict = model.model_validate(clean, context=Judgement(channel))
    except ValidationError as error:
        problems = messages.problems_of(error.errors(include_url=False))
        if admission is Admission.SUBMITTED:
            raise InvalidObjectError(problems, warnings) from None
        return Parsed(_salvaged(model, document, channel, problems), (*warnings, *problems))
    if admission is Admission.SUBMITTED:
        strangers = _strangers(strict, document)
        if problems := (*strangers, *_subject_problems(strict)):
            told = {problem.path for problem in strangers}
            raise InvalidObjectError(problems, [warning for warning in warnings if warning.path not in told])
        return Parsed(strict, warnings)
    return Parsed(_salvaged(model, document, channel, ()) if warnings else strict, warnings)


def items(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the documents inside a list kind, however deep, or the document itself where it is none.

    Raises:
        InvalidObjectError: the document is no mapping, or its `items` is no list of mappings.

    """
    _must_be_mapping(document)
    kind = document.get("kind")
    entries = document.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or "items" not in document:
        return (document,)
    if entries is None:
        return ()
    if not isinstance(entries, list | tuple):
        raise InvalidObjectError([Problem(("items",), f"must be a list of objects, not {messages.shown(entries)}")])
    strangers = [
        Problem(("items", index), f"must be an object, not {messages.shown(entry)}")
        for index, entry in enumerate(entries)
        if not isinstance(entry, Mapping)
    ]
    if strangers:
        raise InvalidObjectError(strangers)
    # The entries of a typed list, as an API server returns it, do not repeat what they are.
    known = {} if kind == "List" else {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")}
    return tuple(single for entry in entries for single in items({**known, **entry}))


def _model_of(document: Mapping[str, Any]) -> type[ApiObject]:
    _must_be_mapping(document)
    api_version, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        raise InvalidObjectError(
            Problem(
                (field,), "must say what the object is, in text" if value is not None else "is required and not there"
            )
            for field, value in (("apiVersion", api_version), ("kind", kind))
            if not isinstance(value, str)
        )
    model = SUPPORTED.get((api_version, kind))
    if model is None:
        raise UnsupportedKindError(api_version, kind, SUPPORTED)
    return model


def _must_be_mapping(document: object) -> None:
    if not isinstance(document, Mapping):
        raise InvalidObjectError([Problem((), f"an object is a mapping of fields, not {messages.shown(document)}")])


def _salvaged(
    model: type[ApiObject], document: Mapping[str, Any], channel: Channel, problems: tuple[Problem, ...]
) -> ApiObject:
    """Salvage an observed object; one without a readable name or spec is none that a cluster can hold."""
    rescued = salvaged(model, document, channel)
    if (
        "metadata" in rescued.unread
        or "name" in rescued.metadata.unread
        or ("spec" in rescued.unread and model is not Namespace)
    ):
        raise InvalidObjectError(problems)
    if model.resource.namespaced and not rescued.metadata.namespace:
        metadata = rescued.metadata.model_copy(update={"namespace": DEFAULT_NAMESPACE})
        return rescued.model_copy(update={"metadata": metadata})
    return rescued


def _strangers(strict: ApiObject, document: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return the fields of a policy that no channel has; what is in a status means nothing anyway."""
    if not isinstance(strict, PolicyObject):
        return ()
    return tuple(problem for problem in unknown(type(strict), document) if problem.path[0] != "status")


def _subject_problems(strict: ApiObject) -> tuple[Problem, ...]:
    """Return why the subject's selectors make no sense.

    The schema of cluster policies lets such a subject pass, and then nobody knows whose traffic is meant:
    selecting nothing would open what its Deny rules close, selecting everything would close too much. A file's
    author is there to be asked, so we refuse.
    """
    if not isinstance(strict, AdminNetworkPolicy | BaselineAdminNetworkPolicy | ClusterNetworkPolicy):
        return ()
    subject, path = strict.spec.subject, ("spec", "subject")
    if subject.namespaces is not None:
        return subject.namespaces.read((*path, "namespaces"))[1]
    if subject.pods is None:
        return ()
    namespaces = subject.pods.namespace_selector
    return (
        *(namespaces.read((*path, "pods", "namespaceSelector"))[1] if namespaces is not None else ()),
        *subject.pods.pod_selector.read((*path, "pods", "podSelector"))[1],
    )
