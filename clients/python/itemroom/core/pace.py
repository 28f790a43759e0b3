"""How fast commands may be sent."""


class Pace:
    """Keeps to the rate that the server allows, so that it need not refuse.

    Args:
        rate: commands a second; 0: no limit.
        burst: commands at once, after a rest.
        now: seconds of a monotonic clock.
    """

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        # A little less than allowed: on the way, commands move closer to each other.
        self._burst = max(1.0, burst * 0.9)
        self._left = self._burst
        self._counted_at = now

    def take(self, now: float) -> float:
        """Spend one command; or the seconds until there is one to spend."""
        if not self._rate:
            return 0.0
        earned = (now - self._counted_at) * self._rate
        self._left = min(self._burst, self._left + earned)
        self._counted_at = now
        # A timer that fires a hair too early must not lead to a wait of nothing.
        if self._left < 1 - 1e-6:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0
