"""How a peer is spoken to: the load is the same for all, only these words differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Address:
    """Where a connection goes, and what it shows there."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    hello: bytes | None = None
    """What the client says first."""
    room: int = 0
    """Which room it leads to, for a peer that has to be told so with each message."""


class Dialect(Protocol):
    """The words of one running peer. Rooms and members are counted from 0."""

    ready: bytes | None
    """What the frame has in it after which a client is in its room; None: the handshake does."""
    ack: bytes
    """What the frame has in it that answers the author of a message."""
    joint: bytes | None
    """What stands between messages that share a frame; None: each has a frame of its own."""

    def address(self, room: int, member: int, *, publishes: bool = False) -> Address:
        """Where a member of a room connects."""

    def publish(self, room: int, body: str, number: int) -> bytes:
        """The text frame that says something in the room."""


@runtime_checkable
class Resuming(Dialect, Protocol):
    """The words of a peer whose clients can go on where they were."""

    missed: bytes
    """What each message has in it, once, that a client who comes back is told."""
    is_filled: bool
    """Whether the world's logs are there from the start, or have to be said first."""

    def room_address(self, room: int, member: int, *, after: int) -> Address:
        """Where a member connects who has all up to `after`."""


@runtime_checkable
class Growing(Dialect, Protocol):
    """The words of a peer by which a text can grow before readers' eyes."""

    def begin(self, number: int) -> bytes | None:
        """What is said first, and answered with its `seq`; None: nothing has to be."""

    def piece(self, room: int, target: int, text: str, piece: str) -> bytes:
        """What adds a piece to a text that is there; `target`: its seq, if it has one."""


class Plain:
    """A server that takes any text, and gives it to the room as it is.

    Args:
        url: with `{room}` and `{member}` where they go.
    """

    ready: bytes | None = None
    ack = b""
    joint: bytes | None = None

    def __init__(self, url: str, *, publish_url: str | None = None) -> None:
        self._url = url
        self._publish_url = publish_url or url

    def address(self, room: int, member: int, *, publishes: bool = False) -> Address:
        """Where a member of a room connects."""
        url = self._publish_url if publishes else self._url
        return Address(url.format(room=room, member=member))

    def publish(self, room: int, body: str, number: int) -> bytes:  # noqa: ARG002
        """The body as it is: the address has said the room."""
        return body.encode()
