"""What a failure of a database means to those who asked it for something."""

from enum import Enum, auto


class Meaning(Enum):
    """Of failures that no change of this program would remove."""

    BUSY = auto()
    """Somebody else holds what is needed: to be tried again."""
    FULL = auto()
    """The disk has no room."""
    OUTSIDE = auto()
    """Whatever else the machine, the disk or another program did."""
