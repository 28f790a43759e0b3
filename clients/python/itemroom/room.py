"""A room, as an application uses it."""

import re
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, cast, overload

from itemroom.core import frames
from itemroom.core.cursor import Cursor
from itemroom.core.entries import Entry, Gap
from itemroom.core.errors import Refused
from itemroom.core.outbox import Outbox
from itemroom.core.paths import item_segment
from itemroom.core.presence import Presence
from itemroom.core.session import Session
from itemroom.credentials import Credentials, GetToken
from itemroom.delivery import Delivery
from itemroom.keeper import Change, Keeper, State
from itemroom.opening import Open, open_socket
from itemroom.reading import follow_text
from itemroom.streaming import Stream

_URL = re.compile(r"(?:http|ws)(s?://[^?#\s]+?)/*")

T = TypeVar("T")
Told = Callable[[T], object]
Ending = Callable[[], None]


class Room:
    """One item's room: entries each once and in order, across lost connections.

    Enter it with `async with`, which waits for the first welcome.

    Args:
        url: the server's, with http, https, ws or wss; it may have a path.
        item: the item's id.
        token: an access token, an API token or a service key.
        ticket: for one connection.
        get_token: asked before each connection, and when a token is about to end; gives a token,
            or `{"token": …}`, or `{"ticket": …}`.
        as_: whom a service key acts for: a username, or `ext:` and a `sub`; None: the key itself.
        after: begin after this seq; give the `epoch` that it is from as well.
        tail: without `after`, begin with so many of the newest entries.
        outbox: commands that may wait for an answer at once, online or not.
        buffer: entries that may wait for the iterator; then the connection is given up until they
            are read. 0: nobody iterates.
        patience: seconds for which the first welcome is waited for; None: as long as it takes.
        open_: makes each connection, as a `Session` does; None: sockets of its own.
    """

    def __init__(
        self,
        url: str,
        *,
        item: str,
        token: str | None = None,
        ticket: str | None = None,
        get_token: GetToken | None = None,
        as_: str | None = None,
        after: int | None = None,
        epoch: str | None = None,
        tail: int | None = None,
        outbox: int = 1000,
        buffer: int = 10_000,
        patience: float | None = None,
        open_: Open | None = None,
    ) -> None:
        credentials = Credentials(token, ticket, get_token, as_)
        cursor = Cursor(after, epoch, tail)
        self._session = Session(cursor, Outbox(outbox), can_renew=credentials.can_renew)
        self._delivery = Delivery(buffer)
        address = room_url(url, item)
        self._keeper = Keeper(
            open_ or partial(open_socket, address, credentials),
            self._session,
            credentials,
            self._delivery,
            patience=patience,
        )

    @property
    def state(self) -> State:
        """`connecting`, `resuming`, `live`, `waiting`, `refused` for good, or `closed`."""
        return self._keeper.change.state

    @property
    def change(self) -> Change:
        """The state, what led to it, and when the next connection will be tried."""
        return self._keeper.change

    @property
    def error(self) -> Refused | None:
        """What led to the state; None: nothing bad."""
        return self._keeper.change.error

    @property
    def seq(self) -> int | None:
        """Of the last entry that the iterator gave: with `epoch`, the place to resume from."""
        return self._delivery.seq

    @property
    def epoch(self) -> str | None:
        """The life of the log that `seq` belongs to."""
        return self._delivery.epoch or self._session.cursor.epoch

    @property
    def head(self) -> int:
        """The newest seq of the log that this client knows of."""
        return self._session.head

    @property
    def you(self) -> frames.You:
        """Who you are here: `id`, `name`, `role`."""
        return cast(frames.You, self._session.you)

    @property
    def item(self) -> frames.ItemInfo:
        """The item: `id`, `title`."""
        return cast(frames.ItemInfo, self._session.item)

    @property
    def limits(self) -> frames.Limits:
        """What the server allows; empty before the first welcome, as `you` and `item` are."""
        return cast(frames.Limits, self._session.welcome.get("limits", {}))

    @property
    def presence(self) -> Presence:
        """Who is here, kept current."""
        return self._session.presence

    @overload
    def on(self, type_: Literal["state"], callback: Told[Change]) -> Ending: ...
    @overload
    def on(self, type_: Literal["entry"], callback: Told[Entry]) -> Ending: ...
    @overload
    def on(self, type_: Literal["gap"], callback: Told[Gap]) -> Ending: ...
    @overload
    def on(self, type_: Literal["presence"], callback: Told[Presence]) -> Ending: ...
    @overload
    def on(self, type_: Literal["refused", "error"], callback: Told[Refused]) -> Ending: ...
    @overload
    def on(self, type_: Literal["welcome"], callback: Told[frames.Welcome]) -> Ending: ...
    @overload
    def on(self, type_: Literal["live"], callback: Told[frames.Live]) -> Ending: ...
    @overload
    def on(self, type_: Literal["signal"], callback: Told[frames.Signal]) -> Ending: ...
    @overload
    def on(self, type_: Literal["read"], callback: Told[frames.Read]) -> Ending: ...
    @overload
    def on(self, type_: Literal["role"], callback: Told[frames.RoleChange]) -> Ending: ...
    @overload
    def on(self, type_: Literal["expiring"], callback: Told[frames.Expiring]) -> Ending: ...
    @overload
    def on(self, type_: Literal["append"], callback: Told[frames.Append]) -> Ending: ...
    @overload
    def on(self, type_: Literal["open"], callback: Told[frames.Open]) -> Ending: ...
    def on(self, type_: str, callback: Told[Any]) -> Ending:
        """Call back, at once and not as a coroutine, when something of a type happens.

        The types, and what the callback gets: `state` a Change, `entry` an Entry (when it comes,
        which may be before the iterator gives it), `gap` a Gap, `presence` the Presence,
        `refused` and `error` a Refused; `welcome`, `live`, `signal`, `read`, `role`,
        `expiring`, `append` and `open` the frame. What a callback raises ends
        the room, and is raised out of it.

        Returns:
            What ends the calling back.
        """
        return self._keeper.listeners.add(type_, callback)

    async def publish(self, body: object, ref: str | None = None) -> int:
        """Publish a message: its seq, when it is stored.

        It is sent again, under the same ref, until the server answers; cancelling withdraws it,
        unless it was stored already.

        Raises:
            Refused: the server does not take it, or too many wait.
            ValueError, TypeError: the body is not JSON.
        """
        return await self._keeper.do("publish", ref, body=body)

    async def edit(self, target: int, body: object, ref: str | None = None) -> int:
        """Give a message another body; otherwise as `publish`."""
        return await self._keeper.do("edit", ref, target=target, body=body)

    async def delete(self, target: int, ref: str | None = None) -> int:
        """Delete a message; otherwise as `publish`."""
        return await self._keeper.do("delete", ref, target=target)

    async def react(
        self, target: int, value: str, *, on: bool = True, ref: str | None = None
    ) -> int:
        """Put a reaction on a message, or take it back; otherwise as `publish`."""
        return await self._keeper.do("react", ref, target=target, value=value, on=on)

    def stream(self, body: object = "", ref: str | None = None) -> Stream:
        """A message whose text grows while others read it, begun and finished by `async with`.

        Args:
            body: to begin with: a text, or an object with a `text` or with `parts`.
            ref: given again, it is the same message.
        """
        return Stream(self._keeper, body, ref)

    async def relay(
        self, texts: AsyncIterable[str], body: object = "", ref: str | None = None
    ) -> int:
        """Stream all texts into one message, until somebody asks to stop; its seq.

        Raises:
            Refused: the server does not take it.
            Exception: of the texts; the message has failed with it.
        """
        async with self.stream(body, ref) as stream:
            await stream.take(texts)
        return stream.seq

    def text(self, seq: int, part: int | None = None) -> AsyncIterator[str]:
        """A message's text so far, and again whenever it has grown, to its end.

        Each replaces the one before. Who is slow is given the newest.

        Args:
            seq: the message's.
            part: the number of one of its `parts`; None: the body's own text.

        Raises:
            Refused: `not_found`: it does not grow, nor ended just now.
        """
        return follow_text(self._keeper, seq, part)

    async def stop(self, target: int, ref: str | None = None) -> int:
        """Ask the author of a message in the making to end it; otherwise as `publish`."""
        return await self._keeper.do("stop", ref, target=target)

    def signal(self, name: str, body: object = None) -> None:
        """Tell those who are here now, such as that you are typing; lost unless `live`."""
        self._session.signal(name, body, time.monotonic())
        self._keeper.wake()

    def read(self, seq: int) -> None:
        """You have read up to here; told again after a lost connection."""
        self._session.read(seq)
        self._keeper.wake()

    def reconnect(self) -> None:
        """Drop the connection, or stop waiting for one, and resume as soon as the server allows."""
        self._keeper.reconnect()

    async def close(self) -> None:
        """End it; what was not answered is refused with `closed`. May come twice."""
        await self._keeper.close()

    async def __aenter__(self) -> Self:
        await self._keeper.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Entry:
        return await self._delivery.next()


def room_url(url: str, item: str) -> str:
    """The address of an item's room on a server.

    Raises:
        ValueError: the server's is none.
        Refused: `item_not_found`, for an id that no item can have.
    """
    return f"{server_url(url)}/items/{item_segment(item)}/ws"


def server_url(url: str) -> str:
    """A server's address as sockets have it, without a slash at its end.

    Raises:
        ValueError: it is none.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("url takes an address such as https://rooms.example.com")
    return f"ws{match[1]}"
