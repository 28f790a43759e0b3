"""How a connection is made: a socket of a room's own, or a place at one that others have too."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from itemroom.core import verdicts
from itemroom.core.errors import Refused
from itemroom.credentials import Credentials
from itemroom.denials import ask_for_denial

# Bytes. A server may allow large bodies; whatever else it says is far below.
MAX_FRAME_BYTES = 16 * 2**20
# Seconds for a farewell, which a server that works answers at once.
CLOSE_TIMEOUT = 2.0


class Transport(Protocol):
    """What a channel goes through."""

    def abort(self) -> None:
        """Lose it at once, as a network would."""


class Channel(Protocol):
    """What frames come and go by."""

    @property
    def transport(self) -> Transport:
        """What it goes through."""

    async def recv(self) -> str | bytes:
        """The next frame; raises ConnectionClosed or Refused."""

    async def send(self, message: str) -> None:
        """One frame; raises ConnectionClosed."""

    async def close(self) -> None:
        """Say goodbye."""


Open = Callable[[Mapping[str, str]], Awaitable[Channel]]
"""Makes one, given where in the log to begin; raises Refused."""


async def open_socket(
    url: str, credentials: Credentials, query: Mapping[str, str]
) -> ClientConnection:
    """A socket of one's own.

    Raises:
        Refused: there is none to be had.
    """
    shown = await credentials.show()
    try:
        return await connect(
            f"{url}?{urlencode(dict(query) | shown.query)}",
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
            told = await ask_for_denial(url, shown)
            # An answer that is no problem either tells less than the first one did.
            if told is not None and not told.code.startswith("http_"):
                refused = told
        raise refused from denied
    except OSError as error:
        raise _unreachable(url, error) from error
    except (EOFError, WebSocketException) as error:
        told = await ask_for_denial(url, shown)
        raise told or _unreachable(url, error) from error


def farewell(closed: ConnectionClosed) -> Refused:
    """What the end of a connection means that no `closing` frame explains."""
    if closed.rcvd is not None:
        return verdicts.closed(closed.rcvd.code)
    if closed.sent is not None and closed.sent.code == 1009:
        return verdicts.closed(1009)  # It would be sent, and be too large for us, again.
    return verdicts.closed(None)


def _unreachable(url: str, error: Exception) -> Refused:
    reason = str(error) or type(error).__name__
    return Refused("unreachable", f"{url} cannot be reached: {reason}.", retry="later")
