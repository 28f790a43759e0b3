"""Whether a connection still works, although nobody says that it does not."""

from itemroom.core.errors import Refused

# The question for a sign of life.
PING = '{"type":"ping"}'
# Seconds.
# From the opening of a connection to its first frame.
WELCOME_PATIENCE = 15.0
# The server pings more often, but the library answers that without telling.
QUIET = 25.0
PATIENCE = 10.0
# The same while a command waits for its answer, twice: somebody looks at it.
HASTE = 2.4
# Characters a second that the slowest network carries: what was sent takes its time.
SLOWEST = 4000.0


class Silence:
    """Times since a connection was heard, and until it has to be."""

    def __init__(self) -> None:
        self._heard_at = 0.0
        self._deadline: float | None = None  # Something has to come before this.
        self._awaited_at: float | None = None  # When somebody began to wait for an answer.
        self._unanswered = 0  # Characters that were sent since something came.

    def begin(self, now: float) -> None:
        """A connection is open."""
        self.heard(now)
        self._awaited_at = None
        self._deadline = now + WELCOME_PATIENCE

    def heard(self, now: float) -> None:
        """Something came."""
        self._heard_at, self._deadline, self._unanswered = now, None, 0

    def sent(self, text: str) -> None:
        """Something is on its way."""
        self._unanswered += len(text)

    def check(self, now: float) -> None:
        """Look whether there is still hope.

        Raises:
            Refused: nothing came in time.
        """
        if self._deadline is not None and now >= self._deadline:
            raise Refused("silent", "The server says nothing any more.", retry="later")

    def watch(self, now: float, *, is_awaited: bool) -> tuple[bool, float]:
        """Whether a ping is due now, and the seconds until this is to be asked again.

        Args:
            now: seconds of a monotonic clock.
            is_awaited: whether a command waits for its answer.
        """
        if not is_awaited:
            self._awaited_at = None
        elif self._awaited_at is None:
            self._awaited_at = now
        if self._deadline is not None:
            return False, self._deadline - now
        quiet = QUIET if self._awaited_at is None else HASTE
        left = max(self._heard_at, self._awaited_at or 0.0) + quiet - now
        if left > 0:
            return False, left
        patience = HASTE + self._unanswered / SLOWEST if is_awaited else PATIENCE
        self._deadline = now + patience
        return True, patience
