"""An issuer's public keys, fetched over HTTP and kept."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2

from ..errors import Refusal
from .keys import PUBLIC_ALGORITHMS, Key, choose, read_jwks

FETCH_TIMEOUT = 5.0  # Seconds for a whole fetch: a handshake waits for it.
MAX_JWKS_BYTES = 256 * 1024
FRESH = 600.0  # Seconds before keys are fetched again: so long a withdrawn key may still count.
RETRY = 30.0  # Seconds between two fetches, whatever tokens name: they come from strangers.
STALE = 86400.0  # Seconds that keys may serve while they cannot be fetched: an issuer's bad day.

logger = logging.getLogger(__name__)


class Jwks:
    """The keys behind a URL. At most one fetch runs at a time, and it belongs to this object.

    Args:
        url: of a JWK set, over HTTP or HTTPS.
        clock: seconds that never go back.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the URL of an issuer's keys must start with https:// or http://")
        self._url = url
        self._clock = clock
        # Redirects are not followed (httpx2's default): they would let another host name keys.
        self._client = httpx2.AsyncClient(timeout=FETCH_TIMEOUT)
        self._keys: tuple[Key, ...] = ()
        self._fetched_at = -math.inf  # When `_keys` came.
        self._tried_at = -math.inf  # When the last fetch began.
        self._failed = False  # How the last fetch ended.
        self._fetch: asyncio.Task[None] | None = None  # While one is under way.

    async def find(self, algorithm: str, kid: str | None) -> Key | None:
        """The key for a header's `alg` and `kid`. Cancelling is safe.

        Raises:
            Refusal: `overloaded` while the keys cannot be fetched and it is not among the old.
        """
        # An HS256 token never gets as far as a public key, nor can it cause a fetch.
        if algorithm not in PUBLIC_ALGORITHMS:
            return None
        key = self._choose(algorithm, kid)
        if (key is None or self._age() > FRESH) and self._may_fetch():
            await self._join_fetch()
            key = self._choose(algorithm, kid)
        if key is None and self._failed:
            wait = max(1.0, self._tried_at + RETRY - self._clock())
            raise Refusal("overloaded", "The issuer's keys cannot be had now.", retry_after=wait)
        return key

    async def aclose(self) -> None:
        """End a fetch that may be under way, and its connection."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait({self._fetch})
        await self._client.aclose()

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _choose(self, algorithm: str, kid: str | None) -> Key | None:
        return choose(self._keys, algorithm, kid) if self._age() <= STALE else None

    def _may_fetch(self) -> bool:
        return self._fetch is not None or self._clock() - self._tried_at >= RETRY

    async def _join_fetch(self) -> None:
        if self._fetch is None:
            self._tried_at = self._clock()
            self._fetch = asyncio.create_task(self._refresh(), name="fetch issuer's keys")
        # `wait` leaves the task alone when this caller is cancelled: others wait for it too, and
        # a stranger who hangs up must not be able to stop the fetch.
        await asyncio.wait({self._fetch})

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                self._keys = read_jwks(await self._download())
            self._fetched_at = self._clock()
            self._failed = False
        except Exception as error:
            # The old keys stay. Whatever failed, the answer is the same: try again later.
            self._failed = True
            logger.warning("an issuer's keys could not be fetched: %r", error)
        finally:
            self._fetch = None

    async def _download(self) -> bytes:
        # Not compressed: a small answer could unfold into a large one before it is measured.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream("GET", self._url, headers=headers) as response:
            if response.status_code != 200:
                raise ValueError(f"expected status 200, got {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_JWKS_BYTES:
                    raise ValueError(f"expected at most {MAX_JWKS_BYTES} bytes")
        return bytes(body)
