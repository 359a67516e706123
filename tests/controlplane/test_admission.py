"""A real API server, with our CRDs, says of every document what we say of it."""

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from hypothesis import HealthCheck, assume, event, given, note, settings

from anp.api import SUPPORTED, Channel, InvalidObjectError, parse
from anp.conformance.scenario import OBSERVED
from tests.controlplane.plane import ALWAYS_DISABLED, DISABLED_WITHOUT_CONTROLLERS
from tests.controlplane.process import wait_for
from tests.controlplane.rest import RefusedError
from tests.unit.api.documents import GOOD, mutations
from tests.unit.api.vectors import NODES, VECTORS, anp, banp, cnp, egress

pytestmark = pytest.mark.controlplane

ROOT = Path(__file__).parents[2]
TESTDATA = ROOT / "testdata"
POLICIES = {
    "AdminNetworkPolicy": "adminnetworkpolicies",
    "BaselineAdminNetworkPolicy": "baselineadminnetworkpolicies",
    "ClusterNetworkPolicy": "clusternetworkpolicies",
    "NetworkPolicy": "networkpolicies",
}
KINDS = {key for key in SUPPORTED if key[1] in POLICIES}

# Whom a subject without sense means nobody knows, and whoever submits it can be asked. CRDs cannot say so.
ONLY_WE_REFUSE = {"ClusterNetworkPolicy: selector without sense in the subject"}
SUBJECT_SELECTOR = re.compile(r"spec\.subject\.(namespaces|pods\.\w+)\.match")

# One of each CRD that only the experimental channel takes.
TELLING = (
    anp(egress=[egress(peers=(NODES,))]),
    banp(egress=[egress(peers=(NODES,))]),
    cnp(egress=[egress(peers=(NODES,))]),
)


class Server:
    """An API server that is asked what it thinks of documents, and keeps none of them."""

    def __init__(self, plane):
        self.plane = plane
        self.rest = plane.rest()
        self.channel = None

    def install(self, channel):
        """Change to the CRDs of a channel: from then on all that it serves is judged by them."""
        if self.channel is channel:
            return
        files = sorted((ROOT / "crds" / channel.value).glob("*.yaml"))
        self.plane.apply(yaml.safe_load(path.read_text()) for path in files)
        experimental = channel is Channel.EXPERIMENTAL
        wait_for(
            lambda: all((self.refusal(document) == "") == experimental for document in TELLING),
            f"the CRDs of the {channel.value} channel to be in force",
        )
        self.channel = channel

    def refusal(self, document, **query):
        """Return why it refuses a document, or nothing."""
        path = _collection(document)
        try:
            if "status" not in document or document["kind"] == "NetworkPolicy":
                self._ask("POST", path, document, dryRun="All", **query)
                return ""
            # It takes no status from who creates an object, and judges it only where it is taken.
            created = self._ask("POST", path, {k: v for k, v in document.items() if k != "status"})
            place = f"{path}/{quote(document['metadata']['name'], safe='')}"
            try:
                self._ask("PUT", f"{place}/status", created | {"status": document["status"]}, dryRun="All")
            finally:
                self.rest.delete(place)
        except RefusedError as error:
            if error.code not in {400, 422}:
                raise
            return str(error)
        return ""

    def _ask(self, method, path, document, **query):
        """Ask until it is ready to answer: it is not for a moment after a CRD has changed."""

        def answer():
            try:
                return self.rest.request(method, path, document, **query)
            except RefusedError as error:
                if error.code == 429:
                    return None
                raise

        return wait_for(answer, f"{path} to be served")


def _collection(document):
    base = f"/apis/{document['apiVersion']}"
    if document["kind"] == "NetworkPolicy":
        metadata = document.get("metadata")
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        usable = isinstance(namespace, str) and namespace
        base += f"/namespaces/{quote(namespace, safe='') if usable else 'default'}"
    return f"{base}/{POLICIES[document['kind']]}"


@pytest.fixture(scope="module")
def server(make_shared_control_plane):
    options = {
        # Namespaces need not exist.
        "disable-admission-plugins": ",".join((*ALWAYS_DISABLED, *DISABLED_WITHOUT_CONTROLLERS, "NamespaceLifecycle")),
        # NetworkPolicies with 010.0.0.1/8 are taken, as by all servers before 1.36: clusters have them.
        "feature-gates": "StrictIPCIDRValidation=false",
    }
    server = Server(make_shared_control_plane(options=options))
    yield server
    server.rest.close()


def ours(document, channel):
    """Return why we refuse a document, or nothing."""
    try:
        parse(document, channel)
    except InvalidObjectError as error:
        return str(error) or "refused"
    return ""


def disagreements(server, channel, documents):
    """Return who says what of the documents that only one of us takes, by name."""
    server.install(channel)
    verdicts = {name: (server.refusal(document), ours(document, channel)) for name, document in documents.items()}
    return {
        name: f"server: {theirs or 'fine'}; we: {us or 'fine'}"
        for name, (theirs, us) in verdicts.items()
        if bool(theirs) != bool(us)
    }


@pytest.mark.parametrize("channel", Channel)
def test_the_server_and_we_say_the_same_of_every_vector(server, channel):
    documents = {str(vector): vector.document for vector in VECTORS if str(vector) not in ONLY_WE_REFUSE}

    assert disagreements(server, channel, documents) == {}


@pytest.mark.parametrize("channel", Channel)
def test_what_only_we_refuse_the_server_takes(server, channel):
    documents = {str(vector): vector.document for vector in VECTORS if str(vector) in ONLY_WE_REFUSE}

    assert disagreements(server, channel, documents).keys() == ONLY_WE_REFUSE


def samples():
    """Find the policies of testdata, the bad ones of scenarios too; not those that a scenario completes as it runs."""
    found = {}
    for path in sorted(TESTDATA.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if isinstance(document, dict) and OBSERVED not in document.get("tags", ()):
                for entry in objects(document):
                    key = entry["apiVersion"], entry["kind"]
                    if key in KINDS and "{net" not in json.dumps(entry):
                        found[f"{path.relative_to(TESTDATA)} {len(found)}"] = entry
    return found


def objects(value):
    """Find objects however deep."""
    if isinstance(value, dict) and "apiVersion" in value and "kind" in value:
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from objects(child)


def test_the_server_and_we_say_the_same_of_every_sample(server):
    documents = samples()

    assert disagreements(server, Channel.EXPERIMENTAL, documents) == {}
    taken = [name for name, document in documents.items() if not server.refusal(document)]
    assert len(taken) > 150
    assert len(documents) > len(taken)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(mutation=mutations(GOOD, ("spec",)))
def test_the_server_and_we_say_the_same_of_any_document(server, mutation):
    _, document, _ = mutation
    assume(_is_json(document))
    server.install(Channel.EXPERIMENTAL)
    nulls = _has_null(document)

    # Strictly, as who writes a file wants it: a field that nobody knows is a mistake. One that is null is none to us.
    theirs = server.refusal(document, fieldValidation="Ignore" if nulls else "Strict")
    us = ours(document, Channel.EXPERIMENTAL)

    event(f"{document['kind']}, {'refused' if theirs else 'taken'}, {'null' if nulls else 'no null'}")
    note(f"server: {theirs or 'fine'}\nwe: {us or 'fine'}")
    if theirs:
        assert us
    # A null in a list or in labels is something to the server, and a mistake to us.
    elif us and not nulls:
        assert all(SUBJECT_SELECTOR.match(problem) for problem in us.split("; "))


def _has_null(value):
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(_has_null, children))


def _is_json(document):
    """Say whether a document can be sent: YAML has numbers that JSON has not."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True
