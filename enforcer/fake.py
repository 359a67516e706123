"""The kernel's nftables in memory, for tests and rehearsals: the same interface, held to the same contract."""

from compiler.ruleset import Ruleset
from enforcer.errors import TransactionRejectedError
from enforcer.table import RefusedError, Table
from enforcer.transaction import Transaction, lines


class FakeDataplane:
    """Our table, in memory.

    Args:
        ruleset: What it holds to begin with, foreign objects and all.

    """

    def __init__(self, ruleset: Ruleset | None = None) -> None:
        self._table = Table.of(ruleset or Ruleset())

    def read(self) -> Ruleset:
        """Return what the table holds; nothing if it is not there."""
        return self._table.ruleset()

    def run(self, tx: Transaction) -> None:
        """Do all of `tx`, or nothing.

        Raises:
            TransactionRejectedError: the kernel would refuse it; the error names the statement.
            InvalidRulesetError: it has no safe text.

        """
        self._table = self._after(tx)

    def check(self, tx: Transaction) -> None:
        """Find out whether `tx` could be done now, changing nothing; raise as `run` does."""
        self._after(tx)

    def _after(self, tx: Transaction) -> Table:
        script, table = tx.script, self._table.copy()
        for operation in tx.operations:
            try:
                table.do(operation)
            except RefusedError as refusal:
                raise TransactionRejectedError(str(refusal), next(lines(operation), ""), script) from None
        try:
            table.validate()
        except RefusedError as refusal:
            raise TransactionRejectedError(str(refusal), script.splitlines()[-1], script) from None
        return table
