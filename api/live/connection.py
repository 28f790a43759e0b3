"""A connection: one client's socket, whatever seats it has by it.

Everything here runs on the event loop and waits for nothing, but for the verifying of a token.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ..errors import Refusal
from ..history.commands import Command
from ..limits import Bucket
from ..rights.access import Credential, Principal
from . import frames
from .client_frames import ref_of, target_of
from .encoding import Codec, Encoder, frames_of
from .guests import Judged
from .outstanding import Outstanding
from .renewal import Renewal
from .seat import Seat
from .services import Services
from .shared_frames import AnyServerFrame
from .sockets import Socket

T = TypeVar("T")


class Connection(ABC):
    """One client, until it has ended or is lost, whichever comes first.

    It is the `Client` of its socket and a `Guest` of the hub's. All that a client may do is
    counted here, whichever seat it is for. Where its seats are, its children know.

    Args:
        services: what it shares with all others.
        socket: has accepted already.
        codec: the subprotocol.
        principal: who has come.
    """

    __slots__ = (
        "_ending",
        "_errors",
        "_is_here",
        "_is_lost",
        "_lights",
        "_loop",
        "_principal",
        "_publishes",
        "_renewal",
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
        self._is_here = False  # From `_enter` until it has ended or is lost.
        self._unread = 0  # Answers sent while the socket was full.
        self._ending: Refusal | None = None  # Why it ends; until it is closed, or lost.
        self._is_lost = False
        self._renewal = Renewal(self, services)
        self._publishes = Bucket(settings.publish_rate, settings.publish_burst)
        self._lights = Bucket(settings.light_rate, settings.light_burst)
        self._errors = Bucket(settings.error_rate, settings.error_burst)

    @property
    @abstractmethod
    def seats(self) -> Collection[Seat]:
        """Those that it has."""

    @property
    @abstractmethod
    def judged(self) -> Sequence[Judged]:
        """All that depends on the rights that it has."""

    @abstractmethod
    def renew(self, principal: Principal, *, is_shown: bool) -> None:
        """Go on as this, wherever that is allowed to be; raises Refusal `forbidden`.

        `is_shown`: the client has sent a token, and is told what becomes of it. Otherwise somebody
        else was asked, and a seat that their answer does not allow has ended.
        """

    @abstractmethod
    def left(self, refusal: Refusal) -> None:
        """Who it was let in by does not let it in any more."""

    @abstractmethod
    def _do(self, fields: object) -> None:
        """What a client says; raises Refusal."""

    @property
    def principal(self) -> Principal:
        """Whose it is, with the credential that it is here with."""
        return self._principal

    @property
    def is_open(self) -> bool:
        """Whether it has neither ended nor is about to."""
        return self._ending is None and self._is_here

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
            self._do(fields)
        except Refusal as refusal:
            self._refused(refusal, fields)

    def drained(self) -> None:
        """The socket takes more again."""
        self._unread = 0
        # A copy: a seat that goes on may be cut in that, which ends all of them.
        for seat in tuple(self.seats):
            seat.drained()

    def failed(self, failure_id: str) -> None:
        """A handler failed; the log has the same id."""
        self.end("internal", message=f"failure {failure_id}")

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        """The peer broke the protocol or its limits."""
        self.end(code, retry_after=retry_after)

    def stalled(self) -> None:
        """The client takes nothing, whatever it is offered."""
        self.end("slow_consumer")

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

    def rename(self, name: str) -> None:
        """What it stores and signals from now on is by this name."""
        self._principal = replace(self._principal, name=name)
        for seat in self.seats:
            seat.rename(name)

    def credentials_ended(self, ended: Callable[[Credential], bool]) -> None:
        """Credentials of the user ended: perhaps its own, or one that is about to replace it."""
        # A renewal that was read before this and is answered after it is read once more.
        for seat in self.seats:
            seat.outdate()
        if ended(self._principal.credential):
            self.end("auth_revoked")

    def send(self, frame: AnyServerFrame) -> None:
        """Say something, in order.

        Also while it ends: what was taken is answered, whatever has happened since.
        """
        self.say(frame, self.codec)

    def say(self, frame: AnyServerFrame, encoder: Encoder) -> None:
        """Likewise, written so."""
        if self._is_here:
            if self.socket.is_full:
                self._unread += 1
            self._write(frame, encoder)
            self.check_waiting(self._unread)

    def check_waiting(self, waiting: int) -> None:
        """Cut a client that asks and asks, and does not read what it is answered."""
        if waiting > self.services.settings.commands_in_flight:
            self.end("slow_consumer")

    def refuse(
        self, refusal: Refusal, ref: str | None = None, *, target: int | None = None
    ) -> None:
        """Say no to a command."""
        self.send(frames.error(refusal, ref, target))
        self.count_error(refusal)

    def count_error(self, refusal: Refusal) -> None:
        """A command was refused; a client that does nothing but err is cut off."""
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
            for seat in self.seats:
                seat.leave(at_once=retry == "never")
        if self.is_open:
            self._ending = refusal
            self.services.metrics.refused(refusal.code)
            self.socket.deafen()
            close = partial(self._close, refusal)
            self.outstanding.when_answered(close, patience=self.patience)

    @property
    def patience(self) -> float:
        """Seconds that its end waits for answers."""
        # A server that stops has waited half of its grace for its disk before it ends anybody.
        settings = self.services.settings
        return min(settings.close_timeout, settings.shutdown_grace / 4)

    def _close(self, refusal: Refusal) -> None:
        self._write(frames.closing(refusal), self.codec)
        self._ending = None
        self._leave()
        self.socket.close(refusal.verdict.close_code, refusal.code)

    def _enter(self) -> None:
        self._is_here = True
        self.services.sockets.opened()
        self.services.hub.guests.enter(self)

    def _leave(self) -> None:
        if not self._is_here:
            return
        self._renewal.forget()
        for seat in self.seats:
            seat.leave(at_once=False)
        # Acks, verified tokens and frames that are still on their way find nobody.
        self._is_here = False
        self.services.hub.guests.leave(self)

    def _refused(self, refusal: Refusal, fields: object) -> None:
        self.refuse(refusal, ref_of(fields), target=target_of(fields))

    def _check_own(self, principal: Principal) -> None:
        own = self._principal
        if (principal.user_key, principal.via) != (own.user_key, own.via):
            raise Refusal("forbidden", "The token is another user's.")

    def _take(self, bucket: Bucket) -> None:
        wait = bucket.take(self._loop.time())
        if wait:
            raise Refusal("rate_limited", retry_after=round(wait, 3))

    def _write(self, frame: AnyServerFrame, encoder: Encoder) -> None:
        encoded = frames_of(encoder, frame)
        if encoded.frames:
            self.socket.send(encoded)
