"""The way to the disk beside others: what is remembered counts while its versions stand.

Commands of members hold their items and users, in the order of their keys, and forget what others
have changed. Everything else runs in a transaction of its own, which holds whatever it judges by.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from api.history.commands import Job, Jobs
from api.history.doubts import settled
from api.history.events import Event
from api.history.paths import Outcome, Unsettled, refusal_of_command
from api.history.transaction import Memory, Transaction
from api.store.failures import is_busy, is_taken, is_unsettled
from api.store.sharing import Sharing


class Shared:
    """Beside others; `sharing` says how they are kept off."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self._memory = Memory()

    def parts(self, batch: Jobs) -> Iterable[Jobs]:
        """Those of members together, in the order in which they came; any other by itself."""
        for light, jobs in groupby(batch, key=lambda job: job.command.light):
            if light:
                yield list(jobs)
            else:
                yield from ([job] for job in jobs)

    def store(self, connection: Connection, part: Jobs) -> Outcome:
        """One transaction."""
        act = self._apply_held if part[0].command.light else self._apply_alone
        try:
            return Outcome(self._attempt(connection, part, act))
        except Exception as error:
            # Others came between: of two who wait for each other one is refused, and an index
            # has the last word on what there may be once. A second time all of it is seen.
            if not (is_busy(error) or is_taken(error)):
                return self._failed(part, error)
        self._memory.forget()
        try:
            return Outcome(self._attempt(connection, part, act))
        except Exception as error:
            return self._failed(part, error)

    def _failed(self, part: Jobs, error: Exception) -> Outcome:
        """One that was alone is told what its own failure is; raises every other."""
        if part[0].command.light:
            raise error
        part[0].fail(refusal_of_command(error))
        return Outcome(())

    def _attempt(
        self, connection: Connection, part: Jobs, act: Callable[[Transaction, Jobs], None]
    ) -> Sequence[Event]:
        # What a command of its own judges by is read anew, under its locks.
        memory = self._memory if part[0].command.light else self._memory.fresh()
        transaction = Transaction(connection, memory, self._sharing)
        try:
            with connection.begin():
                act(transaction, part)
                transaction.flush()
        except Exception as error:
            if is_unsettled(error):
                raise Unsettled(transaction.events) from error
            raise
        return transaction.events

    def _apply_held(self, transaction: Transaction, part: Jobs) -> None:
        accesses = [job.command.access for job in part if job.command.access is not None]
        held = self._sharing.hold(
            transaction.connection,
            sorted({access.item_key for access in accesses}),
            sorted({access.principal.user_key for access in accesses}),
        )
        self._memory.learn(held, accesses)
        transaction.look_up_refs({ref for job in part for ref in job.command.refs()})
        for job in part:
            job.apply(transaction)

    def _apply_alone(self, transaction: Transaction, part: Jobs) -> None:
        job: Job[Any] = part[0]
        job.result = job.command.apply(transaction)

    def settle(self, connection: Connection, events: Sequence[Event]) -> Sequence[Event]:
        """Under the locks of the items: whoever still has them has not ended."""
        return settled(connection, events, self._sharing)

    def forget(self) -> None:
        """Start over from the database."""
        self._memory.forget()

    def trim(self) -> None:
        """As the memory says."""
        self._memory.trim()
