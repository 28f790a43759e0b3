"""Which server delivers for a webhook: one at a time."""

import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection, or_, select, update
from sqlmodel import col

from ..models import Webhook
from ..store.sharing import Sharing

T = TypeVar("T")
Aside = Callable[[Callable[[Connection], Collection[int]]], Awaitable[Collection[int]]]
"""Runs a transaction beside the log."""

# Milliseconds for which a server delivers without having said so again; it says so at every look.
LEASE = 5000
# Seconds of them that it does not use: a call begins, and clocks do not run alike.
MARGIN = 1.0


class Owners(Protocol):
    """Says for which webhooks this server delivers. Lives on the event loop."""

    @property
    def may_send(self) -> bool:
        """Whether what `mine` has said last still holds."""

    async def mine(self, keys: Collection[int]) -> Collection[int]:
        """Those of some webhooks that are this server's from now on.

        Raises:
            sqlalchemy.exc.DBAPIError: nobody knows.
        """

    async def leave(self) -> None:
        """Others may have all of them."""


class Alone:
    """There is no other server."""

    may_send = True

    async def mine(self, keys: Collection[int]) -> Collection[int]:
        """All."""
        return keys

    async def leave(self) -> None:
        """Nobody would come."""


class Leases:
    """Many servers: whoever comes first has a webhook, for as long as it says so.

    Args:
        aside: runs what is written; it may be lost with a crash of the database.
        sharing: has the one clock.
        boot: names this server.
    """

    def __init__(self, aside: Aside, sharing: Sharing, boot: str) -> None:
        self._aside = aside
        self._sharing = sharing
        self._boot = boot
        self._until = 0.0

    @property
    def may_send(self) -> bool:
        """Not after a server has been frozen, or cut off from the database."""
        return time.monotonic() < self._until

    async def mine(self, keys: Collection[int]) -> Collection[int]:
        """Those that it has, and those that nobody has, or whose server is silent."""
        until = time.monotonic() + LEASE / 1000 - MARGIN
        taken = await self._aside(partial(self._take, keys))
        self._until = until
        return taken

    async def leave(self) -> None:
        """Whoever looks next takes them."""
        await self._aside(self._let_go)

    def _take(self, keys: Collection[int], connection: Connection) -> Collection[int]:
        now = self._sharing.now(connection)
        free = or_(col(Webhook.server) == self._boot, col(Webhook.leased_until) <= now)
        # Locked in one order: two servers that look at once must not wait for each other.
        some = (
            select(col(Webhook.key))
            .where(col(Webhook.key).in_(keys), free)
            .order_by(col(Webhook.key))
            .with_for_update(key_share=True)
        )
        found = [row.key for row in connection.execute(some)]
        held = {col(Webhook.server): self._boot, col(Webhook.leased_until): now + LEASE}
        connection.execute(update(Webhook).where(col(Webhook.key).in_(found)).values(held))
        return found

    def _let_go(self, connection: Connection) -> Collection[int]:
        mine = update(Webhook).where(col(Webhook.server) == self._boot)
        free = {col(Webhook.server): None, col(Webhook.leased_until): 0}
        connection.execute(mine.values(free))
        return ()
