"""How long a test waits before it calls something a hang.

Nothing is measured by it: a test that passes never waits for a deadline. So there is one factor
for all of them, generous by itself, and to be raised where other programs use the processors.
"""

import os

FACTOR = float(os.environ.get("TEST_DEADLINES", "3"))


def scaled(seconds: float) -> float:
    """A deadline in seconds, from what suffices on an idle machine."""
    return seconds * FACTOR
