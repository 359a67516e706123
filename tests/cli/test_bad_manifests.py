"""What is wrong with manifests is told with file, line, column, object and field, and nothing comes of them."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.calling import COMMAND, SMALL, call, environment

CNP = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: lock}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
"""
EGRESS = """\
  egress:
  - action: Deny
    to:
    - namespaces: {}
"""
INGRESS = """\
  ingress:
  - action: Deny
    from:
    - namespaces: {}
"""
ANP = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: lock}
spec:
  priority: 10
  subject: {namespaces: {}}
  ingress:
  - action: Deny
    from: [{namespaces: {}}]
    ports:
    - portNumber: {port: 80, protocol: TCP}
"""
NP = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: lock, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - from:
    - ipBlock: {cidr: 10.0.0.0/8}
    ports:
    - {protocol: TCP, port: 80}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {nodeName: worker}
status: {podIP: 10.0.0.1}
"""
BANP = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {name: default}
spec: {subject: {namespaces: {}}}
"""
ABOUT = "ClusterNetworkPolicy lock"


def changed(text, old, new):
    """Return a manifest with one mistake in it."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


ONE_OF = "exactly one of `namespaces`, `pods` is allowed here"
MISTAKES = {
    "no YAML": (
        "apiVersion: v1\nkind: [Pod\nmetadata: {name: x}\n",
        "3:9: error: this is not YAML: did not find expected ',' or ']'",
    ),
    "a tab": (
        "apiVersion: v1\n\tkind: Pod\n",
        "2:1: error: this is not YAML: found a tab character that violates indentation",
    ),
    "a key twice": (
        changed(CNP, "  tier: Admin\n", "  tier: Admin\n  tier: Baseline\n"),
        "6:3: error: spec.tier: the key 'tier' is here a second time, first in line 5; one of the two would be lost",
    ),
    "no text": ("a: \0\n", "1:4: error: the character U+0000 cannot be in YAML (is this a text file?)"),
    "very deep": ("a: " + "[" * 3000, "1:203: error: this is nested more than 200 levels deep"),
    "plain text": ("hello\n", "1:1: error: this is plain text, not an object with apiVersion, kind and metadata"),
    "a list": ("- a\n", "1:1: error: this is a list, not an object with apiVersion, kind and metadata"),
    "a kind misspelt": (
        changed(CNP, "ClusterNetworkPolicy", "ClusterNetworkPolcy"),
        (
            "2:1: error: ClusterNetworkPolcy lock: there is no kind ClusterNetworkPolcy in "
            "policy.networking.k8s.io/v1alpha2 "
            "(write apiVersion: policy.networking.k8s.io/v1alpha2 and kind: ClusterNetworkPolicy)"
        ),
    ),
    "another version": (
        changed(CNP, "v1alpha2", "v1beta1"),
        (
            f"2:1: error: {ABOUT}: there is no ClusterNetworkPolicy in policy.networking.k8s.io/v1beta1 "
            "(write apiVersion: policy.networking.k8s.io/v1alpha2 and kind: ClusterNetworkPolicy)"
        ),
    ),
    "a kind of another version": (
        changed(ANP, "v1alpha1", "v1alpha2"),
        (
            "2:1: error: AdminNetworkPolicy lock: there is no AdminNetworkPolicy in policy.networking.k8s.io/v1alpha2 "
            "(write apiVersion: policy.networking.k8s.io/v1alpha1 and kind: AdminNetworkPolicy)"
        ),
    ),
    "no name": (
        changed(CNP, "{name: lock}", "{}"),
        "3:1: error: ClusterNetworkPolicy: metadata.name: is required and not there",
    ),
    "no DNS name": (
        changed(CNP, "lock", "Lock_"),
        (
            "3:12: error: ClusterNetworkPolicy Lock_: metadata.name: 'Lock_' is not a DNS name: at most 253 lower-case "
            "letters, digits, `-` and `.`, each part between dots beginning and ending with a letter or digit"
        ),
    ),
    "no spec": (CNP.partition("spec:")[0], f"1:1: error: {ABOUT}: spec: is required and not there"),
    "a spec that is a list": (
        CNP.partition("spec:")[0] + "spec: []\n",
        f"4:1: error: {ABOUT}: spec: must be a mapping of fields, not a list",
    ),
    "priority too high": (
        changed(CNP, "10", "1001"),
        f"6:3: error: {ABOUT}: spec.priority: must be at most 1000, not 1001",
    ),
    "priority too low": (changed(CNP, "10", "-1"), f"6:3: error: {ABOUT}: spec.priority: must be at least 0, not -1"),
    "priority as text": (
        changed(CNP, "10", "'10'"),
        f"6:3: error: {ABOUT}: spec.priority: must be a whole number, not '10'; leave out the quotes",
    ),
    "no priority": (
        changed(CNP, "  priority: 10\n", ""),
        f"4:1: error: {ABOUT}: spec.priority: is required and not there",
    ),
    "no tier of ours": (
        changed(CNP, "Admin", "admin"),
        f"5:3: error: {ABOUT}: spec.tier: must be 'Admin' or 'Baseline', not 'admin'; did you mean 'Admin'?",
    ),
    "two subjects": (
        changed(CNP, "{namespaces: {}}", "{namespaces: {}, pods: {podSelector: {}}}"),
        f"7:3: error: {ABOUT}: spec.subject: has `namespaces` and `pods` at once; keep one: {ONE_OF}",
    ),
    "no subject": (changed(CNP, "{namespaces: {}}", "{}"), f"7:3: error: {ABOUT}: spec.subject: is empty: {ONE_OF}"),
    "a peer of two kinds": (
        CNP + INGRESS + "      pods: {podSelector: {}}\n",
        f"11:7: error: {ABOUT}: spec.ingress[0].from[0]: has `namespaces` and `pods` at once; keep one: {ONE_OF}",
    ),
    "a peer of no kind": (
        CNP + changed(INGRESS, "namespaces: {}", "{}"),
        f"11:7: error: {ABOUT}: spec.ingress[0].from[0]: is empty: {ONE_OF}",
    ),
    "no action of ours": (
        CNP + changed(INGRESS, "Deny", "Allow"),
        f"9:5: error: {ABOUT}: spec.ingress[0].action: must be 'Accept', 'Deny' or 'Pass', not 'Allow'",
    ),
    "no action": (
        CNP + "  ingress:\n  - from: [{namespaces: {}}]\n",
        f"9:5: error: {ABOUT}: spec.ingress[0].action: is required and not there",
    ),
    "a rule's name too long": (
        CNP + changed(INGRESS, "Deny", f"Deny\n    name: {'x' * 101}"),
        f"10:5: error: {ABOUT}: spec.ingress[0].name: has 101 characters; at most 100 are allowed",
    ),
    "a bad CIDR": (
        CNP + changed(EGRESS, "namespaces: {}", "networks: [10.0.0.0/33]"),
        (
            f"11:18: error: {ABOUT}: spec.egress[0].to[0].networks[0]: '10.0.0.0/33' is not a CIDR: the "
            f"prefix length is at most 32"
        ),
    ),
    "a port too high": (
        CNP + EGRESS + "    protocols:\n    - tcp: {destinationPort: {number: 65536}}\n",
        (
            f"13:31: error: {ABOUT}: spec.egress[0].protocols[0].tcp.destinationPort.number: must be at "
            f"most 65535, not 65536"
        ),
    ),
    "a range backwards": (
        CNP + EGRESS + "    protocols:\n    - tcp: {destinationPort: {range: {start: 90, end: 80}}}\n",
        (
            f"13:31: error: {ABOUT}: spec.egress[0].protocols[0].tcp.destinationPort.range: "
            "`start` must be below `end`; for a single port use `number`"
        ),
    ),
    "a port and a range": (
        CNP + EGRESS + "    protocols:\n    - tcp: {destinationPort: {number: 1, range: {start: 8, end: 9}}}\n",
        (
            f"13:13: error: {ABOUT}: spec.egress[0].protocols[0].tcp.destinationPort: has `number` and "
            f"`range` at once; keep one: exactly one of `number`, `range` is allowed here"
        ),
    ),
    "an operator of no selector": (
        changed(CNP, "{namespaces: {}}", "{namespaces: {matchExpressions: [{key: a, operator: Is}]}}"),
        (
            f"7:54: error: {ABOUT}: spec.subject.namespaces.matchExpressions[0].operator: "
            "must be In, NotIn, Exists, DoesNotExist, not 'Is'"
        ),
    ),
    "a selector without values": (
        changed(CNP, "{namespaces: {}}", "{namespaces: {matchExpressions: [{key: a, operator: In}]}}"),
        f"7:45: error: {ABOUT}: spec.subject.namespaces.matchExpressions[0].values: `In` needs at least one value",
    ),
    "a label that is a boolean": (
        changed(CNP, "{namespaces: {}}", "{namespaces: {matchLabels: {a: yes}}}"),
        (
            f"7:40: error: {ABOUT}: spec.subject.namespaces.matchLabels.a: must be text, not true; put it in quotes "
            "(without quotes, YAML reads y, n, yes, no, on and off as true and false)"
        ),
    ),
    "a field misspelt": (
        f"{CNP}  egres: []\n",
        f"8:3: error: {ABOUT}: spec.egres: is not a field of the schema; did you mean `egress`?",
    ),
    "port 0": (
        changed(ANP, "80", "0"),
        "11:20: error: AdminNetworkPolicy lock: spec.ingress[0].ports[0].portNumber.port: must be at least 1, not 0",
    ),
    "ports of two kinds": (
        ANP + "      namedPort: web\n",
        (
            "11:7: error: AdminNetworkPolicy lock: spec.ingress[0].ports[0]: has `portNumber` and `namedPort` at once; "
            "keep one: exactly one of `portNumber`, `portRange`, `namedPort` is allowed here"
        ),
    ),
    "too many peers": (
        changed(ANP, "{namespaces: {}}]\n", ", ".join(["{namespaces: {}}"] * 101) + "]\n"),
        (
            "9:5: error: AdminNetworkPolicy lock: spec.ingress[0].from: has 101 entries; at most 100 "
            "are allowed, so split it"
        ),
    ),
    "a second baseline": (
        changed(BANP, "default", "other"),
        (
            "1:1: error: BaselineAdminNetworkPolicy other: the only name that a "
            "BaselineAdminNetworkPolicy can have is `default`"
        ),
    ),
    "an exception outside": (
        changed(NP, "10.0.0.0/8", "10.0.0.0/8, except: [11.0.0.0/8]"),
        (
            "8:44: error: NetworkPolicy shop/lock: spec.ingress[0].from[0].ipBlock.except[0]: "
            "'11.0.0.0/8' must be a smaller network inside '10.0.0.0/8'"
        ),
    ),
    "a block and a selector": (
        changed(NP, "10.0.0.0/8}", "10.0.0.0/8}\n      podSelector: {}"),
        (
            "8:7: error: NetworkPolicy shop/lock: spec.ingress[0].from[0].ipBlock: "
            "cannot stand beside a selector; make it an entry of its own"
        ),
    ),
    "no protocol of ours": (
        changed(NP, "TCP", "ICMP"),
        (
            "10:8: error: NetworkPolicy shop/lock: spec.ingress[0].ports[0].protocol: must be 'TCP', "
            "'UDP' or 'SCTP', not 'ICMP'"
        ),
    ),
    "an end before the start": (
        changed(NP, "port: 80", "port: 80, endPort: 79"),
        (
            "10:33: error: NetworkPolicy shop/lock: spec.ingress[0].ports[0].endPort: must not be "
            "below `port`, which is 80"
        ),
    ),
    "an object twice": (
        f"{NP}---\n{NP}",
        (
            "12:1: error: NetworkPolicy shop/lock: this object is already in <stdin>:1:1; this second one "
            "does not count (remove one of the two, or rename it)"
        ),
    ),
    "two pods with one address": (
        f"{POD}---\n{changed(POD, 'name: web', 'name: api')}",
        "5:10: error: Pod shop/web: status.podIP: the address 10.0.0.1 belongs to pod shop/api too, which keeps it",
    ),
    "no address": (
        changed(POD, "10.0.0.1", "10.0.0.256"),
        "5:10: error: Pod shop/web: status.podIP: '10.0.0.256' does not hold an IP address",
    ),
    "no label": (
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {-a: b}}\n",
        (
            "3:30: error: Namespace a: metadata.labels.-a: '-a' is not a label key: its name is 1 to 63 "
            "letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit"
        ),
    ),
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_where_it_is_and_nothing_is_done(text, said):
    answer = call("compile", "-f", "-", "--node", "worker", stdin=text)

    assert answer.code == 2
    assert answer.out == ""
    assert f"<stdin>:{said}" in answer.told
    assert answer.told[-1] == "error: 1 error in the manifests; nothing was done"


