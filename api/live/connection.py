"""A connection: one client's socket, and the seats that it has by it.

Everything here runs on the event loop and waits for nothing, but for the verifying of a token.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from ..errors import Refusal
from ..history.commands import Command
from ..limits import Bucket
from ..rights.access import Access, Principal
from . import frames
from .client_frames import AnyClientFrame, AuthFrame, parse, ref_of, target_of
from .encoding import Codec, frames_of
from .frames import ServerFrame, Welcome
from .opening import Arrival
from .outstanding import Outstanding
from .renewal import Renewal
from .seat import Seat
from .services import Services
from .sockets import Socket

logger = logging.getLogger("itemroom.rooms")
T = TypeVar("T")


class Connection:
    """One client, from `open` until it has ended or is lost, whichever comes first.

    It is the `Client` of its socket and the `Line` of its seats. All that a client may do is
    counted here, whichever seat it is for.

    Args:
        services: what it shares with all others.
        socket: has accepted already.
        codec: the subprotocol.
        principal: who has come.
    """

    __slots__ = (
        "_ending",
        "_errors",
        "_held",
        "_is_lost",
        "_lights",
        "_loop",
        "_principal",
        "_publishes",
        "_renewal",
        "_seats",
        "_unread",
        "codec",
        "id",
        "outstanding",
        "services",
        "socket",
    )

    def __init__(
        self, services: Services, socket: Socket, codec: Codec, principal: Principal
    ) -> None:
        settings = services.settings
        self.id = os.urandom(8).hex()
        self.services = services
        self.socket = socket
        self.codec = codec
        self.outstanding = Outstanding()
        self._loop = asyncio.get_running_loop()
        self._principal = principal  # Its credential is the one that it is here with.
        self._seats: dict[str, Seat] = {}  # By item; one, until it has ended or is lost.
        self._held: list[ServerFrame] | None = []  # What waits for the welcome; None: it is out.
        self._unread = 0  # Answers sent while the socket was full.
        self._ending: Refusal | None = None  # Why it ends; until it is closed, or lost.
        self._is_lost = False
        self._renewal = Renewal(self, services)
        self._publishes = Bucket(settings.publish_rate, settings.publish_burst)
        self._lights = Bucket(settings.light_rate, settings.light_burst)
        self._errors = Bucket(settings.error_rate, settings.error_burst)

    @property
    def is_open(self) -> bool:
        """Whether it has neither ended nor is about to."""
        return self._ending is None and bool(self._seats)

    def open(self, arrival: Arrival) -> None:
        """Take the seat that was asked for."""
        self._renewal.again = arrival.again
        seat = self._seats[arrival.access.item_id] = self._seat(arrival.access)
        self.services.sockets.opened()
        seat.open(arrival)

    def received(self, data: bytes, *, is_text: bool) -> None:
        """A message has come. Never raises for what is in it."""
        if not self.is_open:
            return  # What arrives after the end was sent before it was seen.
        if is_text != self.codec.is_text:
            self.end("unsupported_frame")
            return
        fields: object = None
        try:
            fields = self.codec.decode(data)
            self._do(parse(fields))
        except Refusal as refusal:
            self.refuse(refusal, ref_of(fields), target=target_of(fields))

    def drained(self) -> None:
        """The socket takes more again."""
        self._unread = 0
        # A copy: a seat that goes on may be cut in that, which ends all of them.
        for seat in tuple(self._seats.values()):
            seat.drained()

    def failed(self, failure_id: str) -> None:
        """A handler failed; the log has the same id."""
        self.end("internal", message=f"failure {failure_id}")

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        """The peer broke the protocol or its limits."""
        self.end(code, retry_after=retry_after)

    def lost(self) -> None:
        """The socket is gone, whoever ended it."""
        if self._is_lost:
            return
        self._is_lost = True
        self._ending = None
        self.outstanding.stop()
        self._renewal.stop()
        self._leave()
        self.services.sockets.closed()

    def begin(self, welcome: Welcome) -> None:
        """The seat is taken: say so, then what had to wait for it."""
        self._write(welcome)
        # What came in before is answered behind it, in its order.
        held, self._held = self._held, None
        for frame in held or ():
            self._write(frame)
        self._renewal.watch(self._principal)

    def send(self, frame: ServerFrame) -> None:
        """Say something, in order; before the welcome it waits.

        Also while it ends: what was taken is answered, whatever has happened since.
        """
        if not self._seats:
            return
        if self._held is not None:
            self._held.append(frame)
            waiting = len(self._held)
        else:
            if self.socket.is_full:
                self._unread += 1
            self._write(frame)
            waiting = self._unread
        # A client that asks and asks, and does not read what it is answered.
        if waiting > self.services.settings.commands_in_flight:
            self.end("slow_consumer")

    def refuse(
        self, refusal: Refusal, ref: str | None = None, *, target: int | None = None
    ) -> None:
        """Say no to a command; a client that does nothing but err is cut off."""
        self.send(frames.error(refusal, ref, target))
        if refusal.verdict.status >= 500:
            return  # Busy, draining, a full disk: that is not the client's fault.
        wait = self._errors.take(self._loop.time())
        if wait:
            limited = refusal.code == "rate_limited"
            self.end("rate_limited" if limited else "too_many_errors", retry_after=round(wait, 3))

    def take_publish(self) -> None:
        """Count a command that others hear of; raises Refusal `rate_limited`."""
        self._take(self._publishes)

    def take_light(self) -> None:
        """Count any other one; raises Refusal `rate_limited`."""
        self._take(self._lights)

    def submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        """Have a command stored; raises Refusal `busy`. `done` ends with `answered`."""
        # Counted here, over all seats: one client must not fill the queue of the writer.
        if self.outstanding.count >= self.services.settings.commands_in_flight:
            raise Refusal("busy", retry_after=1)
        self.services.desk.submit(command, done)
        self.outstanding.taken()

    def answered(self) -> None:
        """A command that was submitted has got its answer."""
        self.outstanding.answered()

    def renewed(self, access: Access, *, is_shown: bool) -> None:
        """A newer token, or answer of who was asked, is good for the seat: it counts now."""
        self._principal = access.principal
        self._renewal.watch(self._principal)
        if is_shown:
            self.send(frames.auth(access))

    def left(self, refusal: Refusal) -> None:
        """The seat has ended: it was what the socket is for."""
        self._end(refusal)

    def renew(self, principal: Principal, *, is_shown: bool) -> None:
        """Go on as this, wherever that is allowed to be; raises Refusal `forbidden`.

        `is_shown`: the client has sent a token, and is told what becomes of it. Otherwise somebody
        else was asked, and a seat that their answer does not allow has ended.
        """
        own = self._principal
        if (principal.user_key, principal.via) != (own.user_key, own.via):
            raise Refusal("forbidden", "The token is another user's.")
        for seat in tuple(self._seats.values()):
            seat.renew(principal, is_shown=is_shown)

    @property
    def principal(self) -> Principal:
        """Whose it is, with the credential that it is here with."""
        return self._principal

    def end(self, code: str, *, retry_after: float | None = None, message: str = "") -> None:
        """Hear nothing more, answer what was taken, say why, close.

        Whose rights have ended leaves the room at once. Others stay until they are answered: at a
        terminal one's own entry is the answer.
        """
        self._end(Refusal(code, message, retry_after=retry_after))

    def _end(self, refusal: Refusal) -> None:
        retry = refusal.verdict.retry
        if retry != "later":
            # Even if it ends already, for a reason that lets it stay until it is answered.
            self._renewal.forget()
            for seat in self._seats.values():
                seat.leave(at_once=retry == "never")
        if self._ending is None and self._seats:
            self._ending = refusal
            self.services.metrics.refused(refusal.code)
            self.socket.deafen()
            close = partial(self._close, refusal)
            self.outstanding.when_answered(close, patience=self._patience)

    @property
    def _patience(self) -> float:
        # A server that stops has waited half of its grace for its disk before it ends anybody.
        settings = self.services.settings
        return min(settings.close_timeout, settings.shutdown_grace / 4)

    def _close(self, refusal: Refusal) -> None:
        # Answers that waited for a welcome which does not come any more.
        for frame in self._held or ():
            self._write(frame)
        self._write(frames.closing(refusal))
        self._ending = None
        self._leave()
        self.socket.close(refusal.verdict.close_code, refusal.code)

    def _leave(self) -> None:
        self._renewal.forget()
        for seat in self._seats.values():
            seat.leave(at_once=False)
        # Acks, verified tokens and frames that are still on their way find nobody.
        self._seats.clear()

    def _seat(self, access: Access) -> Seat:
        return Seat(self, access)

    def _do(self, frame: AnyClientFrame) -> None:
        if isinstance(frame, AuthFrame):
            self.take_light()
            self._renewal.begin(frame.token)
            return
        # Frames do not name their item here: the address of the socket did.
        (seat,) = self._seats.values()
        seat.do(frame)

    def _take(self, bucket: Bucket) -> None:
        wait = bucket.take(self._loop.time())
        if wait:
            raise Refusal("rate_limited", retry_after=round(wait, 3))

    def _write(self, frame: ServerFrame) -> None:
        encoded = frames_of(self.codec, frame)
        if encoded.frames:
            self.socket.send(encoded)
