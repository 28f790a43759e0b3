"""The ways of commands to the disk: alone on a database, or beside others who write to it too."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from ..errors import Refusal
from ..store.failures import is_from_outside
from .commands import Job, Jobs
from .events import Event
from .transaction import Memory, Transaction

logger = logging.getLogger("itemroom.writer")


Settle = Callable[[Connection], Sequence[Event]]
"""Finds out which events of a commit are to be told. In no transaction; raises as a `Statement`."""


class Unsettled(Exception):  # noqa: N818 - perhaps all went well
    """The connection ended, and nobody knows whether a commit was stored. Has a cause."""

    def __init__(self, settle: Settle) -> None:
        super().__init__()
        self.settle = settle


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a commit has brought."""

    events: Sequence[Event]
    left: Jobs = ()
    """Those that are still to be done, in another commit."""


class Path(Protocol):
    """Lives in the writer's thread, may block."""

    def parts(self, batch: Jobs) -> Iterable[Jobs]:
        """What is committed together; each is asked for when the one before it is stored."""

    def store(self, connection: Connection, part: Jobs) -> Outcome:
        """Do it, and commit. When it raises, nothing was stored, unless it is Unsettled."""

    def forget(self) -> None:
        """Remember nothing: something failed."""

    def trim(self) -> None:
        """Keep what is remembered bounded."""


class Alone:
    """Nobody else writes: what is remembered is exact, and a batch is one transaction."""

    def __init__(self) -> None:
        self._memory = Memory()

    def parts(self, batch: Jobs) -> Iterable[Jobs]:
        """All at once."""
        return (batch,)

    def store(self, connection: Connection, part: Jobs) -> Outcome:
        """One transaction, with a savepoint for whatever may change rights."""
        transaction = Transaction(connection, self._memory)
        with connection.begin():
            transaction.look_up_refs({ref for job in part for ref in job.command.refs()})
            for job in part:
                if job.command.light:
                    job.apply(transaction)
                else:
                    self._apply_alone(transaction, job)
            transaction.flush()
        return Outcome(transaction.events)

    def _apply_alone(self, transaction: Transaction, job: Job[object]) -> None:
        """Run a command in a savepoint: when it fails, the rest of the batch is untouched."""
        transaction.flush()
        events = len(transaction.events)
        try:
            with transaction.connection.begin_nested():
                job.result = job.command.apply(transaction)
                transaction.flush()
        except Exception as error:
            transaction.discard(events)
            job.fail(refusal_of_command(error))
        finally:
            self._memory.forget()

    def forget(self) -> None:
        """Start over from the database."""
        self._memory.forget()

    def trim(self) -> None:
        """As the memory says."""
        self._memory.trim()


def refusal_of_command(error: Exception) -> Refusal:
    """What a failed command's caller hears; raises what ended the whole transaction.

    A full disk or a held lock ends that, and not the command alone.
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, OperationalError) or is_from_outside(error):
        raise error
    logger.error("a command failed", exc_info=error)
    refusal = Refusal("internal")
    refusal.__cause__ = error
    return refusal
