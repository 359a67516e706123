"""The kinds that the controller follows."""

from anp import api
from anp.api.engine_v1alpha1 import NodeEnforcement
from anp.api.objects import Resource

BUILT_IN = (
    api.Namespace.resource,
    api.Node.resource,
    api.Pod.resource,
    api.NetworkPolicy.resource,
)
"""Kinds that every API server has."""

POLICIES = (
    api.AdminNetworkPolicy.resource,
    api.BaselineAdminNetworkPolicy.resource,
    api.ClusterNetworkPolicy.resource,
)
"""Kinds of policies that an API server may have or not, and that come and go while we run."""

CUSTOM = (*POLICIES, NodeEnforcement.resource)

CRDS = Resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions")

NEEDED = (*BUILT_IN, *POLICIES)
"""Kinds that must be known before anything is published: a half-known cluster must never be enforced."""


def named(kind: str) -> Resource:
    """Return the resource of a kind that is followed."""
    return next(resource for resource in (*BUILT_IN, *CUSTOM) if resource.kind == kind)


def crd_name(resource: Resource) -> str:
    """Return the name of the CustomResourceDefinition of a kind."""
    return f"{resource.plural}.{resource.group}"
