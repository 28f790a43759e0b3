"""Moved: `tests.programs.postgresql`."""

from tests.programs.postgresql import Cluster, binaries
from tests.programs.waiting import until

__all__ = ["Cluster", "binaries", "until"]
