"""Names chosen by an adversary: never syntax, never a crash, harmless on terminals.

First names as an API server would admit them, all the way from a manifest; then worse ones, which can only come from a
bug of whoever makes a snapshot.
"""

import json
import re
import subprocess
from dataclasses import replace
from ipaddress import ip_address

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from anp.analysis.ends import parse_end
from anp.analysis.explanation import as_json, explain
from anp.cli.narrative import explanation_lines
from anp.lab.namespace import Namespace
from anp.sources.manifests import Manifests
from anp.state.cluster import cluster_of
from compiler.compilation import compile_cluster
from compiler.labels import Labels
from compiler.lower import lower
from compiler.model import (
    Action,
    Anyone,
    Direction,
    Node,
    Pod,
    PodSelection,
    Policy,
    PolicyKind,
    Protocol,
    Rule,
    Snapshot,
    Tier,
)
from compiler.syntax import script
from enforcer.kernel import KernelDataplane
from enforcer.plan import plan
from enforcer.reconcile import Enforcer
from tests.cli.calling import call

RESERVED = (
    "accept", "drop", "return", "jump", "goto", "table", "chain", "rule", "set", "map", "element", "counter", "flush",
    "add", "delete", "list", "missing", "exists", "all", "any", "default", "forward", "input", "inet", "meta", "mark",
)  # fmt: skip
NASTY = (
    "", '"', "'", "`", "\\", "\\\\", '\\"', "{", "}", "{}", ";", "#", "$x", "@map", "*", "\n", "\r\n", "\t", "\0",
    "\x1b[2J", "\x1b]0;x\x07", "\x7f", "\x9b31m", "\u2028", "\u202eabc", "\u200b", "é", "政策", "🔥", "[bold]", "[/]",
    ":smile:", "%s %d", "{0}", 'accept comment "x"; add rule inet anp forward accept', "}\nadd table inet evil\n",
    "$(reboot)", "../../etc", "x" * 253, "a" * 100, "-", "--help", "NaN", "null", "yes", "~",
    "!!python/object:os.system",
)  # fmt: skip
SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")

rule_names = st.sampled_from((*NASTY, *RESERVED)) | st.text(st.characters(codec="utf-8"), max_size=100)
dns_names = (
    st.sampled_from((*RESERVED, "a" * 253, "0", "a-b", "a.b", "1.2.3.4", "x" + "-y" * 126))
    | st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,9}[a-z0-9])?){0,3}", fullmatch=True)
)  # fmt: skip
worse = st.text(st.characters(codec=None, categories=None), max_size=260) | st.sampled_from(NASTY)


@pytest.fixture(scope="module")
def network():
    namespace = Namespace()
    yield namespace
    namespace.close()


@pytest.fixture(scope="module")
def kernel(network):
    with KernelDataplane(network.fd) as dataplane:
        yield dataplane


def tables(network):
    listing = network.call(
        lambda: subprocess.run(["nft", "list", "tables"], capture_output=True, check=True, text=True)
    )
    return listing.stdout


def manifests(policy, rule, other):
    """Everything that is named, named so: a policy of each tier that decides, and a NetworkPolicy."""

    def cluster_policy(tier, name, rule_name):
        return {
            "apiVersion": "policy.networking.k8s.io/v1alpha2",
            "kind": "ClusterNetworkPolicy",
            "metadata": {"name": name},
            "spec": {
                "tier": tier,
                "priority": 1,
                "subject": {"namespaces": {}},
                "egress": [{"name": rule_name, "action": "Deny", "to": [{"namespaces": {}}]}],
                "ingress": [{"name": rule_name, "action": "Pass", "from": [{"namespaces": {}}]}],
            },
        }

    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "x"},
            "spec": {"nodeName": "n1"},
            "status": {"podIP": f"10.0.0.{number}"},
        }
        for number, name in enumerate(("a", "b"), 1)
    ]
    network_policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": policy, "namespace": "x"},
        "spec": {"podSelector": {}, "ingress": []},
    }
    documents = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}},
        *pods,
        network_policy,
        cluster_policy("Admin", policy, rule),
        cluster_policy("Baseline", other, rule),
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})


@pytest.mark.kernel
@settings(max_examples=40)
@given(policy=dns_names, rule=rule_names, other=dns_names.map(lambda name: name[:250] + "-z"))
def test_admitted_names_go_all_the_way(policy, rule, other, network, kernel):
    text = manifests(policy, rule[:100], other)

    compiled = call("compile", "-f", "-", "--node", "n1", stdin=text)
    applied = call("apply", "-f", "-", "--node", "n1", stdin=text, network=network)
    again = call("apply", "-f", "-", "--node", "n1", "-o", "json", stdin=text, network=network)
    question = ("explain", "-f", "-", "--from", "x/a", "--to", "x/b", "--port", "80")
    told, document = call(*question, stdin=text), call(*question, "-o", "json", stdin=text)
    loaded = yaml.safe_load(call(*question, "-o", "yaml", stdin=text).out)

    assert (compiled.code, applied.code, again.code, told.code) == (0, 0, 0, 1), compiled.err + applied.err
    kernel.check_script(compiled.out)
    assert tables(network) == "table inet anp\n"
    assert not json.loads(again.out)["written"]["operations"]
    for answer in (compiled, applied, told, document):
        assert answer.out.replace("\n", "").isprintable()
    assert json.loads(document.out) == loaded
    decided = json.loads(document.out)["decisions"][0]["egress"]["decidedBy"]
    assert (decided["name"], decided["rule"]) == (policy, rule[:100] or None)
    call("uninstall", network=network)


def snapshot(policy, namespace, rule, pod):
    """A cluster that some bug let be named so."""
    rules = (Rule(0, Action.DENY, (Anyone(),), name=rule),)
    return Snapshot.of(
        namespaces={namespace: Labels({"kubernetes.io/metadata.name": namespace})},
        pods=[
            Pod(namespace, name, Labels(), "n", (ip_address(f"10.0.0.{number}"), ip_address(f"fd00::{number}")))
            for number, name in enumerate((pod, f"{pod}2"), 1)
        ],
        nodes=[Node("n", Labels(), ())],
        policies=[
            Policy(
                kind=PolicyKind.CLUSTER_NETWORK_POLICY,
                name=policy,
                tier=Tier.ADMIN,
                subject=PodSelection(),
                priority=1,
                ingress=rules,
                egress=(),
            ),
            Policy(
                kind=PolicyKind.NETWORK_POLICY,
                name=policy,
                namespace=namespace,
                tier=Tier.NETWORK_POLICY,
                subject=PodSelection(),
                isolates=frozenset(Direction),
            ),
        ],
    )


@pytest.mark.kernel
@settings(max_examples=60)
@given(names=st.tuples(worse, worse, worse, worse))
def test_even_worse_names_are_only_names(names, network, kernel):
    cluster_state = snapshot(*names)
    ruleset = lower(compile_cluster(cluster_state), "n")

    kernel.check_script(script(ruleset))
    Enforcer(kernel).apply(ruleset)

    assert tables(network) == "table inet anp\n"
    assert kernel.read() == ruleset
    assert not plan(kernel.read(), ruleset).operations
    cluster = replace(cluster_of(Manifests(), invent=False), snapshot=cluster_state)
    ends = [parse_end(f"10.0.0.{number}", cluster_state) for number in (1, 2)]
    explanation = explain(cluster, *ends, Protocol.TCP, 80)
    for line in explanation_lines(explanation, cluster):
        assert SEQUENCE.sub("", line).isprintable()
    json.dumps(as_json(explanation, cluster))
    Enforcer(kernel).uninstall()
