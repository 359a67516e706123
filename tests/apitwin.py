"""The API server's twin, as far as generations need one: objects with resource versions, JSON patches, and our rules.

One contract, tests/unit/transport/test_apitwin.py, says what it must do; the same can be asked of a real API server.
"""

import copy
import itertools
import json

NOT_FOUND, CONFLICT, INVALID = 404, 409, 422


class RefusedError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code} {message}")
        self.code = code


class ApiTwin:
    """Keeps manifests and slices; what it takes and what it gives away are copies, as over the wire.

    `judging=False` leaves out the rules of the CRDs: generations must arrive without their help, too.
    """

    def __init__(self, *, judging=True):
        self._judging = judging
        self._objects = {}
        self._versions = itertools.count(1)
        self.history = []
        """Every manifest that there was, in order."""

    def create(self, document):
        key = document["kind"], document["metadata"]["name"]
        if key in self._objects:
            raise RefusedError(CONFLICT, f"{key} already exists")
        self._judge(document, None)
        stored = _copy(document)
        stored["metadata"]["uid"] = f"uid-{next(self._versions)}"
        return self._store(key, stored)

    def get(self, kind, name):
        try:
            return _copy(self._objects[kind, name])
        except KeyError:
            raise RefusedError(NOT_FOUND, f"{kind} {name}") from None

    def find(self, kind, name):
        """Return an object, or None."""
        return _copy(self._objects.get((kind, name)))

    def list(self, kind):
        return {name: _copy(document) for (its, name), document in self._objects.items() if its == kind}

    def replace(self, document):
        key = document["kind"], document["metadata"]["name"]
        before = self.get(*key)
        version = document["metadata"].get("resourceVersion")
        if version not in (None, before["metadata"]["resourceVersion"]):
            raise RefusedError(CONFLICT, f"{key} has changed")
        after = _copy(document)
        after["metadata"]["uid"] = before["metadata"]["uid"]
        self._judge(after, before)
        return self._store(key, after)

    def patch(self, kind, name, operations):
        """Apply a JSON patch: all of it or nothing."""
        before = self.get(kind, name)
        after = _copy(before)
        for operation in _copy(list(operations)):
            _operate(after, operation)
        self._judge(after, before)
        return self._store((kind, name), after)

    def delete(self, kind, name):
        self.get(kind, name)
        del self._objects[kind, name]

    def damage(self, kind, name, document):
        """Put something in the place of an object, past all rules."""
        self._objects[kind, name] = _copy(document)

    def _store(self, key, document):
        if key in self._objects and _same(self._objects[key], document):
            return _copy(document)
        document["metadata"]["resourceVersion"] = str(next(self._versions))
        self._objects[key] = document
        if key[0] == "PolicyGeneration":
            self.history.append(_copy(document))
        return _copy(document)

    def _judge(self, after, before):
        """Refuse what the rules of the CRDs refuse."""
        if not self._judging:
            return
        if after["kind"] == "PolicyGeneration" and after["metadata"]["name"] != "current":
            raise RefusedError(INVALID, "there is one object only")
        if before is None or after["spec"] == before["spec"]:
            return
        if after["kind"] == "GenerationSlice":
            raise RefusedError(INVALID, "a slice never changes")
        if after["spec"]["number"] <= before["spec"]["number"]:
            raise RefusedError(INVALID, "`number` must go up")


def _copy(document):
    return copy.deepcopy(document) if document is None else json.loads(json.dumps(document))


def _same(left, right):
    return _without_version(left) == _without_version(right)


def _without_version(document):
    metadata = {name: value for name, value in document["metadata"].items() if name != "resourceVersion"}
    return {**document, "metadata": metadata}


def _operate(document, operation):
    *path, last = (step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:])
    place = document
    try:
        for step in path:
            place = place[int(step)] if isinstance(place, list) else place[step]
        at = last if isinstance(place, dict) or last == "-" else int(last)
        match operation["op"]:
            case "test":
                if place[at] != operation["value"]:
                    raise RefusedError(INVALID, f"testing {operation['path']} failed")
            case "add" if isinstance(place, list):
                place.insert(len(place) if at == "-" else at, operation["value"])
            case "add":
                place[at] = operation["value"]
            case "replace":
                place[at]
                place[at] = operation["value"]
            case "remove":
                del place[at]
    except (KeyError, IndexError, ValueError, TypeError):
        raise RefusedError(INVALID, f"there is no {operation['path']}") from None
