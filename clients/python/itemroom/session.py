"""Many rooms by one socket, and what is new in all of somebody's items."""

from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

from itemroom.core.errors import Refused
from itemroom.credentials import Credentials, GetToken
from itemroom.inbox import Inbox
from itemroom.opening import Channel, open_socket
from itemroom.room import Room, server_url
from itemroom.switchboard import Switchboard


class Session:
    """Somebody's rooms, which share a socket that is there while one of them is used.

    Enter it with `async with`; leaving it closes what is still open.

    Args:
        url: the server's, with http, https, ws or wss; it may have a path.
        token: an access token, an API token or a service key.
        get_token: asked for each connection, and when a token is about to end.
        as_: whom a service key acts for, as of a `Room`.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        get_token: GetToken | None = None,
        as_: str | None = None,
    ) -> None:
        self._url = url
        self._credentials = Credentials(token, None, get_token, as_)
        self._shown: dict[str, Any] = {"token": token, "get_token": get_token, "as_": as_}
        self._address = f"{server_url(url)}/ws"
        self._board = Switchboard(self._open)
        self._rooms: dict[str, Room] = {}
        self._inbox: Inbox | None = None
        self._is_closed = False

    def room(self, item: str, **options: Any) -> Room:
        """An item's room: like any other, but that it shares the socket.

        Args:
            item: the item's id.
            options: `after`, `epoch`, `tail`, `outbox`, `buffer` and `patience`, as of a `Room`.

        Raises:
            Refused: `closed`; `already_joined`, while another room of the item is open.
        """
        self._check()
        former = self._rooms.get(item)
        if former is not None and former.state not in {"closed", "refused"}:
            raise Refused("already_joined", "Close the item's room before you open another one.")
        join = partial(self._join, item)
        room = Room(self._url, item=item, open_=join, **self._shown, **options)
        self._rooms[item] = room
        return room

    @property
    def inbox(self) -> Inbox:
        """What is new in all items; asked for since this was used first. Raises Refused."""
        self._check()
        if self._inbox is None:
            join = partial(self._board.join, None, {})
            self._inbox = Inbox(server_url(self._url), self._credentials, join)
        return self._inbox

    async def close(self) -> None:
        """Leave all rooms. May come twice."""
        self._is_closed = True
        for room in self._rooms.values():
            await room.close()
        if self._inbox is not None:
            await self._inbox.close()
        await self._board.end()

    async def _open(self) -> Channel:
        return await open_socket(self._address, self._credentials, {})

    async def _join(self, item: str, query: Mapping[str, str]) -> Channel:
        return await self._board.join(item, query)

    def _check(self) -> None:
        if self._is_closed:
            raise Refused("closed", "The session was closed.")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
