"""Makes the kernel hold what it should, writing only what differs."""

from dataclasses import dataclass
from typing import Protocol

from compiler.ruleset import Ruleset
from enforcer.errors import TransactionRejectedError
from enforcer.plan import plan
from enforcer.transaction import AddTable, DeleteTable, Summary, Transaction


class Dataplane(Protocol):
    """Something that holds our table: the kernel, or its twin in memory."""

    def read(self) -> Ruleset:
        """Return what the table holds; nothing if it is not there."""

    def run(self, tx: Transaction) -> None:
        """Do all of `tx`, or raise TransactionRejectedError and do nothing."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What it took to reach a ruleset.

    Attributes:
        summary: What was written; all zero if nothing was.
        drifted: Whether the kernel did not hold what we had left there, so that it had to be listed again.

    """

    summary: Summary
    drifted: bool = False


class Enforcer:
    """Keeps our table at the ruleset that was asked for last.

    Listing the table is slow, so it is done at the start and after a refusal only. In between we know what is
    there because we wrote it. To be used by one thread at a time.
    """

    def __init__(self, dataplane: Dataplane) -> None:
        self._dataplane = dataplane
        self._installed: Ruleset | None = None

    @property
    def installed(self) -> Ruleset | None:
        """What the table holds as far as we know, or None as long as we do not."""
        return self._installed

    def start(self) -> Ruleset:
        """Read what is installed, by us in an earlier life or by somebody else, and return it."""
        self._installed = self._dataplane.read()
        return self._installed

    def apply(self, desired: Ruleset) -> Applied:
        """Make the table hold `desired`.

        A refusal means that the table is not what we think it is, more often than not: it is read, and what
        really is there is brought to `desired` in a second attempt.

        Raises:
            TransactionRejectedError: the second attempt was refused too; the old rules stay in force.
            InvalidRulesetError: `desired` cannot be written; the old rules stay in force.

        """
        known = self._installed
        if known is not None:
            try:
                return Applied(self._bring(known, desired))
            except TransactionRejectedError:
                pass
        actual = self.start()
        return Applied(self._bring(actual, desired), drifted=known is not None and actual != known)

    def uninstall(self) -> None:
        """Delete our table and nothing else; it need not be there.

        Raises:
            TransactionRejectedError: the kernel keeps it.

        """
        self._installed = None
        self._dataplane.run(Transaction((AddTable(), DeleteTable())))
        self._installed = Ruleset()

    def _bring(self, actual: Ruleset, desired: Ruleset) -> Summary:
        tx = plan(actual, desired)
        # Until it is done we do not know, whatever it is that ends the attempt.
        self._installed = None
        if tx.operations:
            self._dataplane.run(tx)
        self._installed = desired
        return tx.summary
