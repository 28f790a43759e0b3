"""How fast commands may be sent."""


class Pace:
    """The server's own token bucket, kept here too: what is not sent is not refused.

    Args:
        rate: commands a second; 0: no limit.
        burst: commands at once, after a rest.
        now: seconds of a monotonic clock.
    """

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._left = self._burst
        # The server's bucket began as full: so many are let through whenever they come.
        self._sure = self._burst
        self._counted_at = now

    def is_ample(self, now: float) -> bool:
        """Whether the server surely takes the next one, even if the way compresses time."""
        if not self._rate or self._sure > 0:
            return True
        self._fill(now)
        return self._left > self._burst / 2

    def take(self, now: float) -> float:
        """Spend one command; or the seconds until there is one to spend."""
        if not self._rate:
            return 0.0
        self._fill(now)
        # A timer that fires a hair too early must not lead to a wait of nothing.
        if self._left < 1 - 1e-6:
            return (1 - self._left) / self._rate
        self._left -= 1
        self._sure -= 1
        return 0.0

    def empty(self, now: float) -> None:
        """The server's bucket turned out to be empty: then so is this one, as of now."""
        self._fill(now)
        self._left = self._sure = 0.0

    def _fill(self, now: float) -> None:
        earned = (now - self._counted_at) * self._rate
        self._counted_at = now
        self._left = min(self._burst, self._left + earned)
