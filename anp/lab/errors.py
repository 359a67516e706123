"""Everything that the lab raises.

* LabError
  - TopologyError            the cluster described cannot exist: an address taken twice, an unknown node, …
  - PrivilegeError           we may not make network namespaces, nor a user namespace in which we might
  - UnsupportedKernelError   the kernel lacks something that the lab is made of
"""


class LabError(Exception):
    """The lab cannot be built or changed as asked."""


class TopologyError(LabError):
    """The cluster that was described cannot exist; the message says which two things contradict each other."""


class PrivilegeError(LabError):
    """We lack the right to make network namespaces; the message says how to get it."""


class UnsupportedKernelError(LabError):
    """The kernel lacks something that the lab needs; the message names it."""
