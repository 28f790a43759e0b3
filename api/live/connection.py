"""A connection: one client in one room, with the rights that it has at this moment.

Everything here runs on the event loop; only reads of the database run elsewhere.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TypeVar

from api.errors import Refusal
from api.history.messages import author_of
from api.live import frames
from api.live.encoding import Burst, Codec, frames_of
from api.live.expiry import Expiry
from api.live.feed import Feed, Page
from api.live.frames import ServerFrame
from api.live.hub import Hub, Room
from api.live.opening import Arrival, Opening, read_opening, read_page, welcome
from api.live.outstanding import Outstanding
from api.live.sockets import Socket
from api.metrics import Metrics
from api.rights.access import Access, Credential, Principal, Role, Standing, grant
from api.rights.standing import load_standing
from api.settings import Settings
from api.store.readers import Readers

logger = logging.getLogger("itemroom.rooms")
T = TypeVar("T")


class Connection:
    """One client in one room, from `open` until `end` or `lost`, whichever comes first.

    Args:
        access: what it was admitted with; judged anew once the room tells of every change.
        codec: the subprotocol.
        socket: has accepted already.
        hub: told of the coming and going.
        readers: read the log.
        metrics: counts why connections end, and how long acks take.
        settings: the limits.
    """

    def __init__(
        self,
        access: Access,
        codec: Codec,
        socket: Socket,
        *,
        hub: Hub,
        readers: Readers,
        metrics: Metrics,
        settings: Settings,
    ) -> None:
        self.id = secrets.token_hex(8)
        self.access = access
        self.user = author_of(access.principal)
        self.settings = settings
        self.metrics = metrics
        self._codec = codec
        self._socket = socket
        self._hub = hub
        self._readers = readers
        self._loop = asyncio.get_running_loop()
        self._room: Room | None = None  # Set by `open`, unset by `end` and `lost`.
        self._feed: Feed | None = None  # Set when the client has been welcomed.
        self._early: list[
            ServerFrame
        ] = []  # What was to be sent before the welcome, or after the end.
        self._unread = 0  # Answers sent while the socket was full.
        self._greeted = False  # `live` was sent: the first replay is over.
        self._judgements = 0  # Changes of rights, so that a read that raced one is repeated.
        self._presence_seen = 0  # The presence version that the client has been told of.
        self.outstanding = Outstanding()
        self._ending: Refusal | None = None  # Why it ends; until it is closed, or lost.
        self._expiry = Expiry(self, notice=settings.expiry_notice)

    @property
    def credential(self) -> Credential:
        """What it was let in with, or has renewed since."""
        return self.access.principal.credential

    @property
    def standing(self) -> Standing:
        """What its rights were last judged by."""
        return self.access.standing

    @property
    def room(self) -> Room | None:
        """Its room; None when it has ended, or is about to."""
        return self._room if self._ending is None else None

    @property
    def is_behind(self) -> bool:
        """Whether it was live once and now is not: it takes less than comes."""
        return self._greeted and self._feed is not None and not self._feed.is_live

    def open(self, arrival: Arrival) -> None:
        """Join the room, and begin with what was read on arrival, unless that is out of date."""
        heard = self._hub.moment
        room = self._room = self._hub.join(self.access.item_key, self)
        if heard.rights != arrival.moment.rights:
            # Read again from inside the room: no change of rights can fall in between.
            begin = partial(self._begin, room)
            self._read_rights(begin, read_opening, self.access, arrival.beginning)
            return
        is_news = heard.commits == arrival.moment.commits
        enter = self._begin if is_news else self._welcome
        self._attempt(partial(enter, room, arrival.opening))

    def send(self, frame: ServerFrame) -> None:
        """An answer, or something that the client has to know: after the welcome, in order."""
        if self._room is None:
            return
        if self._feed is None:
            self._early.append(frame)
        else:
            self._unread += self._socket.is_full
            self._write(frame)
        # A client that asks and asks, and does not read what it is answered.
        if max(self._unread, len(self._early)) > self.settings.commands_in_flight:
            self.end("slow_consumer")

    def answer(self, frame: ServerFrame) -> None:
        """An answer to a command: also when the rights have ended since it was taken."""
        if self._room is not None:
            self.send(frame)
        elif self._ending is not None:
            self._early.append(frame)  # Right before it is closed.

    def tell(self, frame: ServerFrame) -> None:
        """Something that is not stored: dropped unless the client keeps up."""
        if self._feed is None or not self._feed.is_live or self._socket.is_full:
            return
        self.send(frame)
        if frame["type"] == "presence" and self._room is not None:
            self._presence_seen = self._room.presence.version

    def deliver(self, burst: Burst) -> None:
        """Entries of the item, just stored."""
        if self._feed is not None:
            self._feed.deliver(burst)

    def drained(self) -> None:
        """The socket takes more again."""
        self._unread = 0
        if self._feed is not None and self._room is not None:
            self._feed.drained()

    def judge(self, *, member_role: Role | None, default_role: Role | None) -> None:
        """The rights may have changed: say so, or end."""
        self._judgements += 1
        if self._feed is None:
            return  # Judged by what the read says that is repeated now.
        standing = replace(self.access.standing, member_role=member_role, default_role=default_role)
        try:
            access = grant(self.access.principal, standing)
        except Refusal as refusal:
            self._end(Refusal("removed") if refusal.code == "item_not_found" else refusal)
            return
        self._take(access)

    def rename(self, name: str) -> None:
        """What it stores and signals from now on is by this name."""
        principal = replace(self.access.principal, name=name)
        self.access = replace(self.access, principal=principal)
        self.user = author_of(principal)

    def credentials_ended(self, ended: Callable[[Credential], bool]) -> None:
        """Credentials of the user ended: perhaps its own, or one that is about to replace it."""
        self._judgements += 1
        if ended(self.credential):
            self.end("auth_revoked")

    def renew(self, principal: Principal) -> None:
        """Go on under a newer credential of the same user, if it allows to be here."""
        item_id = self.access.item_id
        self._read_rights(partial(self._renew, principal), load_standing, principal, item_id)

    def refuse(self, refusal: Refusal, ref: str | None = None) -> None:
        """Tell the client that a command was refused; the connection stays."""
        self.answer(frames.error(refusal, ref))

    def end(self, code: str, *, retry_after: float | None = None, message: str = "") -> None:
        """Hear nothing more, answer what was taken, say why, close.

        Whose rights have ended leaves the room at once. Others stay until they are answered: at a
        terminal one's own entry is the answer.
        """
        self._end(Refusal(code, message, retry_after=retry_after))

    def _end(self, refusal: Refusal) -> None:
        if self._room is None:
            return
        if refusal.verdict.retry != "later":
            self._leave(at_once=refusal.verdict.retry == "never")
        if self._ending is None:
            self._ending = refusal
            self.metrics.refused(refusal.code)
            self._socket.deafen()
            # A server that stops has waited half of its grace for its disk before it ends anybody.
            settings = self.settings
            patience = min(settings.close_timeout, settings.shutdown_grace / 4)
            self.outstanding.when_answered(partial(self._close, refusal), patience=patience)

    def expires_soon(self, seconds: float) -> None:
        """The credential has so long to go."""
        self.send(frames.expiring(seconds))

    def expired(self) -> None:
        """The credential has come to its end."""
        self.end("auth_expired")

    def read_page(self, after: int, page_read: Callable[[Page], None]) -> None:
        """Read a page for the feed, with the rights of that moment."""
        self._read(page_read, read_page, self.access, after, self.settings.page_max)

    def caught_up(self, cursor: int) -> None:
        """The feed is at the head: now, and after each time that the client was slow."""
        if not self._greeted:
            self._greeted = True
            self.send(frames.live(cursor))
        if self._room is not None and self._room.presence.version != self._presence_seen:
            # Joins and leaves were not told during the replay: here is where they led to.
            self._presence_seen = self._room.presence.version
            self.send(frames.presence(self._room.presence.summary()))

    def lost(self) -> None:
        """The socket is gone, whoever ended it."""
        self._ending = None
        self.outstanding.stop()
        if self._room is not None:
            self._leave(at_once=False)

    def _close(self, refusal: Refusal) -> None:
        for frame in self._early:
            self._write(frame)
        self._write(frames.closing(refusal))
        self._ending = None
        if self._room is not None:
            self._leave(at_once=False)
        self._socket.close(refusal.verdict.close_code, refusal.code)

    def _leave(self, *, at_once: bool) -> None:
        self._room = None
        if self._feed is not None:
            self._feed.stop()
        self._expiry.stop()
        self._hub.leave(self.access.item_key, self, at_once=at_once)

    def _write(self, frame: ServerFrame) -> None:
        encoded = frames_of(self._codec, frame)
        if encoded.frames:
            self._socket.send(encoded)

    def _take(self, access: Access) -> None:
        if access.role is not self.access.role:
            self.send(frames.role_changed(access.role))
        self.access = access

    def _begin(self, room: Room, opening: Opening) -> None:
        room.learn_head(opening.extent.head)
        self._welcome(room, opening)

    def _welcome(self, room: Room, opening: Opening) -> None:
        self.access = grant(self.access.principal, opening.standing)
        self._write(welcome(self.id, self.access, opening, room.presence.summary(), self.settings))
        self._presence_seen = room.presence.version
        self._feed = Feed(
            self,
            room,
            self._socket,
            self._codec,
            cursor=opening.after,
            stall_timeout=self.settings.stall_timeout,
        )
        for frame in self._early:
            self._write(frame)
        self._early.clear()
        self._expiry.watch(self.credential.expires_at)
        self._feed.advance()

    def _renew(self, principal: Principal, standing: Standing) -> None:
        try:
            access = grant(principal, standing)
        except Refusal as refusal:
            self.refuse(refusal)
            return
        self._take(access)
        self._expiry.watch(self.credential.expires_at)
        self.send(frames.auth(self.access))

    def _read_rights(
        self, done: Callable[[T], None], read: Callable[..., T], *arguments: object
    ) -> None:
        """Read what rights follow from; once more if they changed before the answer was here."""
        judgements = self._judgements

        def judged(answer: T) -> None:
            if judgements == self._judgements:
                done(answer)
            else:
                self._read_rights(done, read, *arguments)

        self._read(judged, read, *arguments)

    def _read(self, done: Callable[[T], None], read: Callable[..., T], *arguments: object) -> None:
        """Read in a reader thread, then call `done` here, unless the connection has ended."""
        try:
            future = self._readers.submit(read, *arguments)
        except Refusal as refusal:
            self._end(refusal)
            return
        future.add_done_callback(
            lambda future: self._loop.call_soon_threadsafe(self._read_done, done, future)
        )

    def _read_done(self, done: Callable[[T], None], future: "Future[T]") -> None:
        if self._room is not None:
            self._attempt(lambda: done(future.result()))

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Refusal as refusal:
            self._end(refusal)
        except Exception:
            logger.exception("connection %s: a read of the log failed", self.id)
            self.end("database_unavailable", retry_after=1)
