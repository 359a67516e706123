"""An enforcer that knows when somebody else has changed our table, and looks before it writes then. For one thread."""

from compiler.ruleset import Ruleset
from enforcer.drift import TableWatch
from enforcer.reconcile import Applied, Dataplane, Enforcer


class Guard:
    """Keeps our table at the ruleset that was asked for last.

    `suspect` says that the table may not hold what we left there; then it is read before anything is written, which
    can take seconds. Without a watch only a refusal or a check tells.
    """

    def __init__(self, dataplane: Dataplane, watch: TableWatch | None = None) -> None:
        self._enforcer = Enforcer(dataplane)
        self._watch = watch
        self._desired: Ruleset | None = None
        self.suspect = True

    @property
    def desired(self) -> Ruleset | None:
        """What the table was last brought to; None if it was not brought to anything yet."""
        return self._desired

    def installed(self) -> Ruleset:
        """Return what the table holds, as far as we know.

        Raises:
            EnforcerError: it cannot be read.

        """
        known = self._enforcer.installed
        return self.look() if self.suspect or known is None else known

    def look(self) -> Ruleset:
        """Read what the table holds.

        Raises:
            EnforcerError: it cannot be read.

        """
        self.suspect = True
        # News that come while it is read lead to another look, which is one too many at worst.
        self._heed()
        installed = self._enforcer.start()
        self.suspect = False
        return installed

    def listen(self) -> bool:
        """Take the news about our table, and say whether it is suspect."""
        self._heed()
        return self.suspect

    def apply(self, ruleset: Ruleset) -> Applied:
        """Make the table hold a ruleset.

        Raises:
            EnforcerError: the kernel refuses, or cannot be asked; what was in force stays in force.
            InvalidRulesetError: the ruleset cannot be written.

        """
        drifted = self.listen() and self.look() != self._desired and self._desired is not None
        applied = self._write(ruleset)
        return Applied(applied.summary, applied.drifted or drifted)

    def check(self) -> bool:
        """Read our table and bring it back to what it should hold; say whether it held anything else.

        Raises:
            EnforcerError: the kernel refuses, or cannot be asked; the table stays suspect.

        """
        actual = self.look()
        if self._desired is None or actual == self._desired:
            return False
        self._write(self._desired)
        return True

    def _write(self, ruleset: Ruleset) -> Applied:
        # As long as it is not done.
        self.suspect = True
        applied = self._enforcer.apply(ruleset)
        self.suspect = False
        self._desired = ruleset
        self._heed(own=bool(applied.summary.operations))
        return applied

    def _heed(self, *, own: int = 0) -> None:
        """Take the news about our table, of which so many are of our own transactions."""
        if self._watch and self._watch.transactions() > own:
            self.suspect = True