LOOSE = {
    "a namespace that is not there": (
        POD,
        (
            "3:23: warning: Pod shop/web: metadata.namespace: the namespace shop is not declared, so it has "
            "no label but its name (declare it, with its labels)"
        ),
    ),
    "a policy for nobody": (
        f"{POD}---\n{changed(NP, 'namespace: shop', 'namespace: bank')}",
        (
            "9:24: warning: NetworkPolicy bank/lock: metadata.namespace: the namespace bank is not "
            "declared and has no pods"
        ),
    ),
    "a rule that fails closed": (
        f"{POD}---\n{CNP}" + changed(INGRESS, "{}", "{matchExpressions: [{key: a, operator: Is}]}"),
        (
            f"15:5: warning: {ABOUT}: spec.ingress[0]: this rule fails closed: "
            "spec.ingress[0].from[0].namespaces.matchExpressions[0].operator: must be In, NotIn, Exists, DoesNotExist, "
            "not 'Is': so this rule denies everything, whoever and whatever it is, that gets as far as here"
        ),
    ),
    "somebody else's policy": (
        f"{POD}---\napiVersion: cilium.io/v2\nkind: NetworkPolicy\nmetadata: {{name: a}}\n",
        (
            "8:1: warning: NetworkPolicy a: NetworkPolicy of cilium.io/v2 is another API's policy; it is not enforced "
            "(ours is networking.k8s.io/v1)"
        ),
    ),
    "equal priorities": (
        f"{POD}---\n{CNP}{INGRESS}---\n{changed(CNP, 'lock', 'other')}{INGRESS}",
        (
            "24:3: warning: ClusterNetworkPolicy other: spec.priority: ClusterNetworkPolicy lock has the "
            "same priority 10 in tier Admin; which comes first is undefined, and here it is the other one, by name"
        ),
    ),
}


