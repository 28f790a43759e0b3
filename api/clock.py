"""The time of day, by which everything that ends is judged: one for a process, as the machine's is.

It can be set forward, and only a test does that. What is measured in intervals goes by others.
"""

import time


class Clock:
    """The machine's, or so much ahead of it. Safe from any thread."""

    def __init__(self) -> None:
        self._ahead_ns = 0

    def seconds(self) -> float:
        """Since the epoch."""
        return (time.time_ns() + self._ahead_ns) / 1_000_000_000

    def milliseconds(self) -> int:
        """Since the epoch."""
        return (time.time_ns() + self._ahead_ns) // 1_000_000

    def forward(self, seconds: float) -> None:
        """So much later it is from now on, once more."""
        self._ahead_ns += round(seconds * 1_000_000_000)

    def reset(self) -> None:
        """It is what the machine says."""
        self._ahead_ns = 0


clock = Clock()
"""The process's own."""
