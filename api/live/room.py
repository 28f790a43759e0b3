"""One item's room: who is told of what is stored, and what those read who are a little behind.

Pure: it calls its members, and knows nothing of what they are. Lives on the event loop.
"""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakValueDictionary

import orjson

from ..history.entries import Author, Entry, Kind
from ..history.events import TextAdded
from ..history.extent import Extent
from ..rights.access import Access, Role
from . import frames
from .drafts import Drafts
from .encoding import Burst, Notice
from .frames import ServerFrame
from .guests import Judged
from .presence import Presence
from .progress import Progress
from .replay import Replay

logger = logging.getLogger("itemroom.rooms")


class Member(Judged, Protocol):
    """What a room needs of a seat."""

    @property
    def user(self) -> Author:
        """Who sits there."""

    @property
    def access(self) -> Access:
        """What it may do here."""

    @property
    def is_shared(self) -> bool:
        """Whether its socket is other rooms' as well."""

    @property
    def is_behind(self) -> bool:
        """Whether it takes less than comes."""

    def deliver(self, burst: Burst) -> None:
        """Entries of its item, just stored."""

    def tell(self, notice: Notice) -> None:
        """Something that is not stored, and may be dropped."""

    def tell_text(self, notice: Notice | None) -> None:
        """More text of a message in the making; None: some that is not here was missed."""

    def judge(self, *, member_role: Role | None, default_role: Role | None) -> None:
        """Its rights may have changed."""

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
        self.epoch: str | None = None
        """Which life of the log its members follow; None until one of them begins."""
        self.progress = Progress()
        self.drafts = Drafts()
        """Messages in the making, as members were told of them."""
        self._recent: deque[Entry] = deque(maxlen=recent_entries)
        # By the seq before them; each for as long as somebody waits for it.
        self._replays: WeakValueDictionary[int, Replay] = WeakValueDictionary()

    def store(self, entries: Sequence[Entry]) -> None:
        """Entries were stored: remember them, and hand them to every member."""
        self._replays.clear()  # Whoever comes from now on has more to read than was read before.
        # Remembered before anybody is told: whoever falls behind in the loop below reads it there.
        told = []
        for entry in entries:
            self._amend(entry)
            self._recent.append(entry)
            told.append(self.drafts.store(entry))
        self.learn_head(entries[-1].seq)
        burst = Burst(told)
        # A copy: a delivery may cut a slow member, which leaves.
        for member in tuple(self.members):
            try:
                member.deliver(burst)
            except Exception as error:
                _end_failed(member, error)

    def add_text(self, added: TextAdded) -> None:
        """A message in the making has more text: for every member who is live."""
        if self.drafts.add(added):
            self._tell_text(Notice(frames.append(added)))
        elif not self.drafts.is_known:
            # Something was missed: all read again what there is.
            self._tell_text(None)

    def _tell_text(self, notice: Notice | None) -> None:
        for member in tuple(self.members):
            try:
                member.tell_text(notice)
            except Exception as error:
                _end_failed(member, error)

    def learn_head(self, seq: int) -> None:
        """A read found the log at this head; a commit may have told of a newer one already."""
        self.head = max(seq, self.head or 0)
        if self.progress.told is None:
            self.progress.told = seq

    def hear(self, last: int, entries: Sequence[Entry]) -> bool:
        """Entries were stored, here or by another server; whether some have to be read first.

        Args:
            last: the newest of them.
            entries: all of them, without a hole; or none.
        """
        for part in self.progress.take(last, entries):
            self._tell_in_order(part)
        return self.progress.is_behind

    def catch_up(self, entries: Sequence[Entry], extent: Extent, *, stored: int) -> bool:
        """What was read after all that was told; whether there is more.

        Args:
            entries: without a hole.
            extent: of the log when it was read.
            stored: what was known to be stored when it was asked for.
        """
        told = self.progress.told or 0
        if extent.oldest > told + 1:
            # As for one who is too slow: what is missing must not be skipped in silence.
            for member in tuple(self.members):
                member.end("slow_consumer")
            self._recent.clear()
            self.progress.skip(extent.oldest - 1)
        self.progress.read(extent.head, stored)
        return self.hear(0, entries)

    def begin_anew(self) -> None:
        """The log has another life than members know: they come back, and are told so."""
        for member in tuple(self.members):
            member.end("restart")
        self._recent.clear()
        self._replays.clear()
        self.head = self.epoch = None
        self.progress = Progress()
        self.drafts = Drafts()

    @property
    def newest(self) -> Entry | None:
        """The newest entry that members were told, as it stands now; None: it is not remembered."""
        return self._recent[-1] if self._recent else None

    def since(self, seq: int, *, known: int = 0) -> list[Entry] | None:
        """The entries after a seq, from memory; None: only the database knows.

        Args:
            seq: of the newest entry that whoever asks has.
            known: a head of the log that they know of.
        """
        if self.head is not None and seq >= self.head:
            return []
        # What is remembered has no hole: every commit of the item since the first is heard of here.
        if not self._recent or self._recent[0].seq > seq + 1:
            return None
        # Where another server has stored more than was told here, some of that may be the end of
        # what is remembered: a message must not be shown once more after its deletion.
        if self._recent[-1].seq < known:
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

    def _tell_in_order(self, entries: Sequence[Entry]) -> None:
        """Entries before a change of rights reach whom it ends, entries after it do not.

        By what the log says: another server's news of the change itself may be late, or lost.
        """
        start = 0
        for place, entry in enumerate(entries, start=1):
            if entry.kind in (Kind.MEMBER, Kind.ITEM):
                self.store(entries[start:place])
                start = place
                self._apply(orjson.loads(entry.body or b"{}"))
        if start < len(entries):
            self.store(entries[start:])

    def _apply(self, change: dict[str, Any]) -> None:
        user = change.get("user")
        for member in tuple(self.members):
            standing = member.standing
            if user is not None and user["id"] == member.user.id:
                member.judge(member_role=_role(change["role"]), default_role=standing.default_role)
            elif "default_role" in change:
                default_role = _role(change["default_role"])
                member.judge(member_role=standing.member_role, default_role=default_role)

    def _amend(self, change: Entry) -> None:
        """What is remembered shows its target as it stands now, like the rows on disk."""
        if change.kind not in (Kind.EDIT, Kind.DELETE, Kind.FINISH):
            return
        for place, entry in enumerate(self._recent):
            # Another entry, not a change: the old one may be in a burst that is being delivered.
            self._recent[place] = _amended(entry, change)


def _role(value: str | None) -> Role | None:
    return None if value is None else Role(value)


def _end_failed(member: Member, error: Exception) -> None:
    # Its own failure: the others must not miss anything, nor it go on with a hole.
    logger.error("a connection could not be told", exc_info=error)
    member.end("internal")


def _amended(entry: Entry, change: Entry) -> Entry:
    is_target = entry.seq == change.target
    if change.kind is Kind.FINISH:
        return replace(entry, body=change.whole, lengths=None, forms={}) if is_target else entry
    if change.kind is Kind.EDIT:
        if is_target:
            return replace(entry, body=change.body, edited_seq=change.seq, forms={})
    elif is_target or (entry.kind is Kind.EDIT and entry.target == change.target):
        return replace(entry, body=None, deleted_seq=change.seq, forms={})
    return entry
