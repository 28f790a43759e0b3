"""What a seat speaks through: a connection, which may answer for more than one seat."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from ..errors import Refusal
from ..history.commands import Command
from ..rights.access import Access
from .encoding import Encoder
from .frames import ServerFrame, Welcome
from .services import Services
from .sockets import Socket

T = TypeVar("T")


class Line(Protocol):
    """A seat's way to its client. No call waits for anything."""

    @property
    def id(self) -> str:
        """Names it to the client and in the log."""

    @property
    def services(self) -> Services:
        """What the server has."""

    @property
    def socket(self) -> Socket:
        """Where entries go: they are encoded once for all who get them."""

    @property
    def encoder(self) -> Encoder:
        """How they are."""

    @property
    def is_shared(self) -> bool:
        """Whether the socket is other seats' as well."""

    @property
    def is_open(self) -> bool:
        """Whether it has neither ended nor is about to."""

    def begin(self, welcome: Welcome) -> None:
        """The seat is taken: say so, then what had to wait for it."""

    def send(self, frame: ServerFrame) -> None:
        """Say something, in order; before the welcome it waits."""

    def refuse(
        self, refusal: Refusal, ref: str | None = None, *, target: int | None = None
    ) -> None:
        """Say no to a command; the seat stays."""

    def take_publish(self) -> None:
        """Count a command that others hear of; raises Refusal `rate_limited`."""

    def take_light(self) -> None:
        """Count any other one; raises Refusal `rate_limited`."""

    def submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        """Have a command stored; raises Refusal `busy`. `done` ends with `answered`."""

    def answered(self) -> None:
        """A command that was submitted has got its answer."""

    def renewed(self, access: Access, *, is_shown: bool) -> None:
        """As this principal the seat goes on; `is_shown`: the client has sent a newer token."""

    def read_in_turn(self, begin: Callable[[], None]) -> None:
        """Begin to read a page when it is the seat's turn; `read_over` ends the turn."""

    def read_over(self) -> None:
        """The page is here."""

    def stalled(self) -> None:
        """The client takes nothing, whatever it is offered."""

    def left(self, refusal: Refusal) -> None:
        """The seat has ended, for this reason; what becomes of the socket is not its business."""
