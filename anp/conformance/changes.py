"""What may happen to a cluster between two steps of a scenario.

A change is a mapping with one key:

    apply: {…}                                        create an object, or put it in another's place
    delete: NetworkPolicy shop/web                    remove an object
    label: {object: Namespace shop, set: {a: b, c: null}}     null takes a label away
    merge: {object: Pod shop/web, with: {spec: {…}}}  a JSON merge patch (RFC 7396)
    swap: {object: ClusterNetworkPolicy p, rules: egress, at: [0, 1]}      exchange two rules
    insert: {object: …, rules: egress, at: 0, rule: {…}}
    change: {object: …, rules: egress, at: 0, with: {…}}   a merge patch of one rule
    address: {pod: shop/web, to: [10.0.0.9]}          the pod has other addresses now
    restart: enforcers                                the enforcers forget everything and start again
    learn: {www.example.com: [198.51.100.7]}          a domain name has these addresses from now on, or none
    refuse: {…}                                       nothing: no server takes this object

Texts in rules may refer to addresses that the cluster was given: ``{ip of shop/web}`` is one address,
``{net of shop/web}`` its /32 or /128. ``{ip4 of …}`` and ``{net6 of …}`` name the family, whichever is being run.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
Documents: TypeAlias = dict[tuple[str, str, str], Document]
"""Objects by kind, namespace and name."""

Resolve: TypeAlias = Callable[[str, str], list[str]]
"""Given ``ip`` or ``net``, perhaps with a family, and a pod, returns its addresses as texts."""

_REFERENCE = re.compile(r"\{((?:ip|net)[46]?) of ([^}]+)\}")


class ChangeError(Exception):
    """A change makes no sense: no such kind of change, no such object or rule."""


class NotRefusedError(ChangeError):
    """An object that was to be refused is sound: the change makes sense, and the answer is wrong."""


def key_of(document: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what names an object: kind, namespace and name."""
    given = document.get("metadata")
    metadata = given if isinstance(given, dict) else {}
    return str(document.get("kind", "")), str(metadata.get("namespace") or ""), str(metadata.get("name", ""))


def parse_key(text: str) -> tuple[str, str, str]:
    """Read ``Kind name`` or ``Kind namespace/name``."""
    kind, _space, label = text.partition(" ")
    namespace, slash, name = label.rpartition("/")
    if not kind or not name:
        raise ChangeError(f"{text!r} names no object: write Kind name, or Kind namespace/name")
    return kind, namespace if slash else "", name


def apply_change(documents: Documents, change: Mapping[str, Any], resolve: Resolve) -> None:
    """Do one change to `documents`, in place. `restart` changes no object.

    Raises:
        ChangeError: it makes no sense; nothing has changed.

    """
    if len(change) != 1:
        raise ChangeError(f"a change has one key, not {sorted(change)}")
    ((verb, value),) = change.items()
    draft = copy.deepcopy(documents)
    try:
        _apply(draft, verb, value, resolve)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Of another shape than a change of that kind has: a text for a mapping, a rule that is not there.
        raise ChangeError(f"{verb!r} cannot be done as it is written: {error!r:.200}") from error
    documents.clear()
    documents.update(draft)


def _apply(  # noqa: C901 - a case for each kind of change
    documents: Documents, verb: str, value: Any, resolve: Resolve
) -> None:
    match verb:
        case "apply":
            document = resolved(value, resolve)
            documents[key_of(document)] = document
        case "delete":
            if documents.pop(parse_key(value), None) is None:
                raise ChangeError(f"there is no {value} to delete")
        case "label":
            labels = _object(documents, value).setdefault("metadata", {}).setdefault("labels", {})
            _merge(labels, value["set"])
        case "merge":
            _merge(_object(documents, value), resolved(value["with"], resolve))
        case "swap":
            rules = _rules(documents, value)
            first, second = value["at"]
            rules[first], rules[second] = rules[second], rules[first]
        case "insert":
            _rules(documents, value).insert(value["at"], resolved(value["rule"], resolve))
        case "change":
            _merge(_rules(documents, value)[value["at"]], resolved(value["with"], resolve))
        case "address":
            _address(documents, value)
        case "restart":
            pass
        case _:
            raise ChangeError(f"{verb!r} is no kind of change")


def resolved(value: Any, resolve: Resolve) -> Any:
    """Return a copy of a document with references to addresses filled in; in a list, one becomes all there are."""
    if isinstance(value, dict):
        return {key: resolved(item, resolve) for key, item in value.items()}
    if isinstance(value, list):
        return [item for entry in value for item in _entries(entry, resolve)]
    if isinstance(value, str) and (found := _REFERENCE.fullmatch(value)):
        return resolve(*found.groups())[0]
    return copy.deepcopy(value)


def _entries(entry: Any, resolve: Resolve) -> Iterator[Any]:
    if isinstance(entry, str) and (found := _REFERENCE.fullmatch(entry)):
        yield from resolve(*found.groups())
    else:
        yield resolved(entry, resolve)


def _object(documents: Documents, value: Mapping[str, Any]) -> Document:
    try:
        return documents[parse_key(value["object"])]
    except KeyError:
        raise ChangeError(f"there is no {value.get('object')!r} to change") from None


def _rules(documents: Documents, value: Mapping[str, Any]) -> list[Any]:
    rules = _object(documents, value).get("spec", {}).get(value.get("rules"))
    if not isinstance(rules, list):
        raise ChangeError(f"{value['object']} has no {value.get('rules')} rules")
    return rules


def _merge(target: Document, patch: Mapping[str, Any]) -> None:
    """Merge as RFC 7396 says: null removes, mappings merge, all else replaces."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


def _address(documents: Documents, value: Mapping[str, Any]) -> None:
    namespace, _slash, name = str(value["pod"]).partition("/")
    pod = documents.get(("Pod", namespace, name))
    if pod is None:
        raise ChangeError(f"there is no pod {value['pod']}")
    addresses = [{"ip": text} for text in value["to"]]
    pod.setdefault("status", {})["podIPs"] = addresses
    pod["status"]["podIP"] = addresses[0]["ip"] if addresses else ""
