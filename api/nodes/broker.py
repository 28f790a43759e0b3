"""The broker of a node: tells others what was committed here, and hears what was elsewhere.

It is quick and never certain: whatever is lost, the database still has (`reconcile`). Lives on the
event loop; its carrier is made anew whenever it breaks, or says nothing any more.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from ..outage import Outage
from .carrier import BrokenCarrierError, Carrier, Message
from .hints import EVERYBODY, Beat, Hint, decode, encode

logger = logging.getLogger("itemroom.nodes")

# Hints that may wait for the carrier: half a second of the most that a writer stores.
MAX_WAITING = 10_000
# Hints and subscriptions that go out together.
MAX_BATCH = 500
# Seconds between two beats, and without hearing one of our own until the carrier is given up: it
# may be stuck in a way that no error shows.
BEAT_INTERVAL = 1.0
SILENCE = 2.5
OPEN_TIMEOUT = 3.0
# Seconds until the next trial, after a first failure and after many.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0


class Listener(Protocol):
    """Who is told what is heard. No call may block."""

    def heard(self, hint: Hint) -> None:
        """Another node has told this."""

    def confirmed(self, item_key: int) -> None:
        """What others tell of this item from now on will be heard."""

    def gap(self) -> None:
        """Something may have been told that was not heard, of any item."""


class Broker:
    """One node's way to all others, between `start` and `close`.

    Args:
        connect: a new carrier, not yet open.
        boot: of this node: what it hears of itself it does not act on.
        place: what carries, for the log; without a password.
        count: told of hints, so many `sent`, `heard`, or `dropped` since they could not be sent.
    """

    def __init__(
        self,
        connect: Callable[[], Carrier],
        *,
        boot: str,
        place: str,
        count: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        self._connect = connect
        self._count = count
        self.boot = boot
        self._outage = Outage(logger)
        self.place = place
        self.is_up = False
        """Whether what is sent now goes out."""
        self.lag = 0.0
        """Seconds that a hint took to come back here, a second ago."""
        self._listener: Listener  # Set by `start`, as the task.
        self._task: asyncio.Task[None]
        self._wanted: set[int] = {EVERYBODY}
        self._wake = asyncio.Event()
        # Since the carrier is open: subscriptions that it does not know of, and what is to be sent.
        self._changed: dict[int, bool] = {}
        self._waiting: deque[Hint] = deque()
        self._confirmed: set[int] = set()  # By the carrier, as long as it lasts.
        self._beat = 0
        self._beat_at = self._heard_at = 0.0

    def start(self, listener: Listener) -> None:
        """Begin to connect, and go on until `close`."""
        self._listener = listener
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Disconnect; what waits is not told."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def subscribe(self, item_key: int) -> None:
        """Hear of an item from some moment on; the listener is told when, again after each gap."""
        self._want(item_key, wanted=True)

    def unsubscribe(self, item_key: int) -> None:
        """Hear of it no longer."""
        self._want(item_key, wanted=False)

    def is_confirmed(self, item_key: int) -> bool:
        """Whether what others tell of an item is heard now, as far as is known."""
        return item_key in self._confirmed

    def send(self, hints: Sequence[Hint]) -> None:
        """Tell the others, soon. Never blocks: what cannot be told is dropped and counted."""
        if not self.is_up or len(self._waiting) + len(hints) > MAX_WAITING:
            self._count("dropped", len(hints))
            return
        self._waiting.extend(hints)
        self._wake.set()

    def _want(self, item_key: int, *, wanted: bool) -> None:
        (self._wanted.add if wanted else self._wanted.discard)(item_key)
        self._confirmed.discard(item_key)
        if self.is_up:
            self._changed[item_key] = wanted
            self._wake.set()

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            carrier = self._connect()
            try:
                await self._carry(carrier)
            except* (BrokenCarrierError, TimeoutError) as errors:
                self._outage.failed(f"{self.place}: nodes are told later: {_reason(errors)}")
            except* Exception:
                logger.exception("%s: nodes are told later", self.place)
            finally:
                was_up, self.is_up = self.is_up, False
                self._confirmed.clear()
                self._count("dropped", len(self._waiting))
                self._waiting.clear()
                await carrier.close()
            pause = FIRST_PAUSE if was_up else min(pause * 2, LONGEST_PAUSE)
            self._listener.gap()
            await asyncio.sleep(pause)

    async def _carry(self, carrier: Carrier) -> None:
        async with asyncio.timeout(OPEN_TIMEOUT):
            await carrier.open()
        self._changed = dict.fromkeys(self._wanted, True)
        self._heard_at = asyncio.get_running_loop().time()
        self.is_up = True
        self._wake.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(carrier.listen(self._take, self._confirm))
            tasks.create_task(self._send(carrier))
            tasks.create_task(self._beats())

    async def _send(self, carrier: Carrier) -> None:
        """Subscriptions first: what follows from a hint's answer must not be missed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, {}
            async with asyncio.timeout(SILENCE):
                await self._subscribe(carrier, changed)
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
                messages = self._messages(carrier, taken)
                async with asyncio.timeout(SILENCE):
                    await carrier.send(messages)

    async def _subscribe(self, carrier: Carrier, changed: dict[int, bool]) -> None:
        for wanted, change in ((True, carrier.subscribe), (False, carrier.unsubscribe)):
            topics = [topic for topic, is_wanted in changed.items() if is_wanted == wanted]
            for start in range(0, len(topics), MAX_BATCH):
                await change(topics[start : start + MAX_BATCH])

    def _messages(self, carrier: Carrier, hints: Sequence[Hint]) -> list[Message]:
        encoded = [
            (hint.item_key, encode(hint, self.boot, bodies=carrier.bodies)) for hint in hints
        ]
        messages = [message for message in encoded if len(message[1]) <= carrier.max_bytes]
        self._count("sent", len(messages))
        self._count("dropped", len(encoded) - len(messages))
        return messages

    async def _beats(self) -> None:
        """Tell ourselves something now and then, and see that it comes."""
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() - self._heard_at > SILENCE:
                raise BrokenCarrierError(f"it has said nothing for {SILENCE} seconds")
            self._beat += 1
            self._beat_at = loop.time()
            self.send([Beat(self._beat)])
            await asyncio.sleep(BEAT_INTERVAL)

    def _take(self, data: bytes) -> None:
        told = decode(data)
        if told is None:
            return
        hint = told.hint
        if told.boot == self.boot:
            if hint == Beat(self._beat):
                self._heard_at = asyncio.get_running_loop().time()
                self.lag = self._heard_at - self._beat_at
                self._outage.worked()
        # Some carriers bring all that anybody tells.
        elif hint.item_key in self._wanted and not isinstance(hint, Beat):
            self._count("heard", 1)
            self._listener.heard(hint)

    def _confirm(self, topic: int) -> None:
        if topic in self._confirmed:
            # The carrier has connected anew by itself, and says nothing of what was lost meanwhile.
            self._listener.gap()
        if topic in self._wanted:
            self._confirmed.add(topic)
            self._listener.confirmed(topic)


def _reason(errors: BaseException) -> str:
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    # A deadline says nothing by itself.
    return str(errors) or "it has not answered in time"
