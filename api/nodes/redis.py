"""Redis as a carrier: a channel for each item, and one of what concerns everybody.

By redis-py on the event loop: a thread of its own would cost each hint another switch of threads,
behind whatever else holds the interpreter, and what a hint brings is needed here anyway.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from .carrier import BrokenCarrierError, Message

MAX_BYTES = 1024 * 1024
CONNECT_TIMEOUT = 2.0


class RedisCarrier:
    """Two connections: one publishes, one is subscribed.

    Args:
        url: `redis://` or `rediss://`.
        scope: what the channels of this product's database are called by: Redis has one space of
            channels, whatever the number of the database in its URL.
    """

    bodies = True
    max_bytes = MAX_BYTES

    def __init__(self, url: str, *, scope: str) -> None:
        self._url = url
        self._prefix = f"itemroom:{scope}:".encode()
        self._redis: Any = None  # From `open` to `close`, as the subscribed one.
        self._subscribed: Any = None

    async def open(self) -> None:
        """Connect both."""
        redis: Any = import_module("redis.asyncio")
        with _breaking():
            self._redis = redis.Redis.from_url(
                self._url,
                # By itself it would connect anew in silence; a carrier ends instead.
                retry=redis.retry.Retry(import_module("redis.backoff").NoBackoff(), 0),
                health_check_interval=0,
                socket_connect_timeout=CONNECT_TIMEOUT,
                socket_timeout=None,
                protocol=2,
            )
            await self._redis.ping()
            # Without a handler it would set up logging for the whole process.
            self._subscribed = self._redis.pubsub(push_handler_func=_ignore)
            await self._subscribed.connect()

    async def close(self) -> None:
        """Disconnect both."""
        for connection in filter(None, (self._subscribed, self._redis)):
            with suppress(TimeoutError, BrokenCarrierError), _breaking():
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await connection.aclose()

    async def subscribe(self, topics: Sequence[int]) -> None:
        """One command for all of them."""
        await self._ask("SUBSCRIBE", topics)

    async def unsubscribe(self, topics: Sequence[int]) -> None:
        """Likewise."""
        await self._ask("UNSUBSCRIBE", topics)

    async def _ask(self, command: str, topics: Sequence[int]) -> None:
        # The command alone: what it is subscribed to, redis-py would keep a second time.
        with _breaking():
            await self._subscribed.execute_command(command, *map(self._channel, topics))

    async def send(self, messages: Sequence[Message]) -> None:
        """One round trip for all of them."""
        with _breaking():
            pipeline = self._redis.pipeline(transaction=False)
            for topic, data in messages:
                pipeline.publish(self._channel(topic), data)
            await pipeline.execute()

    async def listen(
        self, heard: Callable[[bytes], None], confirmed: Callable[[int], None]
    ) -> None:
        """Read until it breaks; whether it still says anything is for beats to tell."""
        with _breaking():
            while True:
                kind, channel, data = await self._subscribed.parse_response(block=True)
                if kind == b"message":
                    heard(data)
                elif kind == b"subscribe":
                    confirmed(int(channel.removeprefix(self._prefix)))

    def _channel(self, topic: int) -> bytes:
        return self._prefix + b"%d" % topic


def _ignore(_: object) -> None:
    """Pushes come with a later protocol than the one that is spoken here."""


@contextmanager
def _breaking() -> Iterator[None]:
    error: Any = import_module("redis").RedisError
    try:
        yield
    except (error, OSError) as failure:
        raise BrokenCarrierError(str(failure)) from failure
