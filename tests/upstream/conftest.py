"""The engine in a cluster."""

from tests.controlplane.fixtures import *  # noqa: F403
from tests.kubelet.fixtures import *  # noqa: F403