@pytest.mark.parametrize(("text", "said"), LOOSE.values(), ids=LOOSE)
def test_what_is_allowed_and_hardly_meant_is_told_and_done(text, said):
    answer = call("compile", "-f", "-", "--node", "worker", stdin=text)

    assert answer.code == 0
    assert answer.out.startswith("# Table inet anp")
    assert f"<stdin>:{said}" in answer.told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"{POD}---\n{changed(NP, 'port: 80', 'port: web')}",
            "13:5: info: NetworkPolicy shop/lock: spec.ingress[0]: no pod that this rule leads to declares a port",
        ),
        (f"{POD}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\n", "8:1: info: Secret a: Secret is ignored"),
    ],
)
def test_what_is_merely_worth_knowing_is_told_to_those_who_ask(text, said):
    quiet, verbose = (call("compile", "-f", "-", "--node", "worker", *more, stdin=text) for more in ((), ("-v",)))

    assert quiet.code == verbose.code == 0
    assert "info" not in quiet.err
    assert f"<stdin>:{said}" in verbose.err


def test_all_mistakes_are_told_at_once_in_the_order_of_files_and_lines(tmp_path):
    (tmp_path / "b.yaml").write_text(changed(CNP, "10", "-1") + "---\n" + changed(NP, "TCP", "ICMP"))
    (tmp_path / "a.yaml").write_text(changed(POD, "10.0.0.1", "x"))

    answer = call("compile", "-f", str(tmp_path), "--node", "worker")

    assert [line.partition(": error")[0] for line in answer.told if ": error" in line] == [
        f"{tmp_path}/a.yaml:5:10",
        f"{tmp_path}/b.yaml:6:3",
        f"{tmp_path}/b.yaml:18:8",
    ]
    assert answer.told[-1] == "error: 3 errors in the manifests; nothing was done"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, ": error: cannot read it: No such file or directory"),
        (
            lambda path: path.write_bytes(b"a: b\n\xff"),
            ":2: error: the byte 0xFF is not UTF-8 text (save the file as UTF-8)",
        ),
        (
            lambda path: path.write_text("a: b", "utf-16"),
            ": error: the file is UTF-16; manifests are UTF-8 (save it as UTF-8)",
        ),
        (lambda path: path.symlink_to(path), ": error: cannot read it: Too many levels of symbolic links"),
    ],
    ids=["missing", "no text", "UTF-16", "a circle"],
)
def test_a_file_that_cannot_be_read_says_why(make, said, tmp_path):
    path = tmp_path / "policies.yaml"
    make(path)

    answer = call("compile", "-f", str(path), "--node", "worker")

    assert answer.code == 2
    assert answer.told == [f"{path}{said}", "error: 1 error in the manifests; nothing was done"]


