"""Everything that the virtual kubelet raises.

* KubeletError
  - BuildError          the server for exec could not be built
  - ApiError            the API server refused a request
    - GoneError         it no longer has the versions after the one that was asked for
  - UnsupportedError    a container wants what we cannot do; a pod with one does not start
"""


class KubeletError(Exception):
    """The virtual kubelet cannot do its work."""


class BuildError(KubeletError):
    """The server for exec could not be built; the message says which command failed and what it said."""


class ApiError(KubeletError):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class GoneError(ApiError):
    """What is to be watched has to be listed again first."""


class UnsupportedError(KubeletError):
    """A container wants something that is not there; the message says what."""
