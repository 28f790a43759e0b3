"""One of many rooms at one socket: what a seat there speaks through."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from ..errors import Refusal
from ..history.commands import Command
from ..rights.access import Access, Principal
from . import frames, shared_frames
from .client_frames import RoomFrame
from .codecs import ItemEncoder
from .encoding import Codec, Encoder
from .frames import ServerFrame, Welcome
from .opening import Arrival
from .outstanding import Outstanding
from .renewal import Asked
from .seat import Seat
from .services import Services
from .shared_frames import AnyServerFrame
from .sockets import Socket
from .turns import Turns

T = TypeVar("T")


class Table(Protocol):
    """The socket that it is at, and what is counted there for all its places."""

    id: str
    services: Services
    socket: Socket
    codec: Codec
    turns: Turns

    @property
    def is_open(self) -> bool:
        """Whether it has neither ended nor is about to."""

    @property
    def patience(self) -> float:
        """Seconds to wait for answers at the end."""

    def say(self, frame: AnyServerFrame, encoder: Encoder) -> None:
        """Say something, in order, as this subprotocol has it."""

    def check_waiting(self, waiting: int) -> None:
        """Cut a client for whom so many answers wait, if these are too many."""

    def count_error(self, refusal: Refusal) -> None:
        """A command was refused."""

    def take_publish(self) -> None:
        """Count a command that others hear of; raises Refusal `rate_limited`."""

    def take_light(self) -> None:
        """Count any other one; raises Refusal `rate_limited`."""

    def submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        """Have a command stored; raises Refusal `busy`."""

    def answered(self) -> None:
        """A command that was submitted has got its answer."""

    def stalled(self) -> None:
        """The client takes nothing, whatever it is offered."""

    def unseat(self, refusal: Refusal, item_id: str) -> None:
        """A seat has ended, for this reason."""

    def cleared(self, item_id: str) -> None:
        """A place is free again."""


class Place:
    """One seat's line, from `open` until the item is left."""

    is_shared = True
    __slots__ = ("_asked", "_held", "_is_leaving", "_outstanding", "_table", "encoder", "seat")

    def __init__(self, table: Table, access: Access) -> None:
        self.encoder: Encoder = ItemEncoder(table.codec, access.item_id)
        self._table = table
        self._asked: Asked | None = None  # Of an item that others have let it into.
        self.seat = Seat(self, access)
        self._held: list[ServerFrame] | None = []  # What waits for the welcome; None: it is out.
        self._outstanding = Outstanding()
        self._is_leaving = False  # `left` is the next thing to be said, when all is answered.

    @property
    def id(self) -> str:
        """The connection's."""
        return self._table.id

    @property
    def services(self) -> Services:
        """The server's."""
        return self._table.services

    @property
    def socket(self) -> Socket:
        """The one that all places share."""
        return self._table.socket

    @property
    def is_open(self) -> bool:
        """Whether commands for this item are taken."""
        return self._table.is_open and not self._is_leaving

    def open(self, arrival: Arrival) -> None:
        """Take the seat."""
        if arrival.again is not None:
            self._asked = Asked(self, arrival.again)
            self._watch(arrival.access.principal)
        self.seat.open(arrival)

    def do(self, frame: RoomFrame) -> None:
        """What the client asks of this room; raises Refusal."""
        if self._is_leaving:
            raise Refusal("not_joined")
        self.seat.do(frame)

    def begin(self, welcome: Welcome) -> None:
        """The seat is taken: say so, then what had to wait for it."""
        self._table.say(welcome, self.encoder)
        self._say_held()

    def send(self, frame: ServerFrame) -> None:
        """Say something, in order; before the welcome it waits."""
        if self._held is None:
            self._table.say(frame, self.encoder)
        else:
            self._held.append(frame)
            self._table.check_waiting(len(self._held))

    def refuse(
        self, refusal: Refusal, ref: str | None = None, *, target: int | None = None
    ) -> None:
        """Say no to a command; the seat stays."""
        self.send(frames.error(refusal, ref, target))
        self._table.count_error(refusal)

    def take_publish(self) -> None:
        """Count a command that others hear of; raises Refusal `rate_limited`."""
        self._table.take_publish()

    def take_light(self) -> None:
        """Count any other one; raises Refusal `rate_limited`."""
        self._table.take_light()

    def submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        """Have a command stored; raises Refusal `busy`. `done` ends with `answered`."""
        self._table.submit(command, done)
        self._outstanding.taken()

    def answered(self) -> None:
        """A command that was submitted has got its answer."""
        self._table.answered()
        self._outstanding.answered()

    def read_in_turn(self, begin: Callable[[], None]) -> None:
        """Begin to read a page when it is its turn among the places of the socket."""
        self._table.turns.ask(self, begin)

    def read_over(self) -> None:
        """The page is here: the next one's turn begins before this page is given."""
        self._table.turns.over(self)

    def renewed(self, access: Access, *, is_shown: bool) -> None:  # noqa: ARG002 - as every line
        """The seat goes on as this; of a newer token the socket itself has told."""
        self._watch(access.principal)

    @property
    def principal(self) -> Principal:
        """As whom the seat is there."""
        return self.seat.principal

    def renew(self, principal: Principal, *, is_shown: bool) -> None:
        """Go on as this, if that may be here; `is_shown` as of a seat."""
        self.seat.renew(principal, is_shown=is_shown)

    def failed(self, failure_id: str) -> None:
        """It could not be asked whether it may stay; the log has the same id."""
        self.left(Refusal("internal", f"failure {failure_id}"))

    def end(self, code: str) -> None:
        """Nobody says any more that it may stay."""
        self.left(Refusal(code))

    def stalled(self) -> None:
        """The client takes nothing, whatever it is offered."""
        self._table.stalled()

    def left(self, refusal: Refusal) -> None:
        """The seat has ended; whether that is the end of all, the socket knows."""
        self._table.unseat(refusal, self.seat.item_id)

    def leave(self, refusal: Refusal | None) -> None:
        """Take no more commands, answer what was taken, say why, be gone.

        Args:
            refusal: why; None: the client wants it so. Whose rights have ended hears nothing more
                of the room; others hear their own entries before the answers.
        """
        self._forget()
        if refusal is not None and refusal.verdict.retry == "never":
            self.seat.leave(at_once=True)
        if not self._is_leaving:
            self._is_leaving = True

            def gone() -> None:
                self._gone(refusal)

            self._outstanding.when_answered(gone, patience=self._table.patience)

    def drop(self) -> None:
        """The socket is gone."""
        self._outstanding.stop()
        self._forget()

    def _gone(self, refusal: Refusal | None) -> None:
        self._forget()
        self.seat.leave(at_once=False)
        self._table.turns.over(self)
        # Answers that waited for a welcome which does not come any more.
        self._say_held()
        self._table.say(shared_frames.left(self.seat.item_id, refusal), self.encoder)
        self._table.cleared(self.seat.item_id)

    def _watch(self, principal: Principal) -> None:
        if self._asked is not None:
            self.services.rulings.watch(self._asked, principal.asked_until)

    def _forget(self) -> None:
        if self._asked is not None:
            self.services.rulings.forget(self._asked)
            self._asked.stop()

    def _say_held(self) -> None:
        held, self._held = self._held, None
        for frame in held or ():
            self._table.say(frame, self.encoder)
