"""The ends of a flow as people name them: a pod, or an address."""

import difflib
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from compiler.addresses import Address
from compiler.model import Pod, Snapshot

_SHOWN = 5
"""How many pods a message names."""


class UnknownEndError(ValueError):
    """What was named is neither a pod of the cluster nor an address; the message says what would be."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a flow: its name, as people know it, and its addresses."""

    name: str
    addresses: tuple[Address, ...]
    pod: Pod | None = None


def parse_end(text: str, snapshot: Snapshot) -> End:
    """Find who `text` names: ``NAMESPACE/POD`` or an IP address.

    An address that belongs to a pod or node is named after it.

    Raises:
        UnknownEndError: nobody is named so, or the pod has no address.

    """
    namespace, slash, name = text.partition("/")
    if slash:
        if _is_network(text):
            raise UnknownEndError(f"{text} is a network; name one address in it")
        return _pod_end(text, namespace, name, snapshot)
    try:
        address = ip_address(text)
    except ValueError:
        hint = _similar(text, snapshot)
        raise UnknownEndError(f"{text!r} is neither NAMESPACE/POD nor an IP address{hint}") from None
    if getattr(address, "scope_id", None):
        raise UnknownEndError(f"{text} has a scope; policies know addresses without one")
    return End(_owner(address, snapshot), (address,), _governed(address, snapshot))


def _pod_end(text: str, namespace: str, name: str, snapshot: Snapshot) -> End:
    pod = next((pod for pod in snapshot.pods if pod.key == (namespace, name)), None)
    if pod is None:
        raise UnknownEndError(f"there is no pod {text!r}{_similar(text, snapshot)}")
    addresses = pod.addresses
    if pod.host_network and not addresses:
        addresses = next((node.addresses for node in snapshot.nodes if node.name == pod.node), ())
    if pod.terminated:
        raise UnknownEndError(f"the pod {text} has finished, so no traffic is its own")
    if not addresses:
        raise UnknownEndError(f"the pod {text} has no address yet, so it has no traffic")
    return End(text, addresses, pod)


def _owner(address: Address, snapshot: Snapshot) -> str:
    pod = _governed(address, snapshot)
    if pod is not None:
        return str(pod)
    node = next((node for node in snapshot.nodes if address in node.addresses), None)
    return f"node {node.name}" if node else str(address)


def _governed(address: Address, snapshot: Snapshot) -> Pod | None:
    return next((pod for pod in snapshot.pods if pod.governed and address in pod.addresses), None)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _similar(text: str, snapshot: Snapshot) -> str:
    """Suggest pods that have the name in another namespace, or look like what was asked for; or else list a few."""
    known = [str(pod) for pod in snapshot.pods]
    if not known:
        return ": the manifests declare no pods"
    name = text.rpartition("/")[2]
    near = [pod for pod in known if name and name in pod] or difflib.get_close_matches(text, known, n=_SHOWN)
    if near:
        return f"; did you mean {_some(near)}?"
    return f"; pods are {_some(known)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
