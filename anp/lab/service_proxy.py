"""Services at work: every node's kernel brought to where its Services lead."""

from anp.lab.service_rules import services_script
from anp.lab.services import Route
from anp.lab.topology import LabNode
from enforcer.kernel import KernelDataplane


class ServiceProxy:
    """What a kube-proxy on each node does, in tables beside ours; nodes without Services never get any."""

    def __init__(self) -> None:
        self._nodes: list[tuple[LabNode, KernelDataplane]] = []
        self._installed: tuple[Route, ...] = ()

    def add(self, node: LabNode, dataplane: KernelDataplane) -> None:
        """Answer for Services on this node too, from the next change on."""
        self._nodes.append((node, dataplane))

    def bring(self, routes: tuple[Route, ...]) -> None:
        """Have every node send its Services' traffic on these routes and no others, each node at once.

        Raises:
            EnforcerError: a kernel refused; nodes before it are done, the others are as they were.

        """
        if routes != self._installed:
            for node, dataplane in self._nodes:
                dataplane.run_script(services_script(routes, node.addresses))
            self._installed = routes
