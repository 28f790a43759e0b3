"""What a client's frames do. Called by the socket for each message; never waits for anything.

A reader that waited for the database would stop reading, and the keep-alive would then cut a
healthy connection: so commands are queued for the writer, and answered when they are stored.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from api.errors import Refusal
from api.history.bodies import encode_body
from api.history.messages import Delete, Edit, Publish, React, Stored
from api.history.read_markers import MarkRead
from api.history.writer import Command, Writer
from api.limits import Bucket
from api.live import frames
from api.live.client_frames import (
    AnyClientFrame,
    AuthFrame,
    DeleteFrame,
    EditFrame,
    PingFrame,
    PresenceFrame,
    PublishFrame,
    ReactFrame,
    ReadFrame,
    SignalFrame,
    parse,
    ref_of,
)
from api.live.connection import Connection
from api.live.encoding import Codec
from api.live.hub import Room
from api.rights.access import Principal, Role

logger = logging.getLogger("itemroom.rooms")
IdentifyToken = Callable[[str], Awaitable[Principal]]
T = TypeVar("T")
StoredFrame = PublishFrame | EditFrame | DeleteFrame | ReactFrame


class Commands:
    """The commands of one connection, and how many of them it may give.

    Args:
        identify_token: turns a token into whose it is; raises Refusal.
    """

    __slots__ = (
        "_authenticate",
        "_codec",
        "_connection",
        "_errors",
        "_is_marking",
        "_lights",
        "_loop",
        "_next_marker",
        "_publishes",
        "_renewal",
        "_settings",
        "_writer",
    )

    def __init__(
        self, connection: Connection, codec: Codec, writer: Writer, identify_token: IdentifyToken
    ) -> None:
        settings = connection.settings
        self._connection = connection
        self._codec = codec
        self._writer = writer
        self._authenticate = identify_token
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._publishes = Bucket(settings.publish_rate, settings.publish_burst)
        self._errors = Bucket(settings.error_rate, settings.error_burst)
        self._lights = Bucket(settings.light_rate, settings.light_burst)
        self._is_marking = False  # A read marker waits to be stored.
        self._next_marker = 0  # The newest that came meanwhile; 0: none.
        self._renewal: asyncio.Task[None] | None = None  # An `auth` frame being verified.

    def received(self, data: bytes, *, is_text: bool) -> None:
        """One message of the client. Never raises for what is in it."""
        room = self._connection.room
        if room is None:
            return  # What arrives after the end was sent before it was seen.
        if is_text != self._codec.is_text:
            self._connection.end("unsupported_frame")
            return
        fields: object = None
        try:
            fields = self._codec.decode(data)
            self._do(parse(fields), room)
        except Refusal as refusal:
            self._refuse(refusal, ref_of(fields))

    def close(self) -> None:
        """The connection has ended: nothing is waited for any more."""
        if self._renewal is not None:
            self._renewal.cancel()

    def _do(self, frame: AnyClientFrame, room: Room) -> None:
        match frame:
            case PingFrame():
                self._take(self._lights)
                self._connection.send(frames.pong(room.head))
            case SignalFrame():
                self._signal(frame, room)
            case ReadFrame():
                self._take(self._lights)
                self._mark_read(frame.seq)
            case PresenceFrame():
                self._take(self._lights)
                self._connection.send(frames.presence(room.presence.summary()))
            case AuthFrame():
                self._take(self._lights)
                self._renew(frame.token)
            case _:
                self._act(frame)

    def _act(self, frame: StoredFrame) -> None:
        self._connection.access.require(Role.WRITER)
        self._take(self._publishes)
        self._submit(self._command(frame), partial(self._stored, frame.ref, self._loop.time()))

    def _command(self, frame: StoredFrame) -> Command[Stored]:
        access = self._connection.access
        match frame:
            case PublishFrame():
                return Publish(access=access, ref=frame.ref, body=self._body(frame.body))
            case EditFrame():
                body = self._body(frame.body)
                return Edit(access=access, ref=frame.ref, target=frame.target, body=body)
            case DeleteFrame():
                return Delete(access=access, ref=frame.ref, target=frame.target)
            case _:
                return React(
                    access=access,
                    ref=frame.ref,
                    target=frame.target,
                    value=frame.value,
                    on=frame.on,
                )

    def _body(self, value: object) -> bytes:
        settings = self._settings
        return encode_body(
            value, max_bytes=settings.max_body_bytes, max_nesting=settings.max_nesting
        )

    def _take(self, bucket: Bucket) -> None:
        wait = bucket.take(self._loop.time())
        if wait:
            raise Refusal("rate_limited", retry_after=round(wait, 3))

    def _submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        outstanding = self._connection.outstanding
        if outstanding.count >= self._settings.commands_in_flight:
            raise Refusal("busy", retry_after=1)
        self._writer.submit(command, done)
        outstanding.taken()

    def _stored(
        self, ref: str | None, came: float, stored: Stored | None, error: BaseException | None
    ) -> None:
        if isinstance(error, Refusal):
            self._refuse(error, ref)
        if stored is not None:
            answer = frames.ack(stored.seq, stored.at, ref=ref, duplicate=stored.duplicate)
            self._connection.answer(answer)
            self._connection.metrics.acked(self._loop.time() - came)
        self._connection.outstanding.answered()

    def _mark_read(self, seq: int) -> None:
        # A marker only moves forward: of those that come while one is stored, the newest suffices.
        if self._is_marking:
            self._next_marker = max(self._next_marker, seq)
            return
        self._next_marker = 0
        self._submit(MarkRead(self._connection.access, seq), self._marked)
        self._is_marking = True

    def _marked(self, _: None, error: BaseException | None) -> None:
        self._is_marking = False
        if isinstance(error, Refusal):
            self._refuse(error, None)
        self._connection.outstanding.answered()
        if self._next_marker and self._connection.room is not None:
            try:
                self._mark_read(self._next_marker)
            except Refusal as refusal:
                self._refuse(refusal, None)

    def _signal(self, frame: SignalFrame, room: Room) -> None:
        connection = self._connection
        connection.access.require(Role.WRITER)
        self._take(self._publishes)
        principal = connection.access.principal
        room.tell(frames.signal(frame.name, principal, self._body(frame.body)), but=connection)

    def _renew(self, token: str) -> None:
        if self._renewal is not None and not self._renewal.done():
            raise Refusal("busy", "An earlier token is still being verified.", retry_after=1)
        self._renewal = self._loop.create_task(self._verify(token))

    async def _verify(self, token: str) -> None:
        try:
            principal = await self._authenticate(token)
            if principal.user_key != self._connection.access.principal.user_key:
                raise Refusal("forbidden", "The token is another user's.")
        except Refusal as refusal:
            self._refuse(refusal, None)
        except Exception:
            failure_id = secrets.token_hex(4)
            logger.exception("failure %s: a token could not be verified", failure_id)
            self._connection.end("internal", message=f"failure {failure_id}")
        else:
            self._connection.renew(principal)

    def _refuse(self, refusal: Refusal, ref: str | None) -> None:
        """Say no; a client that does nothing but err is cut off."""
        self._connection.refuse(refusal, ref)
        if refusal.verdict.status >= 500:
            return  # Busy, draining, a full disk: that is not the client's fault.
        wait = self._errors.take(self._loop.time())
        if wait:
            limited = refusal.code == "rate_limited"
            self._connection.end(
                "rate_limited" if limited else "too_many_errors", retry_after=round(wait, 3)
            )
