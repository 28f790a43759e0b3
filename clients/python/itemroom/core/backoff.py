"""How long to wait before the next connection."""

import random

# Seconds. Full jitter: clients that were cut off together must not come back together.
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0


class Backoff:
    """Random times below a bound that doubles with each failure in a row."""

    def __init__(self) -> None:
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait now; longer, at random, each time."""
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        return random.uniform(0, longest)  # noqa: S311 - no secret

    def reset(self) -> None:
        """The server has proved that it works."""
        self._failures = 0
