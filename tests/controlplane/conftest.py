"""These tests are about control planes, and have them."""

from tests.controlplane.fixtures import *  # noqa: F403
