"""What lint finds in connections, sizes and suppressions."""

from anp.analysis.lint.check import Check
from anp.sources.diagnostics import Severity

CHECKS = (
    Check(
        "ANP401",
        "accept-on-one-side",
        Severity.WARNING,
        "What a rule accepts at one end is denied at the other",
        "A connection needs a yes from both ends: egress of the pod that opens it, ingress of the pod "
        "that is asked. At present the other end denies everything that this rule accepts.",
        """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db-from-web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-goes-nowhere, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
""",
        "accept it at the other end as well, or remove the rule",
    ),
    Check(
        "ANP402",
        "closed-without-dns",
        Severity.WARNING,
        "Pods may connect to others and may ask nobody for a name",
        "Egress is closed but for some peers, and port 53, or a port that pods declare as dns, is "
        "reachable nowhere. What connects by name will not connect.",
        """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-to-db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]
""",
        "accept DNS as well, best once for all pods in the Admin tier",
    ),
    Check(
        "ANP501",
        "limit-near",
        Severity.INFO,
        "A list is nearly as long as the API allows",
        "A ClusterNetworkPolicy has room for 25 rules in each direction, and 25 peers and 25 protocols "
        "in each rule; a peer for 25 networks. Policies of v1alpha1 have room for 100 of the first "
        "three.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: long}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from:
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-0}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-1}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-2}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-3}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-4}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-5}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-6}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-7}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-8}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-9}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-10}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-11}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-12}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-13}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-14}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-15}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-16}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-17}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-18}}
        - namespaces: {matchLabels: {kubernetes.io/metadata.name: team-19}}
""",
        "select by a common label, or begin another policy with the next priority",
    ),
    Check(
        "ANP502",
        "priority-not-portable",
        Severity.INFO,
        "Not every implementation takes the priority",
        "Priorities go from 0 to 1000, and one implementation in wide use takes those up to 99.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: late}
spec:
  tier: Admin
  priority: 500
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
""",
        "use priorities up to 99 if the policies are to work elsewhere",
    ),
    Check(
        "ANP503",
        "priorities-spread",
        Severity.INFO,
        "A tier uses many more priorities than its policies have conflicts",
        "Policies need different priorities only where they overlap and disagree. A tier in which few do "
        "has room for them in few priorities, and gaps in between for those to come.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-10}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 10}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-11}
spec:
  tier: Admin
  priority: 11
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 11}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-12}
spec:
  tier: Admin
  priority: 12
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 12}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-13}
spec:
  tier: Admin
  priority: 13
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 13}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-14}
spec:
  tier: Admin
  priority: 14
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 14}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-15}
spec:
  tier: Admin
  priority: 15
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 15}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-16}
spec:
  tier: Admin
  priority: 16
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 16}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-17}
spec:
  tier: Admin
  priority: 17
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 17}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-18}
spec:
  tier: Admin
  priority: 18
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 18}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: step-19}
spec:
  tier: Admin
  priority: 19
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
      protocols: [{tcp: {destinationPort: {number: 19}}}]
""",
        "give one priority to policies that never disagree; ANP105 tells where some do",
    ),
    Check(
        "ANP601",
        "suppression-without-reason",
        Severity.WARNING,
        "A suppression says no reason",
        "Whoever finds it later has to know why it was right.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: unreasoned}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    # anp-lint: ignore ANP107
    - action: Pass
      from: [{namespaces: {matchLabels: {team: shop}}}]
    - action: Deny
      from: [{namespaces: {}}]
""",
        "write the reason after the code",
    ),
    Check(
        "ANP602",
        "suppression-without-effect",
        Severity.WARNING,
        "A suppression suppresses nothing",
        "There is no such finding at that place, so the comment is stale, or stands elsewhere than was "
        "meant. It is not said of codes that were not looked for.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: stale}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    # anp-lint: ignore ANP301 the name comes with the next release
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
""",
        "remove the suppression, or move it next to the finding",
    ),
    Check(
        "ANP603",
        "suppression-of-unknown-code",
        Severity.WARNING,
        "A suppression names no code that there is",
        "A suppression needs the code of a finding, such as ANP101.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: unknown-code}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    # anp-lint: ignore ANP999 for reasons of our own
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
""",
        "write the code as anp lint shows it",
    ),
)
