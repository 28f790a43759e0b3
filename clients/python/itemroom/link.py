"""One connection at a time, from the handshake to its end: the core's hands and ears."""

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from websockets.exceptions import ConnectionClosed

from itemroom.core.entries import Event
from itemroom.core.errors import Refused
from itemroom.core.session import Session
from itemroom.opening import Channel, Open, farewell


class Link:
    """Connects, reads and writes for a session.

    Args:
        open_: makes each connection.
        tell: called with each event, while the connection lasts; what it raises ends it.
    """

    def __init__(self, open_: Open, session: Session, tell: Callable[[Event], None]) -> None:
        self._open = open_
        self._session = session
        self._tell = tell
        self._wake = asyncio.Event()  # There may be something to send.
        self._socket: Channel | None = None  # While it is open.

    def wake(self) -> None:
        """The session has something to send."""
        self._wake.set()

    def drop(self) -> None:
        """Lose the connection, as a network would."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def run(self) -> NoReturn:
        """One connection.

        Raises:
            Refused: always, when it has ended, or there was none.
        """
        socket = await self._open(self._session.cursor.query())
        self._socket = socket
        self._session.connected(time.monotonic())
        writing = asyncio.create_task(self._write(socket))
        writing.add_done_callback(partial(_given_up, socket))
        try:
            await self._read(socket)
        except ConnectionClosed as closed:
            fault = writing.result() if writing.done() else None
            raise fault or farewell(closed) from closed
        except Refused as refused:
            if refused.close_code is None:
                socket.transport.abort()  # No farewell to a server that is not understood.
            raise
        finally:
            self._socket = None
            writing.cancel()
            try:
                await socket.close()
            finally:
                socket.transport.abort()

    async def _read(self, socket: Channel) -> NoReturn:
        while True:
            text = await socket.recv()
            try:
                frame = json.loads(text)
            except ValueError:
                frame = {}
            for event in self._session.received(frame, time.monotonic()):
                self._tell(event)
            self._wake.set()

    async def _write(self, socket: Channel) -> Refused | None:
        """Send what is due, until the connection ends, or is given up for what is returned."""
        while True:
            self._wake.clear()
            try:
                texts, wait = self._session.outgoing(time.monotonic())
                for text in texts:
                    await socket.send(text)
            except ConnectionClosed:
                return None
            except Refused as refused:
                return refused
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue


def _given_up(socket: Channel, writing: asyncio.Task[Refused | None]) -> None:
    """The reader would wait in vain once the writer has failed."""
    if not writing.cancelled():
        socket.transport.abort()
