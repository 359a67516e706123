"""The virtual kubelet next to a control plane."""

from tests.controlplane.fixtures import *  # noqa: F403
from tests.kubelet.fixtures import *  # noqa: F403