def test_more_nodes_than_addresses():
    nodes = "---\n".join(f"apiVersion: v1\nkind: Node\nmetadata: {{name: n{number}}}\n" for number in range(3100))

    answer = call("compile", "-f", "-", "--node", "n1", stdin=nodes)

    assert answer.code == 2
    assert answer.err.startswith("error: there are more than 3071 nodes, so no addresses are left for ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--node", "midle"), "error: there is no node 'midle': there are left, right"),
        ((), "which is this host's name; --node names another: there are left, right"),
        (("--node", "left", "--mark-mask", "0x5"), "error: --mark-mask 0x5: must be one run of two or more of 32 bits"),
        (("--node", "left", "--mark-mask", "0x1ffff0000"), "error: --mark-mask 0x1ffff0000: must be"),
        (("--node", "left", "--mark-mask", "ffff"), "error: --mark-mask ffff: must be"),
        (("--node", "left", "--mark-mask", "9" * 5000), "error: --mark-mask 9999"),
    ],
)
def test_a_node_or_mask_that_makes_no_sense(arguments, said):
    answer = call("compile", "-f", SMALL, *arguments)

    assert answer.code == 2
    assert answer.out == ""
    assert said in answer.err
    assert len(answer.told) == 1


def test_a_mask_too_narrow_for_the_classes_is_more_than_this_machine_can():
    answer = call("compile", "-f", SMALL, "--node", "left", "--mark-mask", "0x6")

    assert answer.code == 3
    assert "classes of addresses must be told apart, but the mark mask has numbers for 1 only" in answer.err


