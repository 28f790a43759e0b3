"""What there is of a log, and how much of it is read at once. Pure."""

from dataclasses import dataclass

# A page ends at this many bytes of bodies, however few entries that is: what a replay holds.
MAX_PAGE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Extent:
    """What there is of a log: its newest seq, the oldest still kept, and which life it is."""

    head: int
    oldest: int
    epoch: str
    has_drafts: bool = False
    """Whether messages are in the making."""
