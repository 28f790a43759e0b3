"""What the writer is asked to do, and what comes of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ..errors import Refusal
from ..rights.access import Access
from .transaction import RefKey, Transaction

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Command(Protocol[T_co]):
    """Something to be done in the writer's transaction.

    A command that checks everything before it first writes, and changes no rights, is `light`:
    it needs no savepoint of its own and leaves the writer's memory valid.
    """

    @property
    def light(self) -> bool:
        """Whether it needs no savepoint, and leaves what the writer remembers valid."""

    @property
    def access(self) -> Access | None:
        """Whose right in which item a light command is judged by; None: by none."""

    def refs(self) -> Sequence[RefKey]:
        """The refs that `apply` will ask for, so that a batch can look them up together."""

    def apply(self, transaction: Transaction) -> T_co:
        """Do it; raises Refusal when it may not be done. Runs in the writer's thread."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """Any function of a transaction as a command."""

    function: Callable[[Transaction], T]
    light: bool = False
    access: Access | None = None

    def refs(self) -> Sequence[RefKey]:
        """No ref: a function that is repeated is done again."""
        return ()

    def apply(self, transaction: Transaction) -> T:
        """Call the function with the transaction."""
        return self.function(transaction)


@dataclass(slots=True)
class Job(Generic[T]):
    """A command in the queue, what came of it, and who wants to know."""

    command: Command[T]
    done: Callable[[T | None, BaseException | None], None]
    result: T | None = None
    error: BaseException | None = None
    locked: bool = False
    """It is stored under locks: what is remembered does not suffice for it."""

    def apply(self, transaction: Transaction) -> None:
        """Do it, or keep why it was refused."""
        self.result = self.error = None
        try:
            self.result = self.command.apply(transaction)
        except Refusal as refusal:
            self.error = refusal

    def fail(self, error: BaseException) -> None:
        """Whatever it was told before: nothing came of it."""
        self.result, self.error = None, error

    def give(self) -> None:
        """Tell who wants to know."""
        self.done(self.result, self.error)


async def executed(
    submit: Callable[[Command[T], Callable[[T | None, BaseException | None], None]], None],
    command: Command[T],
) -> T:
    """Hand a command in and wait for what comes of it. Cancelling does not undo it."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def done(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type] # set by `apply`, None included

    submit(command, done)
    return await future


Jobs = Sequence[Job[Any]]
