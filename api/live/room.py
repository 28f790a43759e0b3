"""One item's room: who is told of what is stored, and what those read who are a little behind.

Pure: it calls its members, and knows nothing of what they are. Lives on the event loop.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol
from weakref import WeakValueDictionary

from api.history.entries import Author, Entry, Kind
from api.live.encoding import Burst, Notice
from api.live.frames import ServerFrame
from api.live.presence import Presence
from api.live.replay import Replay
from api.rights.access import Credential, Role, Standing

logger = logging.getLogger("itemroom.rooms")


class Member(Protocol):
    """What the hub needs of a seat."""

    @property
    def user(self) -> Author:
        """Who sits there."""

    @property
    def credential(self) -> Credential:
        """What it is here with."""

    @property
    def standing(self) -> Standing:
        """What its rights were last judged by."""

    @property
    def is_behind(self) -> bool:
        """Whether it takes less than comes."""

    def deliver(self, burst: Burst) -> None:
        """Entries of its item, just stored."""

    def tell(self, notice: Notice) -> None:
        """Something that is not stored, and may be dropped."""

    def judge(self, *, member_role: Role | None, default_role: Role | None) -> None:
        """Its rights may have changed."""

    def rename(self, name: str) -> None:
        """Its user is shown by another name."""

    def credentials_ended(self, ended: Callable[[Credential], bool]) -> None:
        """Credentials of its user for which `ended` is true no longer count."""

    def end(self, code: str, *, retry_after: float | None = None) -> None:
        """It cannot go on, for this reason; seconds after which to come back."""


class Room:
    """One item's members, and its newest entries for those who are a little behind."""

    def __init__(self, item_key: int, *, recent_entries: int, presence: Presence) -> None:
        self.item_key = item_key
        self.members: set[Member] = set()
        self.presence = presence
        self.head: int | None = None
        """The newest seq that this room has heard of; None until a read or a commit tells."""
        self._recent: deque[Entry] = deque(maxlen=recent_entries)
        # By the seq before them; each for as long as somebody waits for it.
        self._replays: WeakValueDictionary[int, Replay] = WeakValueDictionary()

    def store(self, entries: Sequence[Entry]) -> None:
        """Entries were stored: remember them, and hand them to every member."""
        self._replays.clear()  # Whoever comes from now on has more to read than was read before.
        # Remembered before anybody is told: whoever falls behind in the loop below reads it there.
        for entry in entries:
            self._amend(entry)
            self._recent.append(entry)
        self.learn_head(entries[-1].seq)
        burst = Burst(entries)
        # A copy: a delivery may cut a slow member, which leaves.
        for member in tuple(self.members):
            try:
                member.deliver(burst)
            except Exception as error:
                _end_failed(member, error)

    def learn_head(self, seq: int) -> None:
        """A read found the log at this head; a commit may have told of a newer one already."""
        self.head = max(seq, self.head or 0)

    def since(self, seq: int) -> list[Entry] | None:
        """The entries after a seq, from memory; None: only the database knows."""
        if self.head is not None and seq >= self.head:
            return []
        # What is remembered has no hole: every commit of the item since the first is heard of here.
        if not self._recent or self._recent[0].seq > seq + 1:
            return None
        return [entry for entry in self._recent if entry.seq > seq]

    def replay(self, after: int) -> Replay:
        """The page after a seq, for all who wait for it now."""
        replay = self._replays.get(after)
        if replay is None:
            replay = self._replays[after] = Replay()
        return replay

    def tell(self, frame: ServerFrame, *, but: Member | None = None) -> None:
        """Something that is not stored, to everybody or everybody else."""
        notice = Notice(frame)
        for member in tuple(self.members):
            if member is but:
                continue
            try:
                member.tell(notice)
            except Exception as error:
                _end_failed(member, error)

    def _amend(self, change: Entry) -> None:
        """What is remembered shows its target as it stands now, like the rows on disk."""
        if change.kind not in (Kind.EDIT, Kind.DELETE):
            return
        for place, entry in enumerate(self._recent):
            # Another entry, not a change: the old one may be in a burst that is being delivered.
            self._recent[place] = _amended(entry, change)


def _end_failed(member: Member, error: Exception) -> None:
    # Its own failure: the others must not miss anything, nor it go on with a hole.
    logger.error("a connection could not be told", exc_info=error)
    member.end("internal")


def _amended(entry: Entry, change: Entry) -> Entry:
    is_target = entry.seq == change.target
    if change.kind is Kind.EDIT:
        if is_target:
            return replace(entry, body=change.body, edited_seq=change.seq, forms={})
    elif is_target or (entry.kind is Kind.EDIT and entry.target == change.target):
        return replace(entry, body=None, deleted_seq=change.seq, forms={})
    return entry
