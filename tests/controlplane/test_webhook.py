"""The webhook with a real API server: what somebody hears who applies a policy, and what is stored."""

import base64
import json
import shutil
import sys
import uuid
from pathlib import Path

import pytest
import urllib3
import yaml

from anp.api.admission import Channel
from anp.api.crds import crds
from tests.controlplane.authority import Authority
from tests.controlplane.controllers import namespace, policy, start_pod
from tests.controlplane.process import Process, wait_for
from tests.controlplane.rest import RefusedError

pytestmark = pytest.mark.controlplane

ROOT = Path(__file__).parents[2]
ACCOUNT = "anp-system", "anp-admission"
NOWHERE = "https://127.0.0.1:1/review"
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/anp-admission"


class Webhook(Process):
    """`anp admission` with the service account and the rights that it is installed with."""

    def __init__(self, plane, name="admission", **options):
        self.port = self.health = 0
        arguments = {
            "kubeconfig": str(plane.service_account(*ACCOUNT)),
            "listen": "127.0.0.1:0",
            "metrics-address": "127.0.0.1:0",
            "log-format": "json",
            **{option.replace("_", "-"): str(value) for option, value in options.items()},
        }
        super().__init__(Path(sys.executable).parent / "anp", arguments, plane.logs / f"{name}.log")
        self._command.insert(1, "admission")
        self.name = name
        self._pool = urllib3.PoolManager(retries=False, timeout=10)

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}/review"

    def ask(self, path):
        """Ask for its health or its metrics; nothing if it does not answer."""
        try:
            answer = self._pool.request("GET", f"http://127.0.0.1:{self.health}{path}")
        except urllib3.exceptions.HTTPError:
            return 0, ""
        return answer.status, answer.data.decode()

    def begin(self):
        """Start, on ports that nobody has, and wait until it judges."""
        before = len(self._listening())
        self.start()
        said = wait_for(lambda: self._listening()[before:], "the webhook to listen", [self])
        self.port, self.health = said[0]["port"], said[0]["metrics_port"]
        wait_for(lambda: self.ask("/readyz")[0] == 200, "the webhook to be ready", [self])

    def _listening(self):
        return [record for record in self.records() if record["message"] == "listening"]

    def records(self):
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def close(self):
        self.kill()
        self._pool.clear()


class World:
    """A control plane with the webhook's rights and configuration, and somebody who applies policies."""

    def __init__(self, plane):
        self.plane = plane
        self.admin = plane.rest()
        plane.apply(
            [*crds(Channel.STANDARD), namespace("anp-system"), namespace("shop", team="shop"), namespace("bank")]
        )
        documents = [
            each
            for name in ("rights.yaml", "configuration.yaml")
            for each in yaml.safe_load_all((ROOT / "deploy/admission" / name).read_text())
        ]
        (self.configuration,) = (each for each in documents if each["kind"] == "ValidatingWebhookConfiguration")
        plane.apply(each for each in documents if each is not self.configuration)
        start_pod(self.admin, "shop", "web", 1, app="web")
        start_pod(self.admin, "bank", "ledger", 2, app="ledger")

    def ask_at(self, url, **client):
        """Let the API server ask there, and nowhere else."""
        (webhook,) = self.configuration["webhooks"]
        changed = {**webhook, "clientConfig": {"url": url, **client}}
        self.admin.apply({**self.configuration, "webhooks": [changed]})

    def warnings(self, document, **query):
        """Apply something and return what is said to it."""
        return self.admin.warned(self.admin.path(document), document, **query)

    def hears(self, document, text):
        """Wait until a dry run hears that: an API server takes a moment to ask where it is told to."""
        heard = []

        def found():
            heard[:] = self.warnings(document, dryRun="All")
            return [each for each in heard if text in each]

        try:
            return wait_for(found, f"a warning: {text}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; the last ones are {heard}") from None


@pytest.fixture(scope="module")
def world(make_shared_control_plane):
    world = World(make_shared_control_plane())
    yield world
    world.admin.close()


