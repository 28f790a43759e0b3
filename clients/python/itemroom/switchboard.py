"""Many rooms at one socket: each has a channel of its own, as far as it can tell."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from itemroom.core import verdicts
from itemroom.core.backoff import Backoff
from itemroom.core.errors import Refused
from itemroom.core.silence import HASTE, PING
from itemroom.opening import Channel, farewell

PONG = '{"type":"pong","head":null}'
LOST = ConnectionClosedError(None, None)
# Of a `left`, which has none, by whether to come back.
LATER, NEVER = 1013, 1008

Fields = dict[str, Any]


class Seat:
    """One room's channel, or, without an item, the inbox's."""

    def __init__(self, board: "Switchboard", item: str | None) -> None:
        self.item = item
        self._board = board
        self._heard: asyncio.Queue[str | ConnectionClosed] = asyncio.Queue()

    @property
    def transport(self) -> "Seat":
        """Itself: to lose it is to leave."""
        return self

    def abort(self) -> None:
        """Leave without a goodbye; whoever waits for a frame hears that there will be none."""
        self._board.drop(self)
        self.hear(LOST)

    async def recv(self) -> str:
        """The next frame; raises ConnectionClosed when there will be none."""
        heard = await self._heard.get()
        if isinstance(heard, ConnectionClosed):
            raise heard
        return heard

    async def send(self, message: str) -> None:
        """One frame; after the end it is for nobody."""
        await self._board.say(self, message)

    async def close(self) -> None:
        """Leave."""
        self._board.leave(self)

    def hear(self, heard: str | ConnectionClosed) -> None:
        """A frame has come, or the end."""
        self._heard.put_nowait(heard)


class Switchboard:
    """The socket behind them: opened by the first that needs it, closed after the last.

    Args:
        open_: makes the socket; raises Refused.
    """

    def __init__(self, open_: Callable[[], Awaitable[Channel]]) -> None:
        self._open = open_
        self._opening = asyncio.Lock()
        self._socket: Channel | None = None  # Greeted; None: there is none.
        self._heard_at = 0.0  # When the socket said something last, by the monotonic clock.
        self._reading: asyncio.Task[None] | None = None
        self._saying: asyncio.Queue[str] = asyncio.Queue()  # What could not wait to be sent.
        self._seats: dict[str | None, Seat] = {}
        self._backoff = Backoff()
        self._not_before = 0.0  # When the next attempt may be, by the monotonic clock.
        self._asking: set[Seat] = set()  # Who waits for a sign of life.
        # Items that were left, until the server says so: who comes back has to wait for that.
        self._leaving: dict[str, asyncio.Event] = {}

    async def join(self, item: str | None, query: Mapping[str, str]) -> Seat:
        """A channel for an item; raises Refused."""
        async with self._opening:
            if self._socket is None:
                await self._connect_in_time()
        if item in self._leaving:
            await self._leaving[item].wait()
        if self._socket is None:
            raise farewell(LOST)
        seat = self._seats[item] = Seat(self, item)
        if item is not None:
            self._send({"type": "join", "item": item} | _beginning(query))
        return seat

    def leave(self, seat: Seat) -> None:
        """A channel is not needed any more."""
        self._asking.discard(seat)
        if self._seats.get(seat.item) is not seat:
            return
        del self._seats[seat.item]
        if not self._seats:
            self.close()
        elif seat.item is not None:
            self._leaving[seat.item] = asyncio.Event()
            self._send({"type": "leave", "item": seat.item})

    def drop(self, seat: Seat) -> None:
        """A channel was given up.

        A socket that says nothing to one says nothing to all: if each found that out for itself,
        they would take turns at a socket that is dead.
        """
        socket = self._socket
        is_mute = time.monotonic() - self._heard_at >= HASTE
        if socket is None or not is_mute or self._seats.get(seat.item) is not seat:
            self.leave(seat)
        else:
            self._lost(socket, LOST)
            socket.transport.abort()

    async def say(self, seat: Seat, message: str) -> None:
        """A frame of a channel's."""
        if self._socket is None or self._seats.get(seat.item) is not seat:
            return
        if message == PING:
            # One is enough for all who wait for an answer.
            is_asked, self._asking = bool(self._asking), self._asking | {seat}
            if is_asked:
                return
        elif seat.item is not None and not message.startswith('{"type":"auth"'):
            message = f"{{{_named(seat.item)}{message[1:]}"
        await self._socket.send(message)

    def close(self) -> None:
        """End the socket, and all channels with it."""
        # Once: a second time would cut off the goodbye.
        if self._reading is not None and self._socket is not None:
            self._reading.cancel()
            self._lost(self._socket, LOST)

    async def end(self) -> None:
        """End the socket, and wait until it has ended."""
        self.close()
        if self._reading is not None:
            await asyncio.wait([self._reading])

    async def _connect_in_time(self) -> None:
        """As one client, however many rooms want it: after a failure not at once."""
        await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
        try:
            await self._connect()
        except Refused as refused:
            wait = max(refused.retry_after or 0.0, self._backoff.next())
            self._not_before = time.monotonic() + wait
            raise
        self._backoff.reset()

    async def _connect(self) -> None:
        socket = await self._open()
        try:
            hello: Fields = json.loads(await socket.recv())
        except ConnectionClosed as closed:
            raise farewell(closed) from closed
        except asyncio.CancelledError:
            socket.transport.abort()  # Nobody else knows of it.
            raise
        if hello["type"] == "closing":
            await socket.close()
            raise verdicts.closing(hello)
        self._socket, self._heard_at = socket, time.monotonic()
        self._reading = asyncio.create_task(self._read(socket))
        await asyncio.sleep(0)  # One that has not begun would not close it when it is cancelled.

    def _send(self, frame: Fields) -> None:
        self._saying.put_nowait(json.dumps(frame))

    async def _read(self, socket: Channel) -> None:
        writing = asyncio.create_task(self._write(socket))
        try:
            while True:
                self._received(await socket.recv())
        except ConnectionClosed as closed:
            self._lost(socket, closed)
        finally:
            self._lost(socket, LOST)
            writing.cancel()
            await socket.close()

    async def _write(self, socket: Channel) -> None:
        while True:
            await socket.send(await self._saying.get())

    def _lost(self, socket: Channel | None, closed: ConnectionClosed) -> None:
        if socket is None or self._socket is not socket:
            return  # There is another one by now.
        self._socket = None
        seats, self._seats = [*self._seats.values()], {}
        for seat in seats:
            seat.hear(closed)
        self._asking.clear()
        self._saying = asyncio.Queue()
        leaving, self._leaving = self._leaving, {}
        for left in leaving.values():
            left.set()

    def _received(self, text: str | bytes) -> None:
        self._heard_at = time.monotonic()
        frame: Fields = json.loads(text)
        said = text if isinstance(text, str) else text.decode()
        match frame["type"]:
            case "pong":
                for seat in self._asking:
                    seat.hear(PONG)
                self._asking.clear()
            case "left":
                self._left(frame)
            case "inbox" | "watching":
                self._tell(None, said)
            case "closing":
                for seat in self._seats.values():
                    seat.hear(said)
            case "welcome":
                item = frame["item"]["id"]
                # What a room may say is shorter by what says of which item it is.
                frame["limits"]["frame_bytes"] -= len(_named(item))
                self._tell(item, json.dumps(frame))
            case "error" if frame["code"] in {"not_joined", "already_joined"}:
                pass  # The item was left while this was on its way: it is said again after a join.
            case _:
                self._tell(_item_of(frame, next(iter(self._seats), None)), said)

    def _tell(self, item: str | None, said: str) -> None:
        seat = self._seats.get(item)
        if seat is not None:
            seat.hear(said)

    def _left(self, frame: Fields) -> None:
        item = frame["item"]
        if item in self._leaving:
            self._leaving.pop(item).set()
        elif item in self._seats:
            code = LATER if frame["retry"] == "later" else NEVER
            self._seats.pop(item).hear(json.dumps(frame | {"type": "closing", "code": code}))


def _named(item: str) -> str:
    """What a frame says of which item it is; no item's id needs to be quoted."""
    return f'"item":"{item}",'


def _item_of(frame: Fields, first: str | None) -> str | None:
    """The item of a frame; of what is the socket's own, one that hears of it for all."""
    item: str | None = frame.get("item", first)
    return item


def _beginning(query: Mapping[str, str]) -> Fields:
    """Where in the log to begin, as a frame has it."""
    numbers = {name: int(query[name]) for name in ("after", "tail") if name in query}
    return numbers | ({"epoch": query["epoch"]} if "epoch" in query else {})
