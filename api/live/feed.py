"""A cursor into the log of one item, moving towards its head as fast as one client takes it.

There is no queue of messages. Whatever the reason for being behind (just joined, resumed, slow),
the way on is the same: read from the cursor, from the room's memory or else from the database,
and give what was read. Bounded: one page, and what the socket's buffer holds.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from ..history.entries import Entry
from ..history.extent import MAX_PAGE_BYTES
from .encoding import Burst, Encoder, Frames
from .replay import Page
from .room import Room
from .sockets import Socket


class Follower(Protocol):
    """Who follows a log by a feed."""

    def read_page(self, after: int, page_read: Callable[[Page], None]) -> None:
        """Read the entries after a seq, and call back with them, later."""

    def read_drafts(self, drafts_read: Callable[[Sequence[Entry]], None]) -> None:
        """Read which messages are in the making, and call back with them, later."""

    def caught_up(self, cursor: int) -> None:
        """All there is has been given, up to here; each time that it is so."""

    def stalled(self) -> None:
        """The client takes nothing."""

    def end(self, code: str) -> None:
        """The feed cannot go on, for this reason."""


class Feed:
    """Gives one client the log, from a cursor on, without a hole and without a double.

    Args:
        follower: whose feed it is.
        room: where new entries come from.
        cursor: the seq before the first to be given.
        known: the head of the log that the client is told of.
        stall_timeout: seconds in which a client that is behind must take at least something.
    """

    __slots__ = (
        "_encoder",
        "_follower",
        "_given",
        "_reading",
        "_room",
        "_socket",
        "_stall_timeout",
        "_stall_timer",
        "cursor",
        "is_live",
        "known",
    )

    def __init__(
        self,
        follower: Follower,
        room: Room,
        socket: Socket,
        encoder: Encoder,
        *,
        cursor: int,
        known: int = 0,
        stall_timeout: float,
    ) -> None:
        self.cursor = cursor
        self.known = known
        """A head of the log: nothing that was read or remembered before it is given."""
        self.is_live = False
        """Takes entries as they are stored: the cursor is at the room's head."""
        self._follower = follower
        self._room = room
        self._socket = socket
        self._encoder = encoder
        self._stall_timeout = stall_timeout
        # Lengths in replayed messages in the making, until it is live; None: there were none.
        self._given: dict[int, dict[int, int]] | None = None
        self._reading = False  # A read of the database runs: at most one at a time.
        self._stall_timer: asyncio.TimerHandle | None = None  # Runs while waiting for the socket.

    def deliver(self, burst: Burst) -> None:
        """Entries just stored: given at once when live, else they wait in the log."""
        if not self.is_live:
            return
        if burst.first <= self.cursor:
            # A read has found an entry before the commit's own news of it came here.
            if burst.last <= self.cursor:
                return
            burst = Burst([entry for entry in burst.entries if entry.seq > self.cursor])
        if self._socket.offer(burst.frames[self._encoder]):
            self.cursor = burst.last
        else:
            self.is_live = False
            self._await_socket()

    def drained(self) -> None:
        """The socket takes more again."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        if not self.is_live:
            self.advance()

    def advance(self) -> None:
        """Go on from the cursor, until caught up or until there is something to wait for."""
        while not self.is_live and not self._reading:
            if self._socket.is_full:
                self._await_socket()
                return
            entries = self._room.since(self.cursor, known=self.known)
            if entries is None:
                self._reading = True
                self._follower.read_page(self.cursor, self.page_read)
            elif entries:
                self._give(Burst(_first_bytes(entries)))
            elif not self._room.drafts.is_known:
                self._reading = True
                self._follower.read_drafts(self._drafts_read)
            else:
                # No await between "the cursor is at the head" and "is live": whatever is stored
                # next is delivered to a live connection.
                self.is_live = True
                self._give_drafts()
                self._follower.caught_up(self.cursor)

    def page_read(self, page: Page) -> None:
        """The answer to `read_page`."""
        self._reading = False
        if page.extent.oldest > self.cursor + 1:
            # The retention has overtaken a client that is too slow. What is missing must not be
            # skipped in silence: on its next connection it is told `recovered: false`.
            self._follower.end("slow_consumer")
            return
        self._room.learn_head(page.extent.head)
        if page.burst is not None:
            self._give(page.burst)
        else:
            # What was known may be lost by a failover: to ask for it again would be for ever.
            self.known = 0
        self.advance()

    def _drafts_read(self, found: Sequence[Entry]) -> None:
        self._reading = False
        # Another's read of the same may have been answered before.
        if not self._room.drafts.is_known:
            self._room.drafts.learn(found)
        self.advance()

    def tell_text(self, frames: Frames | None) -> None:
        """More text, when live; None: of a message whose text has to be read."""
        if not self.is_live:
            return
        if frames is None:
            self.is_live = False
            self.advance()
        elif not self._socket.offer(frames):
            self.is_live = False
            self._await_socket()

    def stop(self) -> None:
        """Nothing more is given; no timer remains."""
        self.is_live = False
        self._reading = True  # A read that still runs is the last one.
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _give(self, burst: Burst) -> None:
        self._socket.send(burst.frames[self._encoder])
        self.cursor = burst.last
        for entry in burst.entries:
            if entry.lengths is not None:
                self._given = (self._given or {}) | {entry.seq: entry.lengths}

    def _give_drafts(self) -> None:
        """Messages in the making, as far as they have come; or what is lacking of those replayed.

        From here on the client is told of each addition.
        """
        given, self._given = self._given or {}, None
        for making in self._room.drafts.makings:
            lengths = given.get(making.entry.seq)
            notice = making.shown if lengths is None else making.after(lengths)
            if notice is not None:
                self._socket.send(notice.frames[self._encoder])

    def _await_socket(self) -> None:
        if self._stall_timer is None:
            self._arm_stall_timer()

    def _arm_stall_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._stall_timer = loop.call_later(
            self._stall_timeout, self._stalled, self._socket.sent_bytes
        )

    def _stalled(self, sent_bytes: int) -> None:
        # Slow is allowed, standing still is not.
        if self._socket.sent_bytes > sent_bytes:
            self._arm_stall_timer()
        else:
            self._follower.stalled()


def _first_bytes(entries: list[Entry]) -> list[Entry]:
    """As many of the entries as make a page, at least one."""
    size = 0
    for count, entry in enumerate(entries, start=1):
        size += len(entry.body or b"")
        if size >= MAX_PAGE_BYTES:
            return entries[:count]
    return entries
