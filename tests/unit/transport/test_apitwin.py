"""What we expect of an API server, said once, to our twin of it and to a real one."""

import dataclasses

import pytest

from anp.api.crds import engine_crds
from anp.transport import Published
from tests.apitwin import CONFLICT, INVALID, NOT_FOUND, ApiTwin, RefusedError
from tests.controlplane import rest
from tests.unit.transport.test_publication import MANIFEST, NOW, ONE, SLICE, read, receive, with_pods, write

ROOT = "/apis/engine.anp.internal/v1alpha1"
PLURALS = {MANIFEST: "policygenerations", SLICE: "generationslices"}


class RealApi:
    """A real API server, in the words of the twin."""

    def __init__(self, client):
        self._client = client

    def _ask(self, method, path, *arguments):
        try:
            return self._client.request(method, f"{ROOT}/{path}", *arguments)
        except rest.RefusedError as error:
            raise RefusedError(error.code, str(error)) from None

    def create(self, document):
        return self._ask("POST", PLURALS[document["kind"]], document)

    def get(self, kind, name):
        return self._ask("GET", f"{PLURALS[kind]}/{name}")

    def find(self, kind, name):
        return self.list(kind).get(name)

    def list(self, kind):
        return {item["metadata"]["name"]: item for item in self._ask("GET", PLURALS[kind])["items"]}

    def replace(self, document):
        return self._ask("PUT", f"{PLURALS[document['kind']]}/{document['metadata']['name']}", document)

    def patch(self, kind, name, operations):
        return self._ask("PATCH", f"{PLURALS[kind]}/{name}", list(operations), "application/json-patch+json")

    def delete(self, kind, name):
        self._ask("DELETE", f"{PLURALS[kind]}/{name}")


@pytest.fixture(scope="module")
def real(request):
    plane = request.getfixturevalue("shared_control_plane")
    plane.apply(engine_crds())
    client = plane.rest()
    yield RealApi(client)
    client.close()


@pytest.fixture(params=["twin", pytest.param("real", marks=[pytest.mark.controlplane, pytest.mark.slow])])
def api(request):
    if request.param == "twin":
        yield ApiTwin()
        return
    server = request.getfixturevalue("real")
    yield server
    for kind in PLURALS:
        for name in server.list(kind):
            server.delete(kind, name)


def refused(code):
    return pytest.raises(RefusedError, match=f"^{code} |: {code} ")


@pytest.fixture
def publisher(api):
    writes = Published().plan(ONE, NOW)
    write(api, writes)
    return Published().plan(ONE, NOW).outcome


def test_what_is_published_is_received(api, publisher):
    write(api, publisher.plan(with_pods("a", "b"), NOW))

    assert receive(api).generation == with_pods("a", "b")
    assert read(api).trouble == ""
    assert not read(api).plan(with_pods("a", "b"), NOW)


def test_a_patch_with_a_test_that_fails_changes_nothing(api, publisher):
    before = api.get(MANIFEST, "current")
    patch = ({"op": "replace", "path": "/spec/number", "value": 9}, {"op": "test", "path": "/spec/base", "value": 7})

    with refused(INVALID):
        api.patch(MANIFEST, "current", patch)

    assert api.get(MANIFEST, "current") == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/nothing", "value": 1},
        {"op": "remove", "path": "/spec/changes/0"},
        {"op": "replace", "path": "/spec/changes/0", "value": {}},
        {"op": "replace", "path": "/nothing/number", "value": 3},
    ],
    ids=lambda operation: operation["op"] + operation["path"],
)
def test_a_patch_of_what_is_not_there_is_refused(api, publisher, operation):
    with refused(INVALID):
        api.patch(MANIFEST, "current", [operation])


def test_a_patch_of_an_object_that_is_not_there_is_refused(api):
    with refused(NOT_FOUND):
        api.patch(MANIFEST, "current", [{"op": "add", "path": "/spec", "value": {}}])


def test_names_are_taken_once(api, publisher):
    with refused(CONFLICT):
        api.create({**api.get(MANIFEST, "current"), "metadata": {"name": "current"}})


def test_there_is_one_manifest(api, publisher):
    with refused(INVALID):
        api.create({**api.get(MANIFEST, "current"), "metadata": {"name": "another"}})


def test_a_slice_never_changes(api, publisher):
    name = min(name for name in api.list(SLICE) if name.startswith("members"))
    document = api.get(SLICE, name)

    with refused(INVALID):
        api.patch(SLICE, name, [{"op": "replace", "path": "/spec/bucket", "value": 1}])
    with refused(INVALID):
        api.replace({**document, "spec": {**document["spec"], "members": {}}})

    assert api.get(SLICE, name) == document


def test_numbers_go_up(api, publisher):
    for number in (1, 0):
        with refused(INVALID):
            api.patch(
                MANIFEST,
                "current",
                [
                    {"op": "replace", "path": "/spec/number", "value": number},
                    {"op": "replace", "path": "/spec/check", "value": "0" * 32},
                ],
            )


def test_who_replaces_an_older_version_is_refused(api, publisher):
    old = api.get(MANIFEST, "current")
    write(api, publisher.plan(with_pods("b"), NOW))

    with refused(CONFLICT):
        api.replace({**old, "spec": {**old["spec"], "number": 9}})


def test_versions_change_with_every_change_and_only_then(api, publisher):
    before = api.get(MANIFEST, "current")["metadata"]

    same = api.patch(MANIFEST, "current", [{"op": "test", "path": "/spec/number", "value": 1}])["metadata"]
    write(api, publisher.plan(with_pods("b"), NOW))
    after = api.get(MANIFEST, "current")["metadata"]

    assert same["resourceVersion"] == before["resourceVersion"] != after["resourceVersion"]
    assert before["uid"] == after["uid"]


def test_a_manifest_that_is_made_again_is_another_one(api, publisher):
    before = api.get(MANIFEST, "current")["metadata"]["uid"]
    api.delete(MANIFEST, "current")

    write(api, read(api).plan(with_pods("b"), NOW))

    assert api.get(MANIFEST, "current")["metadata"]["uid"] != before
    assert receive(api).generation == with_pods("b")


def test_what_is_deleted_is_gone(api, publisher):
    name = min(api.list(SLICE))
    api.delete(SLICE, name)

    with refused(NOT_FOUND):
        api.get(SLICE, name)
    with refused(NOT_FOUND):
        api.delete(SLICE, name)


def test_repairs_work(api, publisher):
    manifest = api.get(MANIFEST, "current")
    manifest["spec"] |= {"number": 5}
    api.replace(manifest)

    write(api, read(api).plan(dataclasses.replace(ONE), NOW))

    assert receive(api).number == 6
