"""A seat: one place in one room, with the rights that its client has there at this moment.

Callbacks and no coroutines: the hub calls all seats of a room in one turn of the event loop, so
that all of them hear of commits, and of changed rights, in the order in which they were stored.
A coroutine would also hold a stack for each of many thousands that only wait.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ..errors import Refusal
from ..history.drafts import Grown
from ..history.entries import Entry
from ..history.messages import Stored, author_of
from ..history.read_markers import MarkRead
from ..history.reader import read_drafts
from ..history.streams import Append
from ..rights.access import Access, Principal, Role, Standing, grant, own_role
from ..rights.standing import load_standing
from . import frames
from .appending import Appending
from .client_frames import (
    AppendFrame,
    PingFrame,
    PresenceFrame,
    ReadFrame,
    RoomFrame,
    SignalFrame,
)
from .commands import StoredFrame, body_of, command_of
from .encoding import Burst, Notice
from .feed import Feed
from .frames import ServerFrame
from .line import Line
from .opening import Arrival, Opening, read_opening, read_page, welcome
from .reads import Reads
from .replay import Page
from .room import Room


class Seat:
    """One client's place in one room, from `open` until it is left.

    Args:
        line: what it speaks through.
        access: what it was admitted with; judged anew once the room tells of every change.
    """

    __slots__ = (
        "_appending",
        "_feed",
        "_greeted",
        "_is_marking",
        "_line",
        "_next_marker",
        "_presence_seen",
        "_reads",
        "_room",
        "access",
        "is_taken",
        "user",
    )

    def __init__(self, line: Line, access: Access) -> None:
        self.access = access
        self.user = author_of(access.principal)
        self.is_taken = False
        """Whether it is in its room; what was read for it afterwards is for nobody."""
        self._room: Room  # Set by `open`.
        self._line = line
        self._feed: Feed | None = None  # Set when the client has been welcomed.
        self._greeted = False  # `live` was sent: the first replay is over.
        self._presence_seen = 0  # The presence version that the client has been told of.
        self._is_marking = False  # A read marker waits to be stored.
        self._next_marker = 0  # The newest that came meanwhile; 0: none.
        self._reads = Reads(self, line.services.readers)
        self._appending: Appending | None = None  # Since the first text that it adds.

    @property
    def principal(self) -> Principal:
        """Whose it is, with what it was let in with, or has renewed since."""
        return self.access.principal

    @property
    def item_id(self) -> str:
        """Of the item whose room it is in."""
        return self.access.item_id

    @property
    def standing(self) -> Standing:
        """What its rights were last judged by."""
        return self.access.standing

    @property
    def id(self) -> str:
        """What the log calls it: as its connection."""
        return self._line.id

    @property
    def is_shared(self) -> bool:
        """Whether its socket is other seats' as well."""
        return self._line.is_shared

    @property
    def is_behind(self) -> bool:
        """Whether it was live once and now is not: it takes less than comes."""
        return self._greeted and self._feed is not None and not self._feed.is_live

    def open(self, arrival: Arrival) -> None:
        """Join the room, and begin with what was read on arrival, unless that is out of date."""
        hub = self._line.services.hub
        # Asked before the join, in the same turn: what the hub hears of later comes here by itself.
        heard = hub.moment
        self._room = hub.join(self.access.item_key, self)
        self.is_taken = True
        if heard.rights != arrival.moment.rights:
            # Read again from inside the room: no change of rights can fall in between.
            self._reads.read_rights(self._begin, read_opening, self.access, arrival.beginning)
            return
        # Without a commit since the read, its head is the room's. With one, the hub has told others
        # of it already, and what was read says nothing of it: the feed has to look into the log.
        is_news = heard.commits == arrival.moment.commits
        enter = self._begin if is_news else self._welcome
        self._reads.attempt(partial(enter, arrival.opening))

    def do(self, frame: RoomFrame) -> None:
        """What the client asks of this room; raises Refusal. Never waits for anything.

        A reader that waited for the database would stop reading, and the keep-alive would then
        cut a healthy connection: what is to be stored is queued, and answered when it is.
        """
        match frame:
            case AppendFrame():
                self._add(frame)
            case SignalFrame():
                self._signal(frame)
            case ReadFrame():
                self._line.take_light()
                self._mark_read(frame.seq)
            case PresenceFrame():
                self._line.take_light()
                self._line.send(frames.presence(self._room.presence.summary()))
            case PingFrame():
                self._line.take_light()
                self._line.send(frames.pong(self._room.head))
            case _:
                self._flush()  # In the order in which they were said.
                self._store(frame)

    def deliver(self, burst: Burst) -> None:
        """Entries of the item, just stored."""
        if self._feed is not None:
            self._feed.deliver(burst)

    def tell(self, notice: Notice) -> None:
        """Something that is not stored: dropped unless the client keeps up."""
        if self._feed is None or not self._feed.is_live:
            return
        line = self._line
        if line.socket.offer(notice.frames[line.encoder]) and notice.fields["type"] == "presence":
            self._presence_seen = self._room.presence.version

    def tell_text(self, notice: Notice | None) -> None:
        """More text of a message in the making; None: some was missed."""
        if self._feed is not None:
            self._feed.tell_text(None if notice is None else notice.frames[self._line.encoder])

    def drained(self) -> None:
        """The socket takes more again."""
        if self._feed is not None:
            self._feed.drained()

    def judge(self, *, member_role: Role | None, default_role: Role | None) -> None:
        """The rights may have changed: say so, or end."""
        self.restand(replace(self.standing, member_role=member_role, default_role=default_role))

    def restand(self, standing: Standing) -> None:
        """Likewise, by what the database said."""
        self._reads.outdate()
        if self._feed is None:
            return  # Judged by what the read says that is repeated now.
        if standing.disconnects != self.standing.disconnects:
            self.end("disconnected")
            return
        try:
            if self._is_put_out(standing):
                raise Refusal("item_not_found")
            access = grant(self.access.principal, standing)
        except Refusal as refusal:
            self._fall(refusal)
            return
        self._take(access)

    def _is_put_out(self, standing: Standing) -> bool:
        """Whether somebody had a role here, and has none: a key lets them in again, if at all."""
        had_role = own_role(self.standing) is not None
        return self.access.principal.via is not None and had_role and own_role(standing) is None

    def rename(self, name: str) -> None:
        """What it stores and signals from now on is by this name."""
        principal = replace(self.access.principal, name=name)
        self.access = replace(self.access, principal=principal)
        self.user = author_of(principal)

    def outdate(self) -> None:
        """Something of the user's has ended: what is read of their rights now may be of before."""
        self._reads.outdate()

    def renew(self, principal: Principal, *, is_shown: bool) -> None:
        """Go on as this, the same user, if it allows to be here; `is_shown`: else as before."""
        item_id = self.access.item_id
        renewed = partial(self._renew, principal, is_shown=is_shown)
        self._reads.read_rights(renewed, load_standing, principal, item_id)

    def stalled(self) -> None:
        """The client takes nothing."""
        if self.is_taken:
            self._line.stalled()

    def end(self, code: str, *, retry_after: float | None = None) -> None:
        """It cannot go on, for this reason; seconds after which to come back."""
        self.fail(Refusal(code, retry_after=retry_after))

    def fail(self, refusal: Refusal) -> None:
        """It cannot go on. What becomes of the socket is its line's to say."""
        if self.is_taken:
            self._line.left(refusal)

    def leave(self, *, at_once: bool) -> None:
        """Out of the room; `at_once`: it will not be back. A second time it does nothing."""
        if not self.is_taken:
            return
        self._flush()
        self.is_taken = False  # First: a read that is answered from here on is dropped.
        if self._feed is not None:
            self._feed.stop()
        self._line.services.hub.leave(self.access.item_key, self, at_once=at_once)

    def read_page(self, after: int, page_read: Callable[[Page], None]) -> None:
        """Read a page for the feed, with the rights of that moment."""
        page_max = self._line.services.settings.page_max
        known = 0 if self._feed is None else self._feed.known
        shared = partial(self._room.replay(after).page, since=known)

        def read() -> None:
            self._reads.read(given, read_page, self.access, shared, after, page_max)

        def given(page: Page) -> None:
            self._line.read_over()
            page_read(page)

        self._line.read_in_turn(read)

    def read_drafts(self, drafts_read: Callable[[Sequence[Entry]], None]) -> None:
        """Read which messages are in the making."""
        self._reads.read(drafts_read, read_drafts, self.access.item_key)

    def caught_up(self, cursor: int) -> None:
        """The feed is at the head: now, and after each time that the client was slow."""
        if not self._greeted:
            self._greeted = True
            self._line.send(frames.live(cursor))
        presence = self._room.presence
        if presence.version != self._presence_seen:
            # Joins and leaves were not told during the replay: here is where they led to.
            self._presence_seen = presence.version
            self._line.send(frames.presence(presence.summary()))

    def submit(
        self, command: Append, done: Callable[[Grown | None, BaseException | None], None]
    ) -> None:
        """Have text stored; raises Refusal."""

        def answered(grown: Grown | None, error: BaseException | None) -> None:
            done(grown, error)
            self._line.answered()

        self._line.submit(command, answered)

    def say(self, frame: ServerFrame) -> None:
        """Answer the client."""
        self._line.send(frame)

    def refuse(self, refusal: Refusal, *, target: int) -> None:
        """Say no to text."""
        self._line.refuse(refusal, target=target)

    def _add(self, frame: AppendFrame) -> None:
        self.access.require(Role.WRITER)
        if self._appending is None:
            self._appending = Appending(self, self._line.services.settings)
        self._appending.add(frame)

    def _flush(self) -> None:
        if self._appending is not None:
            self._appending.flush()

    def _store(self, frame: StoredFrame) -> None:
        line = self._line
        # Only to say no at once: the writer judges again, in the transaction that stores.
        self.access.require(Role.WRITER)
        line.take_publish()
        came = time.monotonic()
        command = command_of(frame, self.access, line.services.settings)
        line.submit(command, partial(self._stored, frame.ref, came))

    def _stored(
        self, ref: str | None, came: float, stored: Stored | None, error: BaseException | None
    ) -> None:
        # The hub was called before this: an author's own entry comes before its ack.
        line = self._line
        if isinstance(error, Refusal):
            line.refuse(error, ref)
        if stored is not None:
            # Also when the rights have ended since it was taken: it is in the log.
            line.send(frames.ack(stored.seq, stored.at, ref=ref, duplicate=stored.duplicate))
            line.services.metrics.acked(time.monotonic() - came)
        line.answered()

    def _mark_read(self, seq: int) -> None:
        # A marker only moves forward: of those that come while one is stored, the newest suffices.
        if self._is_marking:
            self._next_marker = max(self._next_marker, seq)
            return
        self._next_marker = 0
        self._line.submit(MarkRead(self.access, seq), self._marked)
        self._is_marking = True  # Not before: a submit that is refused calls nothing.

    def _marked(self, _: None, error: BaseException | None) -> None:
        self._is_marking = False
        if isinstance(error, Refusal):
            self._line.refuse(error)
        self._line.answered()
        if self._next_marker and self._line.is_open:
            try:
                self._mark_read(self._next_marker)
            except Refusal as refusal:
                self._line.refuse(refusal)

    def _signal(self, frame: SignalFrame) -> None:
        self.access.require(Role.WRITER)
        self._line.take_publish()
        body = body_of(frame.body, self._line.services.settings)
        self._line.services.hub.signal(self, self.access.item_key, frame.name, body)

    def _begin(self, opening: Opening) -> None:
        self._room.learn_head(opening.extent.head)
        if not opening.extent.has_drafts and not self._room.drafts.is_known:
            self._room.drafts.learn(())
        self._welcome(opening)

    def _welcome(self, opening: Opening) -> None:
        line, presence = self._line, self._room.presence
        settings = line.services.settings
        # No await from here until the feed is live or waits: nothing is stored in between that
        # neither the log nor the hub would give.
        self.access = grant(self.access.principal, opening.standing)
        self._room.epoch = self._room.epoch or opening.extent.epoch
        line.begin(welcome(line.id, self.access, opening, presence.summary(), settings))
        self._presence_seen = presence.version
        self._feed = Feed(
            self,
            self._room,
            line.socket,
            line.encoder,
            cursor=opening.after,
            known=opening.extent.head,
            stall_timeout=settings.stall_timeout,
        )
        self._feed.advance()

    def _renew(self, principal: Principal, standing: Standing, *, is_shown: bool) -> None:
        try:
            access = grant(principal, standing)
        except Refusal as refusal:
            if is_shown:
                self._line.refuse(refusal)
            else:
                self._fall(refusal)
            return
        self._take(access)
        self._line.renewed(access, is_shown=is_shown)

    def _fall(self, refusal: Refusal) -> None:
        # What is told of an item to strangers is told otherwise to whoever was in it.
        self.fail(Refusal("removed") if refusal.code == "item_not_found" else refusal)

    def _take(self, access: Access) -> None:
        # Said before it counts: the client knows by which role its next command is judged.
        if access.role is not self.access.role:
            self._line.send(frames.role_changed(access.role))
        self.access = access
