"""What lint finds in selectors, port names and networks."""

from anp.analysis.lint.check import Check
from anp.sources.diagnostics import Severity

CHECKS = (
    Check(
        "ANP201",
        "empty-subject",
        Severity.WARNING,
        "A policy selects no pod",
        "A policy about nobody enforces nothing. Most often a label or a namespace is not spelt as it is "
        "on the pods. It is not said where the manifests have no pods at all.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: about-nobody}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {matchLabels: {team: archive}}}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
""",
        "compare the selector with the labels of the pods and namespaces that are meant",
    ),
    Check(
        "ANP202",
        "irrelevant-peer",
        Severity.WARNING,
        "A peer matches nobody",
        "No pod, or no node, fits this peer at present, so its rule is about fewer than it seems.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: from-nobody}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from:
        - namespaces: {matchLabels: {team: archive}}
        - namespaces: {matchLabels: {team: shop}}
""",
        "compare the selector with the labels that are meant, or remove the peer",
    ),
    Check(
        "ANP203",
        "impossible-selector",
        Severity.ERROR,
        "A selector or block can never match",
        "The conditions contradict one another, or the exceptions of a block take all of it. No labels, "
        "and no address, will ever fit.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: never}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from:
        - namespaces:
            matchLabels: {team: shop}
            matchExpressions: [{key: team, operator: DoesNotExist}]
""",
        "remove one of the conditions that contradict one another",
    ),
    Check(
        "ANP204",
        "near-miss",
        Severity.WARNING,
        "A label is spelt almost like one that exists",
        "No object has the label that the selector speaks of, and one letter away there is one that "
        "objects do have. In In and Exists such a slip selects nobody; in NotIn and DoesNotExist it "
        "selects everybody, which is how a slip of the pen opens a cluster.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: misspelt}
spec:
  tier: Admin
  priority: 10
  subject:
    namespaces: {matchExpressions: [{key: team, operator: NotIn, values: [shopp]}]}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
""",
        "spell the label as the objects do, or suppress the finding if both exist",
    ),
    Check(
        "ANP205",
        "host-network-subject",
        Severity.WARNING,
        "A policy's labels fit pods of the host's network",
        "Pods of the host's network have their node's addresses, and no policy selects them. Where other "
        "pods are selected too the finding is for your information.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: about-agents}
spec:
  tier: Admin
  priority: 10
  subject:
    pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: agent}}}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
""",
        "protect what these pods serve with egress rules of others, by peers of the kind nodes",
    ),
    Check(
        "ANP206",
        "pruned-field",
        Severity.ERROR,
        "A field that was applied is not in the object",
        "An API server drops fields that its schema does not have. A misspelt matchLabels leaves an "
        "empty selector behind, which selects everybody. What kubectl was given is still in its "
        "annotation, and has the field.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata:
  name: pruned
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"policy.networking.k8s.io/v1alpha2","kind":"ClusterNetworkPolicy","metadata":{"name":"pruned"},
       "spec":{"tier":"Admin","priority":10,"subject":{"namespaces":{"matchLabel":{"team":"bank"}}},
               "ingress":[{"action":"Deny","from":[{"namespaces":{}}]}]}}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
""",
        "correct the field in the manifest, and apply it again",
    ),
    Check(
        "ANP301",
        "unknown-port-name",
        Severity.WARNING,
        "No pod that a rule leads to declares its port name",
        "A port name means what the destination pod declares under it. Where none declares it, the rule "
        "matches nothing: an Accept accepts nothing, and a Deny denies nothing.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: unknown-name}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
      protocols: [{destinationNamedPort: htpp}]
""",
        "use a name that the pods declare, or a number",
    ),
    Check(
        "ANP302",
        "port-name-on-some",
        Severity.INFO,
        "Some pods that a rule leads to do not declare its port name",
        "On those pods the rule matches nothing by that name, whatever port they serve on.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: some-names}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
      protocols: [{destinationNamedPort: http}]
""",
        "see that every pod which serves this declares the port by its name",
    ),
    Check(
        "ANP303",
        "networks-of-pods",
        Severity.WARNING,
        "A network has addresses of the cluster's own pods",
        "Networks are matched by address, and the addresses of pods are no exception. They change with "
        "every restart, so a rule by address is about whoever has it next.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: by-address}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  egress:
    - action: Deny
      to: [{networks: [10.1.0.0/16]}]
""",
        "name pods by their labels, and keep pod networks out of the block",
    ),
    Check(
        "ANP304",
        "everywhere-is-pods-too",
        Severity.INFO,
        "An Accept for all addresses accepts the cluster's pods too",
        "0.0.0.0/0 and ::/0 are usually written for the world outside. They match every pod as well.",
        """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: to-the-world, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]
""",
        "take the pod networks out with exceptions, or deny pods before",
    ),
)
