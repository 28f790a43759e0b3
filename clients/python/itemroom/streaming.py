"""A message in the making, as its author has it."""

import asyncio
from collections.abc import AsyncIterable, Callable
from types import TracebackType
from typing import Any, Self

from itemroom.core.errors import Refused, describe
from itemroom.core.frames import End
from itemroom.core.growing import Growth
from itemroom.keeper import Keeper

# Code points that may be unacknowledged: a server that is away stops whoever produces them.
MAX_WAITING = 16_384
# Seconds in which an author who is on the way out says why.
FAREWELL = 5.0


class Stream:
    """Adds to a message while others read it: made by `Room.stream`, begun by `async with`.

    Leaving finishes it: as `done`, by an exception as `failed`, by cancellation as `stopped` if
    somebody asked for that. What was added goes on over lost connections, and is there once.
    """

    def __init__(self, keeper: Keeper, body: object, ref: str | None) -> None:
        self._keeper = keeper
        self._body = body
        self._ref = ref
        self._growth: Growth | None = None  # Since it was begun.
        self._changed = asyncio.Event()  # There is news of the growth, or of the room.
        self._endings: list[Callable[[], None]] = []
        self._is_finished = False
        self.stopped = asyncio.Event()
        """Set when somebody wants it to end."""

    @property
    def seq(self) -> int:
        """The message's."""
        return self._begun.target

    @property
    def length(self) -> int:
        """Of its text, as far as that is known to be stored, in code points."""
        return next(iter(self._begun.lengths.values()))

    @property
    def _begun(self) -> Growth:
        if self._growth is None:
            raise RuntimeError("a stream is begun by `async with`")
        return self._growth

    async def append(self, text: str, part: int | None = None) -> None:
        """Add text; waits while too much is not stored yet. Cancelled, it has added nothing.

        Args:
            text: what is added.
            part: the number of one of the body's `parts`; None: the body's own text.

        Raises:
            Refused: the message cannot grow any more.
            ValueError: it is no text; LookupError: there is no such part.
        """
        growth = self._begun
        await self._until(lambda: growth.waiting < MAX_WAITING)
        growth.add(text, part)
        self._keeper.hurry()

    async def flush(self) -> None:
        """Wait until all that was added is stored; raises Refused."""
        growth = self._begun
        await self._until(lambda: growth.waiting == 0)

    async def finish(
        self, state: End = "done", *, error: dict[str, Any] | None = None, body: object = None
    ) -> int:
        """End it, with all that was added; the seq of the end.

        Args:
            state: how it ends.
            error: with `failed`: why, for whoever reads it.
            body: in place of what was added; None: that.

        Raises:
            Refused: it is not, or will not be, stored.
        """
        if self._begun.fault is None or state == "done":
            await self.flush()
        told = {"error": error, "body": body}
        fields = {name: value for name, value in told.items() if value is not None}
        seq = await self._keeper.do("finish", None, target=self.seq, state=state, **fields)
        self._is_finished = True
        return seq

    async def take(self, texts: AsyncIterable[str]) -> End:
        """Add all of them, and finish; as `stopped` as soon as somebody asks for that. How."""
        pouring = asyncio.ensure_future(self._pour(texts))
        stopping = asyncio.ensure_future(self.stopped.wait())
        try:
            await asyncio.wait({pouring, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_whole = pouring.done()
            for task in (pouring, stopping):
                task.cancel()
            await asyncio.gather(pouring, stopping, return_exceptions=True)
        if is_whole:
            pouring.result()
        state: End = "done" if is_whole else "stopped"
        await self.finish(state)
        return state

    async def _pour(self, texts: AsyncIterable[str]) -> None:
        try:
            async for text in texts:
                await self.append(text)
        finally:
            # Left in the middle, a generator would be ended by whoever collects it, or not at all.
            close = getattr(texts, "aclose", None)
            if close is not None:
                await close()

    async def __aenter__(self) -> Self:
        seq = await self._keeper.do("start", self._ref, body=self._body)
        self._growth = Growth(seq, self._body)
        self._keeper.session.growths.begin(self._growth)
        listeners = self._keeper.listeners
        self._endings = [listeners.add(type_, self._tell) for type_ in ("growth", "state")]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._is_finished:
                return
            if error is None:
                await self._leave()
            else:
                await self._give_up(error)
        finally:
            self._keeper.session.growths.end(self._begun)
            for ending in self._endings:
                ending()

    async def _leave(self) -> None:
        try:
            await self.finish()
        except (Refused, asyncio.CancelledError) as error:
            await self._give_up(error)
            raise

    async def _give_up(self, error: BaseException) -> None:
        is_cancelled = isinstance(error, asyncio.CancelledError | GeneratorExit)
        try:
            async with asyncio.timeout(FAREWELL):
                if is_cancelled and self.stopped.is_set():
                    await self.finish("stopped")
                else:
                    await self.finish("failed", error=describe(error))
        except (Refused, TimeoutError):
            pass  # What has ended it is told already; the server ends what has no author.

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while True:
            self._keeper.check()
            if self._begun.fault is not None:
                raise self._begun.fault
            if is_so():
                return
            self._changed.clear()
            await self._changed.wait()

    def _tell(self, _: object) -> None:
        if self._begun.is_stopped:
            self.stopped.set()
        self._changed.set()
