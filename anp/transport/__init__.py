"""How generations travel from the controller to the nodes: as objects of the Kubernetes API. There is no I/O here."""

from anp.transport.errors import IncompleteError, TransportError
from anp.transport.manifest import NAME
from anp.transport.publication import GRACE, Limits, Published, Writes
from anp.transport.reception import Received, Reception

__all__ = [
    "GRACE",
    "NAME",
    "IncompleteError",
    "Limits",
    "Published",
    "Received",
    "Reception",
    "TransportError",
    "Writes",
]
