"""What lint finds out about rules, one tier and all of them."""

from anp.analysis.lint.check import Check
from anp.sources.diagnostics import Severity

CHECKS = (
    Check(
        "ANP101",
        "shadowed-rule",
        Severity.WARNING,
        "A rule is never the first to match, and rules before it say something else",
        "Rules before this one take everything that it matches, and at least one of them has another "
        "action. Whoever wrote the rule believes that it does something, and it does nothing. What "
        "earlier rules take together counts, not only what one of them takes, and so do port names and "
        "the pods that selectors mean. A finding that holds whatever pods there are is a warning; one "
        "that holds for the pods of today is for your information.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: shadowed}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
    - action: Accept
      from: [{namespaces: {matchLabels: {team: shop}}}]
""",
        "move the rule before the one that shadows it, or remove it",
    ),
    Check(
        "ANP102",
        "redundant-rule",
        Severity.WARNING,
        "A rule can go, because other rules of its tier say the same",
        "Either rules before this one take everything that it matches and have the same action, or what "
        "it decides is decided likewise by rules after it. All rules reported under this code, ANP101, "
        "ANP106, ANP108 and ANP109 can be removed together, and no connection has another fate "
        "afterwards. A finding that holds whatever pods there are is a warning; one that holds for the "
        "pods of today is for your information.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: redundant}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
    - action: Deny
      from: [{namespaces: {}}]
""",
        "remove the rule, or make the difference that you meant",
    ),
    Check(
        "ANP103",
        "generalised-rule",
        Severity.INFO,
        "A rule matches all that an earlier one matches, with another action",
        "The earlier rule is an exception from the later one, which is how lists are usually written. "
        "Nothing is wrong; it is said because changing their order would make the earlier one useless.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: generalised}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Accept
      from: [{namespaces: {matchLabels: {role: operators}}}]
    - action: Deny
      from: [{namespaces: {}}]
""",
        "keep the order of the two",
    ),
    Check(
        "ANP104",
        "correlated-rules",
        Severity.INFO,
        "Two rules match some packets in common, with different actions",
        "Each of the two matches something that the other does not, and for what they have in common the "
        "order decides. Lists in which much depends on order are hard to change.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: correlated}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Accept
      from: [{namespaces: {matchLabels: {team: shop}}}]
    - action: Deny
      from: [{namespaces: {}}]
      protocols: [{tcp: {destinationPort: {number: 80}}}]
""",
        "keep the order of the two, or make one rule so narrow that they do not meet",
    ),
    Check(
        "ANP105",
        "same-priority-conflict",
        Severity.ERROR,
        "Two policies with one priority disagree about a connection",
        "Between policies of one tier with the same priority the API defines no order. Where they match "
        "a packet in common and make another fate of it, what happens depends on the implementation, and "
        "may change when it is updated. Policies with one priority that never disagree are not reported.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: let-in}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Accept
      from: [{namespaces: {matchLabels: {team: shop}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: keep-out}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
""",
        "give the policy that is to win the lower priority number",
    ),
    Check(
        "ANP106",
        "rule-without-effect",
        Severity.INFO,
        "Without the rule, what comes after it would say the same",
        "At present the rule changes nothing, because the next tiers, or the default, have the same "
        "answer for all that it decides. That may be wanted: a rule of the Admin tier keeps tenants from "
        "changing the answer.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: without-effect}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  egress:
    - action: Accept
      to: [{namespaces: {matchLabels: {team: bank}}}]
""",
        "keep the rule if it is to bind tenants, and otherwise remove it",
    ),
    Check(
        "ANP107",
        "pass-to-nobody",
        Severity.WARNING,
        "Nothing is behind a Pass rule",
        "Pass leaves the decision to NetworkPolicies and the Baseline tier. Where neither has anything "
        "to say, everything that was passed is accepted, and the rule is an Accept that is easily read "
        "as something more careful.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: to-nobody}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Pass
      from: [{namespaces: {matchLabels: {team: shop}}}]
    - action: Deny
      from: [{namespaces: {}}]
""",
        "add a policy of the Baseline tier for what is passed, or write Accept",
    ),
    Check(
        "ANP108",
        "silent-baseline",
        Severity.INFO,
        "A policy of the Baseline tier decides nothing",
        "The Baseline tier is asked last, and not at all about pods that a NetworkPolicy isolates in "
        "that direction. Everything that this policy matches is settled before it is asked.",
        """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: silent}
spec:
  tier: Baseline
  priority: 10
  subject: {namespaces: {matchLabels: {team: shop}}}
  ingress:
    - action: Accept
      from: [{namespaces: {matchLabels: {role: operators}}}]
""",
        "move the rules to the Admin tier if they are to hold in any case, or remove the policy",
    ),
    Check(
        "ANP109",
        "overruled-rule",
        Severity.WARNING,
        "A rule decides nothing, because earlier tiers say otherwise",
        "Earlier tiers settle all that the rule matches. A tenant's NetworkPolicy cannot accept what the "
        "Admin tier denies; ask the administrator, or see with anp explain which rule it is. Where some "
        "earlier tier says the same as the rule, the finding is for your information.",
        """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: sealed}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {matchLabels: {team: bank}}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: shop}}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: wants-shop, namespace: bank}
spec:
  podSelector: {}
  ingress:
    - from: [{namespaceSelector: {matchLabels: {team: shop}}}]
    - from: [{namespaceSelector: {matchLabels: {role: operators}}}]
""",
        "remove the rule, or ask for an exception in the earlier tier",
    ),
)
