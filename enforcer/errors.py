"""Everything the enforcer raises.

* EnforcerError
  - NftUnavailableError        no libnftables on this machine
  - TooManyFilesError          no file descriptor that libnftables can use
  - NotPermittedError          no right to change nftables
  - NamespaceError             the network namespace cannot be entered
  - ListingError               libnftables answered a listing with something else
  - TransactionRejectedError   the kernel refused a whole transaction

A ruleset that cannot be written at all is `compiler.syntax.InvalidRulesetError`: a bug, not a circumstance.
"""

_SHOWN = 240
"""The most characters of a refused statement in a message; one with elements can have hundreds of thousands."""


class EnforcerError(Exception):
    """What this node's kernel should hold could not be read or written."""


class NftUnavailableError(EnforcerError):
    """There is no libnftables here, or no Python binding for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"nftables cannot be used here ({reason}): install libnftables and its Python binding, "
            "on Debian and Ubuntu with: apt-get install nftables python3-nftables. A virtual environment "
            "sees the binding only if it is on its path"
        )


class TooManyFilesError(EnforcerError):
    """This process has so many files open that libnftables would abort it."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"libnftables needs a file descriptor below {limit}, and this process has all of those in use")


class NotPermittedError(EnforcerError):
    """This process lacks the right to see or change nftables."""

    def __init__(self) -> None:
        super().__init__(
            "no right to use nftables: run as root, or with CAP_NET_ADMIN in the user namespace "
            "that owns the network namespace"
        )


class NamespaceError(EnforcerError):
    """The network namespace is not there, or may not be entered."""


class ListingError(EnforcerError):
    """The list of our table cannot be understood at all, not even as foreign objects."""


class TransactionRejectedError(EnforcerError):
    """A transaction was refused, so nothing of it was applied.

    Attributes:
        reason: What the kernel or libnftables said, in their words.
        statement: The statement they said it of, or nothing where they named none. Some mistakes show only
            in the whole, such as a loop; then it is the one at which they were noticed.
        script: All statements of the transaction.

    """

    def __init__(self, reason: str, statement: str, script: str, column: int = 1) -> None:
        at = f" in: {_excerpt(statement, column)}" if statement else ""
        super().__init__(f"the transaction was refused and nothing of it applied: {reason}{at}")
        self.reason = reason
        self.statement = statement
        self.script = script


def _excerpt(statement: str, column: int) -> str:
    """Return a statement, or of a long one its beginning and what stands around that column, counted from 1."""
    if len(statement) <= _SHOWN:
        return statement
    half = _SHOWN // 3
    if column <= 2 * half:
        return f"{statement[:_SHOWN]} …"
    end = " …" if column + half < len(statement) else ""
    return f"{statement[:half]} … {statement[column - 1 : column + half]}{end}"
