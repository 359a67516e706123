"""The API objects: what manifests and API servers say, checked, and translated for the compiler.

`parse` makes an object of a document, `to_policy` and its siblings say what the object means.
"""

from anp.api.admission import Admission, Channel
from anp.api.core_v1 import Namespace, Node, Pod
from anp.api.networking_v1 import NetworkPolicy
from anp.api.parsing import SUPPORTED, ApiObject, Parsed, PolicyObject, items, parse
from anp.api.problems import ApiError, InvalidObjectError, Path, Problem, UnsupportedKindError
from anp.api.service_v1 import Service
from anp.api.translation import Translation, served_ports, to_namespace, to_node, to_pod, to_policy
from anp.api.v1alpha1 import AdminNetworkPolicy, BaselineAdminNetworkPolicy
from anp.api.v1alpha2 import ClusterNetworkPolicy

__all__ = [
    "SUPPORTED",
    "AdminNetworkPolicy",
    "Admission",
    "ApiError",
    "ApiObject",
    "BaselineAdminNetworkPolicy",
    "Channel",
    "ClusterNetworkPolicy",
    "InvalidObjectError",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "Parsed",
    "Path",
    "Pod",
    "PolicyObject",
    "Problem",
    "Service",
    "Translation",
    "UnsupportedKindError",
    "items",
    "parse",
    "served_ports",
    "to_namespace",
    "to_node",
    "to_pod",
    "to_policy",
]
