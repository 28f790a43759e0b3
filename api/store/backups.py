"""What a backup is, of whichever database."""

from dataclasses import dataclass


class BackupError(Exception):
    """There is no such backup, or none can be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a sound database holds."""

    revision: str
    users: int
    items: int
    entries: int
    """Of all items, deletions and edits included."""
