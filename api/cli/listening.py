"""Hears an item's log over a socket, and goes on where it was when the connection is lost."""

import asyncio
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from api.cli.failures import REFUSED, Failure
from api.errors import CODES
from api.history.entries import Kind

Fields = dict[str, Any]

# Seconds. Full jitter: clients that were cut off together must not come back together.
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
# A page that no client asked for is at most this long; a server may allow large bodies.
MAX_FRAME_BYTES = 16 * 2**20
_ENTRIES = frozenset(kind.value for kind in Kind)
# Closed with these, a client would only be closed again.
_FINAL_CODES = frozenset({1002, 1003, 1007, 1008, 1009})


class _Lost(Exception):  # noqa: N818 - no fault: it comes back
    """The connection has ended, and a new one may go on."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Listener:
    """Follows one item.

    Args:
        url: of the item's room, without a query.
        token: shown in a header, so that no proxy's log has it.
        show: called with each entry, in order, each once.
        note: called with sentences about the connection.
        after: begin with the entry after this seq; None: with the newest ones.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        show: Callable[[Fields], None],
        note: Callable[[str], None],
        after: int | None = None,
    ) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._show = show
        self._note = note
        self._after = after  # The seq of the newest entry shown.
        self._epoch: str | None = None  # The life of the log that `_after` belongs to.
        self._attempts = 0  # Since the last welcome: only that proves a server that works.
        self._welcomed = False

    async def run(self) -> None:
        """Listen until cancelled.

        Raises:
            Failure: the server does not want this client back, or was never there.
        """
        while True:
            try:
                await self._connect()
            except _Lost as lost:
                wait = lost.retry_after + self._jitter()
                self._note(f"{lost}; trying again in {wait:.1f} s")
                await asyncio.sleep(wait)

    def _jitter(self) -> float:
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2**self._attempts)
        self._attempts += 1
        return random.uniform(0, longest)  # noqa: S311 - no secret

    async def _connect(self) -> None:
        query = {"after": self._after, "epoch": self._epoch}
        known = urlencode({name: value for name, value in query.items() if value is not None})
        try:
            socket = await connect(
                f"{self._url}?{known}",
                additional_headers=self._headers,
                max_size=MAX_FRAME_BYTES,
            )
        except InvalidStatus as error:
            raise _denial(error) from error
        except (OSError, EOFError, InvalidHandshake) as error:
            if not self._welcomed:
                raise Failure(f"{self._url} cannot be reached: {error}.") from error
            raise _Lost("the server cannot be reached") from error
        # Not in the block above: a broken pipe behind `show` is no lost connection.
        async with socket:
            await self._hear(socket)

    async def _hear(self, socket: ClientConnection) -> None:
        closing: Fields = {}
        try:
            while True:
                frame: Fields = orjson.loads(await socket.recv())
                if frame["type"] == "closing":
                    closing = frame
                else:
                    self._take(frame)
        except ConnectionClosed as closed:
            raise _farewell(closed, closing) from closed

    def _take(self, frame: Fields) -> None:
        if frame["type"] == "welcome":
            self._welcomed, self._attempts = True, 0
            if not frame["recovered"]:
                seq = frame["after"] + 1
                self._note(f"the log does not go on where it was: what follows begins with {seq}")
            self._after, self._epoch = frame["after"], frame["epoch"]
        elif frame["type"] in _ENTRIES:
            self._show(frame)
            self._after = frame["seq"]


def _farewell(closed: ConnectionClosed, closing: Fields) -> Exception:
    """What the end of a connection means."""
    code = closed.rcvd.code if closed.rcvd is not None else 1006
    if not closing:
        reason = f"the connection was closed ({code})"
        return Failure(f"{reason}.", REFUSED) if code in _FINAL_CODES else _Lost(reason)
    reason = closing["reason"]
    if closing["retry"] == "later":
        return _Lost(f"the server closed the connection: {reason}", closing.get("retry_after", 0))
    known = CODES.get(reason)
    return Failure(f"{reason}: {known.message if known is not None else ''}", REFUSED)


def _denial(error: InvalidStatus) -> Exception:
    """What it means that the server answered the handshake with a status."""
    response = error.response
    if response.status_code == 429 or response.status_code >= 500:
        wait = response.headers.get("Retry-After", "")
        reason = f"the server answered {response.status_code}"
        return _Lost(reason, float(wait) if wait.isdecimal() else 0.0)
    try:
        problem = orjson.loads(response.body or b"")
        sentence = f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        sentence = f"The server answered {response.status_code}: no room is there."
    return Failure(sentence, REFUSED)
