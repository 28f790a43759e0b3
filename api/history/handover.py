"""The way from the event loop to the writer's thread: whole turns, one wake-up for each."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from ..errors import Refusal

T = TypeVar("T")


class Handover(Generic[T]):
    """Collects what a turn of the event loop brings, and gives it to one thread at its end.

    An idle thread would otherwise begin with the first of a burst, and all others would wait for
    its sync. A SimpleQueue waits and wakes in C, where a Condition is Python in both threads.

    Args:
        max_waiting: what may wait; one more is refused.
        late: called on the event loop with a turn that came too late for the thread.
    """

    def __init__(self, *, max_waiting: int, late: Callable[[list[T]], None]) -> None:
        self._max_waiting = max_waiting
        self._late = late
        self._turn: list[T] = []
        self._turns: SimpleQueue[list[T] | None] = SimpleQueue()  # None: it is over.
        self._ending = threading.Lock()  # Held where a turn must not come behind the None.
        self.is_ending = False
        """Nothing more is taken."""
        # Since the start: one is counted by the event loop, the other by the thread.
        self.submitted = self._taken = 0
        # The thread's own: what was too much for it at once, and whether the None has come.
        self._left: deque[T] = deque()
        self._is_over = False
        self._loop: asyncio.AbstractEventLoop  # Set by `begin`.

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Before the first `submit`; it comes from this event loop."""
        self._loop = loop

    def submit(self, one: T) -> None:
        """Put it with what else this turn brings. Never blocks. On the event loop.

        Raises:
            Refusal: `busy` when too much waits, `draining` after `end`.
        """
        if self.is_ending:
            raise Refusal("draining")
        if self.submitted - self._taken >= self._max_waiting:
            raise Refusal("busy", retry_after=1)
        if not self._turn:
            self._loop.call_soon(self.end_turn)
        self.submitted += 1
        self._turn.append(one)

    def end_turn(self) -> None:
        """The turn of the event loop is over: wake the thread for all that it brought."""
        turn, self._turn = self._turn, []
        with self._ending:
            if not self.is_ending:
                self._turns.put(turn)
                return
        self._late(turn)  # Told to end in this very turn, the thread may be gone.

    def take(self, most: int, *, wait: float) -> list[T] | None:
        """Wait so many seconds; what is there by then, at most so much. None: it is over.

        In the thread.
        """
        left = self._left
        try:
            while len(left) < most and not self._is_over:
                turn = self._turns.get(block=not left, timeout=wait)
                self._is_over = turn is None
                left += turn or ()
        except Empty:
            pass  # No more than that for now.
        if self._is_over and not left:
            return None
        taken = [left.popleft() for _ in range(min(len(left), most))]
        self._taken += len(taken)
        return taken

    def end(self) -> None:
        """Take nothing more; the thread gets what it has, and then None. From any thread."""
        with self._ending:
            self.is_ending = True
            self._turns.put(None)