@pytest.fixture
def make(world):
    made = []

    def begin(**options):
        webhook = Webhook(world.plane, f"admission-{uuid.uuid4()}", **options)
        made.append(webhook)
        world.ask_at(NOWHERE)
        webhook.begin()
        world.ask_at(webhook.url)
        return webhook

    yield begin
    for webhook in made:
        webhook.close()
    # What a test has stored is not there for the next one.
    for plural in ("clusternetworkpolicies", "adminnetworkpolicies"):
        version = "v1alpha2" if plural.startswith("cluster") else "v1alpha1"
        world.admin.delete(f"/apis/policy.networking.k8s.io/{version}/{plural}")
    world.admin.delete("/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies")


def shadowed(name="two-rules"):
    """A policy whose second rule never decides anything."""
    document = policy(name)
    document["spec"]["ingress"].append({"action": "Accept", "from": [{"namespaces": {}}]})
    return document


def tenants(name="web"):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"app": "none"}}},
    }


def stored(world, document):
    return world.admin.exists(world.admin.path(document))


def test_who_applies_something_is_told_what_is_new_and_only_that(world, make):
    webhook = make(webhook="anp-admission")
    world.hears(shadowed(), "ANP101")

    told = world.warnings(shadowed())

    assert any(text.startswith("ANP101 warning: ClusterNetworkPolicy two-rules: spec.ingress[1]: ") for text in told)
    assert stored(world, shadowed())
    # It is there now, so it is no news; and a change elsewhere in it is not blamed for it.
    changed = shadowed()
    changed["metadata"]["labels"] = {"a": "b"}
    assert world.warnings(changed) == []
    assert world.warnings(policy("plain", action="Accept", priority=11), dryRun="All") != []
    assert webhook.ask("/metrics")[1].count('anp_admission_reviews_total{result="warned"}') == 1
    assert {"judged"} <= {record["message"] for record in webhook.records()}


def test_it_knows_what_was_applied_a_moment_ago_and_what_is_gone(world, make):
    make(webhook="anp-admission")
    world.hears(shadowed(), "ANP101")
    world.warnings(policy("first", priority=20, action="Accept"))
    world.hears(policy("second", priority=20), "ANP105")

    world.admin.delete(world.admin.path(policy("first")))

    wait_for(
        lambda: not any("ANP105" in text for text in world.warnings(policy("second", priority=20), dryRun="All")),
        "what is gone to be of no matter",
    )


def test_tenants_policies_are_judged_too_and_info_is_told_where_it_is_asked_for(world, make):
    make(webhook="anp-admission", severity="info")

    assert world.hears(tenants(), "ANP201 warning: NetworkPolicy shop/web: spec.podSelector: ")
    assert world.hears(policy("last", priority=500), "ANP502 info: ")


def test_what_is_configured_to_be_denied_is_denied_and_nothing_else(world, make):
    make(webhook="anp-admission", deny="ANP101")
    denied = shadowed()
    wait_for(lambda: refusal(world, denied), "it to be denied")

    assert "this is denied here: ANP101 " in refusal(world, denied)
    assert not stored(world, denied)
    world.warnings(policy("plain"))
    assert stored(world, policy("plain"))
    # What has the finding already can be changed.
    world.ask_at(NOWHERE)
    wait_for(lambda: not refusal(world, denied), "nobody to be asked")
    world.warnings(denied)
    assert stored(world, denied)


def refusal(world, document):
    """Return why something would be refused, or nothing."""
    try:
        world.warnings(document, dryRun="All")
    except RefusedError as error:
        if error.code != 403:
            raise
        return str(error)
    return ""


def test_what_takes_longer_than_the_budget_is_stored_with_a_warning(world, make):
    make(webhook="anp-admission", deny="ANP", budget="0.01")

    assert world.hears(slow(), "not checked: this took too long")
    world.warnings(slow())
    assert stored(world, slow())


