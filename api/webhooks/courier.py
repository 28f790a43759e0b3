"""Who delivers all webhooks that are this server's: a route for each."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from ..errors import Refusal
from ..history.commits import Commits
from ..history.events import EntryStored, Event
from ..history.writer import Writer
from ..metrics import Metrics
from ..nodes.joining import Nodes
from ..outage import Outage
from ..outgoing.posting import Poster
from ..rights.access import clock_ms
from ..store.readers import Readers
from .due import Backlog
from .hooks import MAX_WEBHOOKS, Hook, Reason, load_hooks, pause
from .owners import Alone, Leases, Owners
from .route import AT_ONCE, Office, Route
from .sending import Verdict, send_test

logger = logging.getLogger("itemroom.webhooks")

# Seconds for a whole call, as Standard Webhooks advises at the least.
TIMEOUT = 10.0
# Nobody reads what a receiver says; more than this is no receiver's answer.
MAX_ANSWER_BYTES = 64 * 1024
# Seconds between two looks at which webhooks there are, and whose: a server that is dead is
# missed for as long as its lease lasts, and this.
LOOK = 1.5
# Seconds that others have to be told that they may deliver from now on.
GOODBYE = 1.0


class Courier:
    """Owns the routes, between `start` and `stop`. Lives on the event loop."""

    def __init__(
        self, readers: Readers, writer: Writer, poster: Poster, owners: Owners, metrics: Metrics
    ) -> None:
        self._office = Office(readers, writer, poster, owners, lambda: len(self._routes), metrics)
        self._routes: dict[int, tuple[Route, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._outage = Outage(logger)
        self._task: asyncio.Task[None]
        metrics.webhook_entries_due.set_function(
            lambda: sum(backlog.entries for backlog in self._backlogs())
        )
        metrics.webhook_lag.set_function(self._lag)

    def _backlogs(self) -> list[Backlog]:
        return [route.backlog for route, _ in self._routes.values()]

    def _lag(self) -> float:
        moments = [one.oldest_at for one in self._backlogs() if one.oldest_at is not None]
        return max(0.0, (clock_ms() - min(moments)) / 1000) if moments else 0.0

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="itemroom-webhooks")

    async def stop(self) -> None:
        """End at once; what was on its way is sent again by who delivers next."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for key in list(self._routes):
            await self._end(key)
        with suppress(Exception):
            async with asyncio.timeout(GOODBYE):
                await self._office.owners.leave()

    def committed(self, events: Sequence[Event]) -> None:
        """The writer has committed these: what was stored is to be sent."""
        if self._routes:
            items = {event.entry.item_key for event in events if isinstance(event, EntryStored)}
            for route, _ in self._routes.values() if items else ():
                route.tell(items)

    def changed(self) -> None:
        """Webhooks are not what they were: look at once."""
        self._changed.set()

    async def test(self, hook: Hook) -> Verdict:
        """Send something that is no entry, now."""
        verdict = await send_test(self._office.poster, hook)
        self._office.metrics.called(verdict.outcome, verdict.seconds)
        return verdict

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Refusal:
                pass  # Who reads the database has logged why.
            except Exception as error:
                # A driver's text may have a statement's values; its kind says enough.
                self._outage.failed(f"webhooks are not looked at: {type(error).__name__}")
            else:
                self._outage.worked()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._changed.wait()
            self._changed.clear()

    async def _look(self) -> None:
        hooks, broken = await self._office.readers.read(load_hooks, clock_ms())
        self._office.metrics.webhooks_paused.set(broken)
        for hook in hooks:
            if hook.bound == {}:
                ended = partial(pause, key=hook.key, reason=Reason.KEY_ENDED)
                await self._office.writer.call(ended, light=True)
        living = {hook.key: hook for hook in hooks if hook.bound != {}}
        mine = await self._office.owners.mine(living) if living else ()
        for key, (route, task) in list(self._routes.items()):
            if task.done() or key not in mine or living[key] != route.hook:
                await self._end(key)
        for key in mine:
            if key not in self._routes:
                route = Route(living[key], self._office)
                task = asyncio.create_task(route.run(), name=f"itemroom-webhook-{key}")
                self._routes[key] = (route, task)

    async def _end(self, key: int) -> None:
        _, task = self._routes.pop(key)
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, Exception):
            logger.error("a webhook's deliveries failed, and begin anew", exc_info=ended)


@asynccontextmanager
async def delivering(
    readers: Readers,
    writer: Writer,
    commits: Commits,
    nodes: Nodes | None,
    metrics: Metrics,
    *,
    boot: str,
    private: bool,
) -> AsyncIterator[Courier]:
    """Deliver what is stored, for the length of a block.

    Args:
        readers: of the database.
        writer: of the database.
        commits: tell what is stored here.
        nodes: the other servers; None: there are none.
        metrics: count calls, and what is due.
        boot: of this server.
        private: whether receivers may be on this machine and its network.
    """
    poster = make_poster(private=private)
    owners: Owners = Alone() if nodes is None else Leases(nodes.aside.run, nodes.sharing, boot)
    courier = Courier(readers, writer, poster, owners, metrics)
    commits.listen(courier.committed)
    courier.start()
    try:
        yield courier
    finally:
        await courier.stop()
        await poster.close()


def make_poster(*, private: bool) -> Poster:
    """What calls receivers; `private`: also on this machine and its network."""
    return Poster(
        private=private,
        timeout=TIMEOUT,
        max_answer_bytes=MAX_ANSWER_BYTES,
        # So many that no receiver's calls ever wait for another's.
        connections=MAX_WEBHOOKS * AT_ONCE,
    )