def test_standard_input_that_is_closed_is_an_empty_one():
    done = subprocess.run(
        [*COMMAND, "compile", "-f", "-", "--node", "n"],
        capture_output=True,
        check=False,
        text=True,
        env=environment(),
        stdin=subprocess.DEVNULL,
    )

    assert done.returncode == 2
    assert done.stderr == "error: there is no node 'n': the manifests declare none\n"


@pytest.mark.kernel
@pytest.mark.parametrize("name", list(MISTAKES)[::7])
def test_nothing_is_half_applied(name, network, nft, tmp_path):
    (tmp_path / "good.yaml").write_text(Path(SMALL).read_text(encoding="utf-8"))
    assert call("apply", "-f", str(tmp_path), "--node", "left", network=network).code == 0
    before = nft("-s", "list", "ruleset")
    (tmp_path / "bad.yaml").write_text(MISTAKES[name][0])
    (tmp_path / "more.yaml").write_text(CNP + INGRESS)

    answer = call("apply", "-f", str(tmp_path), "--node", "left", network=network)

    assert answer.code == 2
    assert answer.out == ""
    assert nft("-s", "list", "ruleset") == before


@pytest.mark.kernel
@pytest.mark.parametrize(
    "command", [("apply", "-f", SMALL, "--node", "left"), ("uninstall",), ("run", "-f", SMALL, "--node", "left")]
)
def test_without_the_right_to_it_says_so(command, network):
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--", *COMMAND, *command]

    done = network.call(
        lambda: subprocess.run(powerless, capture_output=True, check=False, env=environment(), text=True, timeout=60)
    )

    assert done.returncode == 3
    assert done.stdout == ""
    # libnftables has a word of its own to say, and does not ask where.
    assert done.stderr.splitlines()[-1].startswith(
        "error: no right to use nftables: run as root, or with CAP_NET_ADMIN"
    )