def slow():
    """A policy that nobody reads as quickly as that: it is as long as one can be."""
    document = policy("slow")
    del document["spec"]["ingress"]
    document["spec"]["egress"] = [
        {
            "action": "Deny",
            "to": [{"networks": [f"10.{rule}.{peer}.{number}/32" for number in range(25)]} for peer in range(25)],
        }
        for rule in range(25)
    ]
    return document


def test_while_it_is_down_policies_are_stored_and_then_judged_again(world, make):
    webhook = make(webhook="anp-admission")
    world.hears(shadowed(), "ANP101")
    webhook.kill()

    assert world.warnings(shadowed("unheard")) == []
    assert stored(world, shadowed("unheard"))
    webhook.begin()
    world.ask_at(webhook.url)
    world.hears(shadowed("again"), "ANP101")


def test_a_certificate_is_renewed_while_it_runs(world, make, tmp_path):
    first, second = (Authority(tmp_path / name) for name in ("first", "second"))
    files = tmp_path / "tls"
    files.mkdir()
    mount(files, first)
    webhook = make(certificate=files / "tls.crt", key=files / "tls.key")
    world.ask_at(webhook.url, caBundle=bundle(first))
    world.hears(shadowed(), "ANP101")

    mount(files, second)
    world.ask_at(webhook.url, caBundle=bundle(second))

    world.hears(shadowed("renewed"), "ANP101")
    assert not webhook.ended
    assert any(record["message"] == "another certificate is shown now" for record in webhook.records())


def mount(folder, authority):
    identity = authority.serving("webhook", "127.0.0.1")
    for source, name in ((identity.certificate, "tls.crt"), (identity.key, "tls.key")):
        shutil.copy(source, folder / f"{name}.new")
        (folder / f"{name}.new").replace(folder / name)


def bundle(authority):
    return base64.b64encode(authority.certificate.read_bytes()).decode()


def test_whoever_shows_no_certificate_of_a_callers_authority_gets_no_answer(world, make, tmp_path):
    authority = Authority(tmp_path / "callers")
    webhook = make(webhook="anp-admission", client_ca=authority.certificate)
    caller = authority.client("caller", "api-server")
    trusted = tmp_path / "trusted.crt"
    text = world.admin.get(CONFIGURATION)["webhooks"][0]["clientConfig"]["caBundle"]
    trusted.write_bytes(base64.b64decode(text))

    def ask(**shown):
        with urllib3.PoolManager(ca_certs=str(trusted), retries=False, timeout=10, **shown) as pool:
            return pool.request("POST", webhook.url, body=b"?").status

    assert ask(cert_file=str(caller.certificate), key_file=str(caller.key)) == 400
    with pytest.raises(urllib3.exceptions.HTTPError):
        ask()


def test_two_replicas_are_trusted_and_one_that_starts_anew(world, make):
    one = make(webhook="anp-admission")
    world.hears(shadowed(), "ANP101")
    other = Webhook(world.plane, "other", webhook="anp-admission")
    other.begin()
    try:
        for webhook in (other, one):
            before = world.admin.get(CONFIGURATION)["webhooks"][0]["clientConfig"]["caBundle"]
            world.ask_at(webhook.url, caBundle=before)
            world.hears(shadowed(webhook.name), "ANP101")
        other.stop()
        other.begin()
        before = world.admin.get(CONFIGURATION)["webhooks"][0]["clientConfig"]["caBundle"]
        world.ask_at(other.url, caBundle=before)
        world.hears(shadowed("anew"), "ANP101")
    finally:
        other.close()


def test_a_stranger_who_asks_too_much_is_refused(world, make):
    webhook = make(webhook="anp-admission")
    with urllib3.PoolManager(cert_reqs="CERT_NONE", assert_hostname=False, retries=False, timeout=20) as pool:
        with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
            assert pool.request("POST", webhook.url, body=b"{}").status == 400
        with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
            assert pool.request("POST", webhook.url, body=b" " * (9 * 1024 * 1024)).status == 413
        with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
            assert pool.request("GET", webhook.url).status == 405
