"""One connection at a time, from the handshake to its end: the core's hands and ears."""

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from itemroom.core import verdicts
from itemroom.core.entries import Event
from itemroom.core.errors import Refused
from itemroom.core.session import Session
from itemroom.credentials import Credentials
from itemroom.denials import ask_for_denial

# Bytes. A server may allow large bodies; whatever else it says is far below.
MAX_FRAME_BYTES = 16 * 2**20
# Seconds for a farewell, which a server that works answers at once.
CLOSE_TIMEOUT = 2.0


class Link:
    """Connects, reads and writes for a session.

    Args:
        url: of the item's room, without a query.
        tell: called with each event, while the connection lasts; what it raises ends it.
    """

    def __init__(
        self, url: str, session: Session, credentials: Credentials, tell: Callable[[Event], None]
    ) -> None:
        self._url = url
        self._session = session
        self._credentials = credentials
        self._tell = tell
        self._wake = asyncio.Event()  # There may be something to send.
        self._socket: ClientConnection | None = None  # While it is open.

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
        socket = await self._connect()
        self._socket = socket
        self._session.connected(time.monotonic())
        writing = asyncio.create_task(self._write(socket))
        writing.add_done_callback(partial(_given_up, socket))
        try:
            await self._read(socket)
        except ConnectionClosed as closed:
            fault = writing.result() if writing.done() else None
            raise fault or _farewell(closed) from closed
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

    async def _connect(self) -> ClientConnection:
        shown = await self._credentials.show()
        query = urlencode(self._session.cursor.query() | shown.query)
        try:
            return await connect(
                f"{self._url}?{query}",
                additional_headers=shown.headers,
                compression=None,
                max_size=MAX_FRAME_BYTES,
                ping_interval=None,  # The session's own: one rule in all clients.
                close_timeout=CLOSE_TIMEOUT,
            )
        except InvalidStatus as denied:
            answer = denied.response
            refused = verdicts.denied(answer.status_code, answer.headers, bytes(answer.body or b""))
            if refused.code.startswith("http_"):
                told = await ask_for_denial(self._url, shown)
                # An answer that is no problem either tells less than the first one did.
                if told is not None and not told.code.startswith("http_"):
                    refused = told
            raise refused from denied
        except OSError as error:
            raise self._unreachable(error) from error
        except (EOFError, WebSocketException) as error:
            told = await ask_for_denial(self._url, shown)
            raise told or self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Refused:
        reason = str(error) or type(error).__name__
        sentence = f"{self._url} cannot be reached: {reason}."
        return Refused("unreachable", sentence, retry="later")

    async def _read(self, socket: ClientConnection) -> NoReturn:
        while True:
            text = await socket.recv()
            try:
                frame = json.loads(text)
            except ValueError:
                frame = {}
            for event in self._session.received(frame, time.monotonic()):
                self._tell(event)
            self._wake.set()

    async def _write(self, socket: ClientConnection) -> Refused | None:
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


def _given_up(socket: ClientConnection, writing: asyncio.Task[Refused | None]) -> None:
    """The reader would wait in vain once the writer has failed."""
    if not writing.cancelled():
        socket.transport.abort()


def _farewell(closed: ConnectionClosed) -> Refused:
    """What the end of a connection means that no `closing` frame explains."""
    if closed.rcvd is not None:
        return verdicts.closed(closed.rcvd.code)
    if closed.sent is not None and closed.sent.code == 1009:
        return verdicts.closed(1009)  # It would be sent, and be too large for us, again.
    return verdicts.closed(None)
