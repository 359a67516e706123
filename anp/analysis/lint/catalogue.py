"""Every kind of finding by its code. Documentation, explanations and reports are made from this."""

from collections.abc import Mapping

from anp.analysis.lint import checks_objects, checks_order, checks_use
from anp.analysis.lint.check import Check

CATALOGUE: Mapping[str, Check] = {
    check.code: check for check in (*checks_order.CHECKS, *checks_objects.CHECKS, *checks_use.CHECKS)
}

FAMILIES: Mapping[str, str] = {
    "ANP1": "Rules, within a tier and from one tier to the next",
    "ANP2": "Selectors and objects",
    "ANP3": "Ports and networks",
    "ANP4": "Both ends of a connection",
    "ANP5": "Limits",
    "ANP6": "Suppressions",
}
"""What codes that begin alike are about."""

CLUSTER = """\
apiVersion: v1
kind: Node
metadata: {name: worker-1}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: bank, labels: {team: bank}}
---
apiVersion: v1
kind: Namespace
metadata: {name: ops, labels: {role: operators}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: worker-1, containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
status: {podIPs: [{ip: 10.1.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {nodeName: worker-1, containers: [{name: db, ports: [{name: sql, containerPort: 5432}]}]}
status: {podIPs: [{ip: 10.1.0.3}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ledger, namespace: bank, labels: {app: ledger}}
spec: {nodeName: worker-1, containers: [{name: ledger}]}
status: {podIPs: [{ip: 10.1.0.4}]}
---
apiVersion: v1
kind: Pod
metadata: {name: scraper, namespace: ops, labels: {app: scraper}}
spec: {nodeName: worker-1, containers: [{name: scraper}]}
status: {podIPs: [{ip: 10.1.0.5}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: ops, labels: {app: agent}}
spec: {nodeName: worker-1, hostNetwork: true, containers: [{name: agent}]}
status: {podIPs: [{ip: 192.0.2.1}]}
"""
"""The cluster in which the examples of the catalogue have their findings."""
