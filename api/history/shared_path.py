"""The way to the disk beside others: what is remembered counts while its versions stand.

Messages of those who are remembered are swapped in, by one statement that asks for the versions.
Where they have moved, and for all else that members do, items and users are held in the order of
their keys, and what others have changed is forgotten. Everything else runs in a transaction of its
own, which holds whatever it judges by.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from math import inf
from typing import Any, cast

from sqlalchemy import Connection

from ..rights.access import clock_ms
from ..store.failures import is_busy, is_taken, is_unsettled
from ..store.sharing import Sharing
from .commands import Command, Job, Jobs
from .doubts import settled
from .events import Event
from .mentions import may_mention
from .messages import Publish
from .paths import Outcome, Unsettled, refusal_of_command
from .transaction import Memory, Transaction

Conflict = Callable[[str, int], None]
"""Told what came between, `moved`, `taken` or `busy`, and how many commands are begun anew."""
# Seconds for which an item that somebody else has just moved is locked first.
CONFLICT_LASTS = 0.5
# Conflicts that are remembered; beyond, those that are over are forgotten.
MAX_CONFLICTS = 1000


class Shared:
    """Beside others.

    Args:
        sharing: how they are kept off.
        conflict: told, in the writer's thread, when they were first.
    """

    def __init__(self, sharing: Sharing, conflict: Conflict) -> None:
        self._sharing = sharing
        self._conflict = conflict
        self._memory = Memory()
        self._conflicts: dict[int, float] = {}  # By item, when there was one last.

    def parts(self, batch: Jobs) -> Iterable[Jobs]:
        """What can be swapped in, then what needs locks; any other by itself.

        A room's commands keep their order: all that there are of it go one way.
        """
        for light, jobs in groupby(batch, key=lambda job: job.command.light):
            if light:
                yield from filter(None, self._divided(list(jobs)))
            else:
                yield from ([job] for job in jobs)

    def _divided(self, jobs: Jobs) -> tuple[Jobs, Jobs]:
        now_ms = clock_ms()
        barred: set[int | None] = {
            _item_of(job) for job in jobs if not self._is_remembered(job.command, now_ms)
        }
        locked = [job for job in jobs if _item_of(job) in barred]
        for job in locked:
            job.locked = True
        return [job for job in jobs if not job.locked], locked

    def _is_remembered(self, command: Command[Any], now_ms: int) -> bool:
        """Whether it can be stored without a look at the database."""
        # Whom a message names is stored by a statement of its own, in the same transaction.
        if not isinstance(command, Publish) or may_mention(command.body):
            return False
        memory, access = self._memory, command.access
        return (
            access.item_key in memory.heads
            and memory.recall(access.principal, access.item_id, now_ms) is not None
            and time.monotonic() - self._conflicts.get(access.item_key, -inf) > CONFLICT_LASTS
        )

    def store(self, connection: Connection, part: Jobs) -> Outcome:
        """One commit: a swap, or a transaction that is tried twice."""
        if not part[0].command.light:
            return self._store_alone(connection, part)
        if not part[0].locked:
            return self._swap(connection, part)
        return Outcome(self._persevere(connection, part, self._apply_held))

    def _store_alone(self, connection: Connection, part: Jobs) -> Outcome:
        try:
            return Outcome(self._persevere(connection, part, _apply))
        except Unsettled:
            raise
        except Exception as error:
            part[0].fail(refusal_of_command(error))
            return Outcome(())

    def _persevere(
        self, connection: Connection, part: Jobs, act: Callable[[Transaction, Jobs], None]
    ) -> Sequence[Event]:
        """Try it, and once more if others came between.

        Of two who wait for each other one is refused, and an index has the last word on what there
        may be once. The second time all that others did is seen.
        """
        try:
            return self._attempt(connection, part, act)
        except Exception as error:
            if not _is_rivalry(error):
                raise
            self._conflict(_rivalry(error), len(part))
        self._memory.forget()
        return self._attempt(connection, part, act)

    def _attempt(
        self, connection: Connection, part: Jobs, act: Callable[[Transaction, Jobs], None]
    ) -> Sequence[Event]:
        # What a command of its own judges by is read anew, under its locks.
        memory = self._memory if part[0].command.light else self._memory.fresh()
        transaction = Transaction(connection, memory, self._sharing)
        with self._doubted(transaction), connection.begin():
            act(transaction, part)
            transaction.flush()
        self._memory.moment = memory.moment
        return transaction.events

    def _apply_held(self, transaction: Transaction, part: Jobs) -> None:
        accesses = [job.command.access for job in part if job.command.access is not None]
        held = self._sharing.hold(
            transaction.connection,
            sorted({access.item_key for access in accesses}),
            sorted({user_key for access in accesses for user_key in access.users}),
        )
        self._memory.learn(held, accesses)
        transaction.look_up_refs({ref for job in part for ref in job.command.refs()})
        for job in part:
            job.apply(transaction)

    def _swap(self, connection: Connection, part: Jobs) -> Outcome:
        transaction = Transaction(connection, self._memory, self._sharing)
        transaction.presume_new(ref for job in part for ref in job.command.refs())
        for job in part:
            job.apply(transaction)
        if any(job.error is not None for job in part):
            # Perhaps by rights that somebody has raised since: only the database may refuse.
            return Outcome((), self._left(part))
        judged = [_publish(job).authorize(transaction) for job in part]
        try:
            with self._doubted(transaction):
                stored = transaction.swap(self._sharing, judged)
        except Exception as error:
            # Of an index: somebody's ref is not new. Nothing was stored.
            if not _is_rivalry(error):
                raise
            self._conflict(_rivalry(error), len(part))
            return Outcome((), self._left(part))
        left = [job for job in part if _publish(job).access.item_key not in stored]
        if left:
            self._conflict("moved", len(left))
        return Outcome(transaction.events, self._left(left))

    def _left(self, jobs: Jobs) -> Jobs:
        """Nothing of these items was stored, and what is remembered of their heads is wrong."""
        now = time.monotonic()
        if len(self._conflicts) > MAX_CONFLICTS:
            lasting = self._conflicts.items()
            self._conflicts = {key: at for key, at in lasting if now - at <= CONFLICT_LASTS}
        for job in jobs:
            item_key = _publish(job).access.item_key
            job.locked = True
            self._memory.heads.pop(item_key, None)
            self._conflicts[item_key] = now
        return jobs

    @contextmanager
    def _doubted(self, transaction: Transaction) -> Iterator[None]:
        """A commit, of which nobody knows what became when the connection ends with it."""
        try:
            yield
        except Exception as error:
            if is_unsettled(error):
                told = transaction.events
                raise Unsettled(partial(settled, events=told, sharing=self._sharing)) from error
            raise

    def forget(self) -> None:
        """Start over from the database."""
        self._memory.forget()

    def trim(self) -> None:
        """As the memory says."""
        self._memory.trim()


def _apply(transaction: Transaction, part: Jobs) -> None:
    job: Job[Any] = part[0]
    job.result = job.command.apply(transaction)


def _item_of(job: Job[Any]) -> int | None:
    access = job.command.access
    return None if access is None else access.item_key


def _publish(job: Job[Any]) -> Publish:
    """What is swapped in is nothing else."""
    return cast("Publish", job.command)


def _rivalry(error: Exception) -> str:
    """Which of the two it was; a `ref` that is taken is a client's retry most often."""
    return "taken" if is_taken(error) else "busy"


def _is_rivalry(error: Exception) -> bool:
    """Whether somebody else was there at the same time, and nothing was stored."""
    return not isinstance(error, Unsettled) and (is_busy(error) or is_taken(error))
