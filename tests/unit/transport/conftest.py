from tests.controlplane.fixtures import *  # noqa: F403
