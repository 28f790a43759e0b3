"""A socket that is one item's: `/items/{item_id}/ws`, and what stands for one."""

from collections.abc import Callable, Collection, Sequence

from ..errors import Refusal
from ..rights.access import Access, Principal
from . import frames
from .client_frames import AuthFrame, parse
from .connection import Connection
from .encoding import Codec, Encoder
from .frames import Welcome
from .guests import Judged
from .opening import Arrival
from .seat import Seat
from .services import Services
from .shared_frames import AnyServerFrame
from .sockets import Socket


class ItemConnection(Connection):
    """One client in one room: the line of its only seat, for which the socket is there."""

    is_shared = False
    __slots__ = ("_held", "_seat")

    def __init__(
        self, services: Services, socket: Socket, codec: Codec, principal: Principal
    ) -> None:
        super().__init__(services, socket, codec, principal)
        self._seat: Seat  # Set by `open`.
        self._held: list[AnyServerFrame] | None = []  # What waits for the welcome; None: it is out.

    @property
    def seats(self) -> Collection[Seat]:
        """The one."""
        return (self._seat,)

    @property
    def encoder(self) -> Encoder:
        """The subprotocol's own: who has one item need not be told which."""
        return self.codec

    @property
    def judged(self) -> Sequence[Judged]:
        """The one seat."""
        return (self._seat,)

    def open(self, arrival: Arrival) -> None:
        """Take the seat that was asked for."""
        self._renewal.again = arrival.again
        self._seat = self._make_seat(arrival.access)
        self._enter()
        self._seat.open(arrival)

    def begin(self, welcome: Welcome) -> None:
        """The seat is taken: say so, then what had to wait for it."""
        self._write(welcome, self.codec)
        # What came in before is answered behind it, in its order.
        held, self._held = self._held, None
        for frame in held or ():
            self._write(frame, self.codec)
        self._renewal.watch(self._principal)

    def send(self, frame: AnyServerFrame) -> None:
        """Say something, in order; before the welcome it waits."""
        if self._held is None:
            super().send(frame)
        elif self._is_here:
            self._held.append(frame)
            self.check_waiting(len(self._held))

    def read_in_turn(self, begin: Callable[[], None]) -> None:
        """At once: nobody else replays by this socket."""
        begin()

    def read_over(self) -> None:
        """It has no turns."""

    def renewed(self, access: Access, *, is_shown: bool) -> None:
        """A newer token, or answer of who was asked, is good for the seat: it counts now."""
        self._principal = access.principal
        self._renewal.watch(self._principal)
        if is_shown:
            self.send(frames.auth(access.principal))

    def renew(self, principal: Principal, *, is_shown: bool) -> None:
        """Go on as this, if that may be here; raises Refusal `forbidden`."""
        self._check_own(principal)
        self._seat.renew(principal, is_shown=is_shown)

    def left(self, refusal: Refusal) -> None:
        """The seat has ended: it was what the socket is for."""
        self._end(refusal)

    def _make_seat(self, access: Access) -> Seat:
        return Seat(self, access)

    def _do(self, fields: object) -> None:
        frame = parse(fields)
        if isinstance(frame, AuthFrame):
            self.take_light()
            self._renewal.begin(frame.token)
        else:
            self._seat.do(frame)

    def _close(self, refusal: Refusal) -> None:
        # Answers that waited for a welcome which does not come any more.
        for frame in self._held or ():
            self._write(frame, self.codec)
        super()._close(refusal)
