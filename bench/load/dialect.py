"""How a peer is spoken to: the load is the same for all, only these words differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Address:
    """Where a connection goes, and what it shows there."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Dialect(Protocol):
    """The words of one running peer. Rooms and members are counted from 0."""

    hello: bytes | None
    """What a client says first."""
    ready: bytes | None
    """What the frame has in it after which a client is in its room; None: the handshake does."""
    ack: bytes
    """What the frame begins with that answers the author of a message."""

    def address(self, room: int, member: int, *, publishes: bool = False) -> Address:
        """Where a member of a room connects."""

    def publish(self, body: str, number: int) -> bytes:
        """The text frame that says something in the room."""


class Plain:
    """A server that takes any text, and gives it to the room as it is.

    Args:
        url: with `{room}` and `{member}` where they go.
    """

    hello: bytes | None = None
    ready: bytes | None = None
    ack = b""

    def __init__(self, url: str, *, publish_url: str | None = None) -> None:
        self._url = url
        self._publish_url = publish_url or url

    def address(self, room: int, member: int, *, publishes: bool = False) -> Address:
        """Where a member of a room connects."""
        url = self._publish_url if publishes else self._url
        return Address(url.format(room=room, member=member))

    def publish(self, body: str, number: int) -> bytes:  # noqa: ARG002 - the number is not said
        """The body as it is, without the number."""
        return body.encode()
