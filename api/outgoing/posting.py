"""One bounded POST to a program of the product's."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ssl import create_default_context
from urllib.parse import urlsplit

import httpcore2

from .guard import Guard

MAX_URL_LENGTH = 2000


class Unanswered(Exception):  # noqa: N818 - the fault is not ours
    """No answer came, or none that could be taken. Its text is a sentence that may be shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said."""

    status: int
    body: bytes
    retry_after: float | None = None
    """Seconds after which it wants to be called again; None: it does not say."""


class Poster:
    """Sends bodies of JSON to programs. `close()` it at the end.

    Redirects are not followed, and a proxy that the environment names is not asked: either would
    connect where nobody checked.

    Args:
        private: whether this machine and its network may be called.
        timeout: seconds for a whole call, from the name to the answer's last byte.
        max_answer_bytes: of an answer's body.
        connections: at most, to all programs together; further calls wait, within their timeout.
    """

    def __init__(
        self, *, private: bool, timeout: float, max_answer_bytes: int, connections: int
    ) -> None:
        self._timeout = timeout
        self._max_answer_bytes = max_answer_bytes
        self._guard = Guard(private=private)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=create_default_context(),
            max_connections=connections,
            keepalive_expiry=30,
            network_backend=self._guard,
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to a body, whatever its status. Cancelling is safe.

        Args:
            url: a checked one; see `checked_url`.
            body: JSON.
            headers: beside those that every call has.

        Raises:
            Unanswered: why there is none.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(url, body, headers)
        except TimeoutError as error:
            raise Unanswered(f"No answer within {self._timeout:g} s.") from error
        except httpcore2.NetworkError as error:
            raise Unanswered(f"No connection: {str(error) or type(error).__name__}.") from error
        except (httpcore2.ProtocolError, httpcore2.TimeoutException) as error:
            raise Unanswered(f"The answer is no HTTP: {error}.") from error

    async def close(self) -> None:
        """End what is open."""
        await self._pool.aclose()
        self._guard.close()

    async def _exchange(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        every = {
            "Content-Type": "application/json",
            "User-Agent": "Itemroom",
            # A small answer could unfold into a large one before it is measured.
            "Accept-Encoding": "identity",
        }
        sent = list((every | dict(headers)).items())
        async with self._pool.stream("POST", url, headers=sent, content=body) as response:
            answer = bytearray()
            async for chunk in response.aiter_stream():
                answer += chunk
                if len(answer) > self._max_answer_bytes:
                    raise Unanswered(f"The answer is longer than {self._max_answer_bytes} bytes.")
        return Answer(response.status, bytes(answer), _retry_after(response.headers))


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Of seconds, or of a date: RFC 9110, section 10.2.3."""
    for name, value in headers:
        if name.lower() == b"retry-after":
            text = value.decode("latin-1").strip()
            if text.isdecimal():
                return float(text)
            try:
                return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
            except (ValueError, OverflowError):
                return None
    return None


def checked_url(text: str) -> str:
    """The URL of a program that may be called, as it was given.

    Raises:
        ValueError: a sentence that says what it should be.
    """
    if not _is_whole(text):
        raise ValueError("expected a URL as https://shop.example/hooks, in ASCII")
    if "@" in text or "#" in text:
        raise ValueError("expected a URL without a password, a fragment and an @")
    if len(text) > MAX_URL_LENGTH:
        raise ValueError(f"expected at most {MAX_URL_LENGTH} characters")
    return text


def _is_whole(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # Reading the port judges it.
        named = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(named) and text.isascii() and text.isprintable() and " " not in text
