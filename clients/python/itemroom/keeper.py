"""Keeps a room connected: one connection after the other, and the waits between them."""

import asyncio
import time
from functools import partial
from typing import Literal, NamedTuple

from itemroom.core.entries import Event, Gap
from itemroom.core.errors import Refused
from itemroom.core.session import Session
from itemroom.credentials import Credentials
from itemroom.delivery import Delivery
from itemroom.link import Link
from itemroom.listeners import Listeners
from itemroom.opening import Open
from itemroom.renewal import Renewal

State = Literal["connecting", "resuming", "live", "waiting", "refused", "closed"]


class Change(NamedTuple):
    """A new state of a room, and what led to it."""

    state: State
    reason: str = ""
    """The code of `error`."""
    retry_at: float | None = None
    """While waiting: when the next connection will be tried, as `time.time()` has it."""
    error: Refused | None = None


class Keeper:
    """The life of a room, from entering it to its end.

    Args:
        open_: makes each connection.
        patience: seconds for which the first welcome is waited for; None: as long as it takes.
    """

    def __init__(
        self,
        open_: Open,
        session: Session,
        credentials: Credentials,
        delivery: Delivery,
        *,
        patience: float | None,
    ) -> None:
        self.session = session
        self.delivery = delivery
        delivery.when_relieved = self._relieved
        delivery.when_reached = self._reached
        self.listeners = Listeners()
        self.change = Change("connecting")
        self._link = Link(open_, session, self._happened)
        failed = partial(self.listeners.tell, "error")
        self._renewal = Renewal(credentials, renewed=self._renewed, failed=failed)
        self._patience = patience
        # To commands, by ref; more than one, where a command was given again.
        self._answers: dict[str, set[asyncio.Future[int]]] = {}
        self._end: Exception | None = None  # Set when there will be no more connections.
        self._task: asyncio.Task[None] | None = None  # Set by `enter`.
        self._welcomed = asyncio.Event()  # Also set when there never will be a welcome.
        self._hurry = asyncio.Event()  # Do not wait for the next connection.

    async def enter(self) -> None:
        """Connect, and wait for the first welcome; leaves nothing behind when that fails.

        Raises:
            Refused: there will be none.
        """
        if self._task is not None or self._end is not None:
            raise RuntimeError("a room can be entered once")
        self._task = asyncio.create_task(self._run())
        try:
            await self._welcomed.wait()
        except asyncio.CancelledError:
            await self.close()
            raise
        if self._end is not None:
            raise self._end

    async def close(self) -> None:
        """End all; may come twice."""
        await self._renewal.stop()
        self._stop()
        if self._task is not None:
            await asyncio.wait([self._task])
        self._finish("closed", Refused("closed", "The room was closed."))

    async def do(self, type_: str, ref: str | None, **fields: object) -> int:
        """Give a command, and wait until it is settled; cancelling withdraws it.

        Raises:
            Refused: it is not, or will not be, stored.
            ValueError, TypeError: it is not JSON.
        """
        self.check()
        ref = self.session.command(type_, ref, **fields)
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._answers.setdefault(ref, set()).add(answer)
        self.hurry()
        try:
            return await answer
        except asyncio.CancelledError:
            self._withdraw(ref, answer)
            raise

    def _withdraw(self, ref: str, answer: asyncio.Future[int]) -> None:
        waiting = self._answers.get(ref, set())
        # Settled in this very moment, the ref may be another command's already.
        if answer not in waiting:
            return
        waiting.remove(answer)
        if not waiting:
            del self._answers[ref]
            self.session.outbox.settle(ref)

    def check(self) -> None:
        """Raise Refused if there will be no more connections."""
        if self._end is not None:
            raise _refusal(self._end)

    def hurry(self) -> None:
        """The session has something to be stored."""
        if self.change.reason == "buffer_full":
            self._hurry.set()  # Whoever reads may be waiting for the answer to this.
        self._link.wake()

    def wake(self) -> None:
        """The session has something to send."""
        self._link.wake()

    def reconnect(self) -> None:
        """Drop the connection, or stop waiting for one, and resume as soon as the server allows."""
        self._hurry.set()
        self._link.drop()

    async def _run(self) -> None:
        began = time.monotonic()
        try:
            while True:
                if not self.session.cursor.is_deaf:
                    self._to(Change("connecting"))
                try:
                    await self._link.run()
                except Refused as refused:
                    wait = self.session.ended(refused)
                    elapsed = time.monotonic() - began
                    if self._is_out_of_patience(elapsed + wait):
                        raise
                    await self._wait(refused, wait)
        except Refused as refused:
            self._finish("refused", refused)
        except Exception as error:
            # What a listener has raised comes out of the room, wherever it is used.
            self._finish("closed", error)

    def _is_out_of_patience(self, seconds: float) -> bool:
        if self._patience is None or self._welcomed.is_set():
            return False
        return seconds > self._patience

    async def _wait(self, refused: Refused, seconds: float) -> None:
        if refused.code == "buffer_full":
            self._to(Change("waiting", refused.code, None, refused))
            if self.session.is_idle:
                await self._hurry.wait()
            self._hurry.clear()
            return
        self._to(Change("waiting", refused.code, time.time() + seconds, refused))
        least = refused.retry_after or 0.0
        await asyncio.sleep(least)  # The server's own word, also to whoever is in a hurry.
        try:
            async with asyncio.timeout(seconds - least):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _to(self, change: Change) -> None:
        self.change = change
        self.listeners.tell("state", change)

    def _finish(self, state: State, error: Exception) -> None:
        if self._end is not None:
            return
        self._end = error
        refused = _refusal(error)
        for ref in list(self._answers):
            self.session.outbox.settle(ref)
            self._settled(ref, refused)
        self.delivery.end(error)
        self._welcomed.set()
        self._to(Change(state, refused.code, None, refused))
        if state == "refused":
            self.listeners.tell("refused", refused)

    def _happened(self, event: Event) -> None:
        if self.session.cursor.is_deaf and event.type in ("welcome", "live"):
            return  # A connection for commands alone: the room waits for whoever reads.
        match event.type:
            case "settled":
                self._settled(*event.detail)
                return
            case "welcome":
                self._hurry.clear()
                cursor = self.session.cursor
                self.delivery.begin(cursor.after or 0, cursor.epoch)
                self._to(Change("resuming"))
                self._welcomed.set()
            case "gap":
                self.delivery.gap(event.detail)  # Told when whoever reads gets to it.
                return
            case "live":
                self._to(Change("live"))
            case "entry":
                self.delivery.put(event.detail)
                if not self.delivery.is_kept:
                    self.session.texts.prune(event.detail.seq)
            case "expiring":
                self._renewal.begin(event.detail["in"])
        self.listeners.tell(event.type, event.detail)
        if self.delivery.is_full and not self.session.cursor.is_deaf:
            self.session.cursor.is_deaf = True
            raise Refused("buffer_full", "Entries wait to be read.", retry="later")

    def _reached(self, gap: Gap) -> None:
        """What was built from the entries before this is void."""
        try:
            self.listeners.tell("gap", gap)
        except Exception as error:
            # Told out of the iterator, it would not end what keeps the room.
            self._finish("closed", error)
            self._stop()
            raise

    def _relieved(self) -> None:
        """There is room for what was left in the log."""
        self.session.texts.prune(self.delivery.seq or 0)
        if self.session.cursor.is_deaf:
            self.session.cursor.is_deaf = False
            self.reconnect()

    def _settled(self, ref: str | None, result: int | Refused) -> None:
        for answer in self._answers.pop(ref or "", ()):
            if answer.done():
                continue  # Nobody waits for it any more.
            if isinstance(result, Refused):
                answer.set_exception(result)
            else:
                answer.set_result(result)

    def _renewed(self, token: str) -> None:
        self.session.renew(token)
        self._link.wake()


def _refusal(error: Exception) -> Refused:
    """What a command is told that a room's end has overtaken."""
    if isinstance(error, Refused):
        return error
    return Refused("closed", f"The room ended with {type(error).__name__}.")
