"""Which servers share this database, as each of them knows. Lives on the event loop."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from sqlalchemy import Connection

from ..outage import Outage
from ..store.failures import DatabaseError
from ..store.sharing import Sharing
from . import roster
from .aside import Aside
from .roster import Identity, Seen

logger = logging.getLogger("itemroom.nodes")

# Seconds between two beats, each of which is also a look at the others.
INTERVAL = 3.0
# Seconds that a beat may take, and at the end the goodbye.
PATIENCE = 5.0
GOODBYE = 1.0
# Milliseconds by which clocks may differ before somebody has to know of it.
MAX_SKEW = 2000


class Registry:
    """This server's beats, between `join` and `leave`, and what is known of the others.

    Args:
        aside: where they are written.
        sharing: has the one clock, and the turn to clean up.
        identity: what this server says of itself.
        former: scopes of secrets that this server has had, and others still may have.
    """

    def __init__(
        self, aside: Aside, sharing: Sharing, identity: Identity, *, former: Sequence[str] = ()
    ) -> None:
        self._aside = aside
        self._sharing = sharing
        self._identity = identity
        self._former = former
        self._outage = Outage(logger)
        self._draining = False
        self._wake = asyncio.Event()
        self._changed: list[Callable[[], None]] = []
        self._task: asyncio.Task[None]
        self.nodes: Sequence[Seen] = ()
        """As the last beat found them, this one among them."""
        self.others: frozenset[str] = frozenset()
        """Boots of those that lived by then, without this one's."""

    @property
    def living(self) -> int:
        """How many servers share what a client may do; 1 at least."""
        return max(1, sum(node.is_alive for node in self.nodes))

    def on_changed(self, changed: Callable[[], None]) -> None:
        """Call when there are other ones than before: one has come, or left, or is dead."""
        self._changed.append(changed)

    async def join(self) -> None:
        """Say that this server is there, and go on to until `leave`.

        Raises:
            DatabaseError: it does not belong to those that are there.
            sqlalchemy.exc.DBAPIError: the database does not take it.
        """
        before = time.time_ns() // 1_000_000
        now = await self._beat()
        after = time.time_ns() // 1_000_000
        for node in await self._find_strangers():
            await self._aside.run(partial(roster.forget, boot=self._identity.boot))
            raise DatabaseError(
                f"{node.name}, a server that runs on this database, has another "
                "ITEMROOM_SECRET or names the database otherwise: they have to agree."
            )
        if not before - MAX_SKEW <= now <= after + MAX_SKEW:
            logger.warning(
                "the database's clock is %+.1f s from this machine's: what expires goes by both",
                (now - after) / 1000,
            )
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _find_strangers(self) -> Sequence[Seen]:
        """Servers that do not belong to this one's, and beat."""
        known = {self._identity.scope, *self._former}
        former = {
            node.boot: node.beat_at
            for node in self.nodes
            if node.is_alive and node.scope not in known
        }
        if former:
            # A row that was put back with the rest of a database a moment ago is no server.
            await asyncio.sleep(INTERVAL * 1.5)
            await self._beat()
        return [node for node in self.nodes if former.get(node.boot, node.beat_at) != node.beat_at]

    async def leave(self) -> None:
        """Be there no longer; whatever the database does, it does not keep the server."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        goodbye = asyncio.ensure_future(
            self._aside.run(partial(roster.forget, boot=self._identity.boot))
        )
        await asyncio.wait({goodbye}, timeout=GOODBYE)
        goodbye.cancel()
        await asyncio.gather(goodbye, return_exceptions=True)

    def drain(self) -> None:
        """From the next beat on, which comes at once, others know that this server ends."""
        self._draining = True
        self._wake.set()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._wake.wait()
            self._wake.clear()
            beat = asyncio.ensure_future(self._beat())
            while not (await asyncio.wait({beat}, timeout=PATIENCE))[0]:
                self._outage.failed("no beat: the database does not answer")
            try:
                await beat
            except Exception as error:
                # A driver's text may have a statement's values; its kind says enough.
                self._outage.failed(f"no beat: {type(error).__name__}")
            else:
                self._outage.worked()

    async def _beat(self) -> int:
        now, nodes = await self._aside.run(self._write)
        self.nodes = nodes
        living = frozenset(node.boot for node in nodes if node.is_alive)
        former, self.others = self.others, living - {self._identity.boot}
        if self.others != former:
            for changed in self._changed:
                changed()
        return now

    def _write(self, connection: Connection) -> tuple[int, Sequence[Seen]]:
        now = roster.beat(connection, self._sharing, self._identity, draining=self._draining)
        nodes = roster.read_nodes(connection, now)
        roster.sweep(connection, self._sharing, nodes)
        return now, nodes
