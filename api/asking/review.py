"""May this be stored? The product's answer, before a message or its edit goes to the writer."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import orjson
from sqlalchemy import Connection, Select, select
from sqlmodel import col

from ..errors import Refusal
from ..history.bodies import encode_body
from ..history.commands import Command, executed
from ..history.messages import Change, Edit, Publish
from ..history.streams import Start
from ..history.transaction import find_refs
from ..history.writer import Writer
from ..models import User
from ..outgoing.posting import Unanswered
from ..settings import Settings
from ..store.readers import Readers
from ..store.statements import statement
from .product import Product

NOES = (403, 422)
MAX_REASON_LENGTH = 500  # Characters of what the product says to an author.
MAX_WAITING = 4096  # Commands that wait for answers, or behind one that does.

logger = logging.getLogger("itemroom.asking")
T = TypeVar("T")
Said = Publish | Edit
"""What the product is asked about."""
Line = tuple[int, int]
"""An item and a user: what they do there is stored in their order."""


class Desk(Protocol):
    """Where members' commands are handed in: the writer, or who asks the product first."""

    def submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        """As `Writer.submit`."""

    async def execute(self, command: Command[T]) -> T:
        """As `Writer.execute`."""


@dataclass(slots=True)
class _Waiting:
    command: Command[Any]
    done: Callable[[Any, BaseException | None], None]
    is_ready: bool = False
    refusal: Refusal | None = field(default=None)


class Review:
    """Before the writer: asks of what people say, and keeps the order in which they said it.

    What a service key stores is the product's own, and nobody is asked. `close()` it at the end.

    Args:
        url: of the program that answers.
        settings: bounds of bodies, and what becomes of messages while it does not answer.
    """

    def __init__(
        self, writer: Writer, readers: Readers, product: Product, url: str, settings: Settings
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._product = product
        self._url = url
        self._settings = settings
        self._lines: dict[Line, deque[_Waiting]] = {}
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        """As `Writer.submit`, after the product was asked.

        Raises:
            Refusal: `busy`, or as `Writer.submit`.
        """
        given: object = command
        if not isinstance(given, Change):
            self._writer.submit(command, done)
            return
        is_key = given.access.principal.credential.kind == "key"
        if isinstance(given, Start) and not is_key:
            raise Refusal("rejected", "What is read while it is written cannot be reviewed.")
        key = (given.access.item_key, given.access.principal.user_key)
        said = given if isinstance(given, Said) and not is_key else None
        if said is None and key not in self._lines:
            self._writer.submit(command, done)
            return
        if self._count >= MAX_WAITING:
            raise Refusal("busy", retry_after=1)
        waiting = _Waiting(command, done, is_ready=said is None)
        self._count += 1
        self._lines.setdefault(key, deque()).append(waiting)
        if said is not None:
            task = asyncio.create_task(self._ask(key, waiting, said), name="review")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def execute(self, command: Command[T]) -> T:
        """As `Writer.execute`, after the product was asked."""
        return await executed(self.submit, command)

    async def close(self) -> None:
        """Ask nothing more: what waits is refused as by a server that stops."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, key: Line, waiting: _Waiting, command: Said) -> None:
        try:
            waiting.command = await self._judge(command)
        except Refusal as refusal:
            waiting.refusal = refusal
        except asyncio.CancelledError:
            waiting.refusal = Refusal("draining")
            raise
        except Exception:
            # Whatever it was, it was not a yes.
            logger.exception("a message could not be reviewed")
            waiting.refusal = Refusal("internal")
        finally:
            waiting.is_ready = True
            self._advance(key)

    def _advance(self, key: Line) -> None:
        line = self._lines[key]
        while line and line[0].is_ready:
            waiting = line.popleft()
            self._count -= 1
            if not line:
                del self._lines[key]  # Before `done`: what that hands in finds no line.
            self._hand_in(waiting)

    def _hand_in(self, waiting: _Waiting) -> None:
        try:
            if waiting.refusal is not None:
                raise waiting.refusal
            self._writer.submit(waiting.command, waiting.done)
        except Refusal as refusal:
            waiting.done(None, refusal)

    async def _judge(self, command: Said) -> Said:
        username, is_stored = await self._readers.read(_look, command)
        if is_stored:
            return command  # A retry: what was said of it the first time stands.
        try:
            said = await self._product.ask("review", self._url, _question(command, username), NOES)
            if said.yes:
                return self._replaced(command, said.value)
        except Unanswered as why:
            if self._settings.review_failure == "accept":
                return command
            raise Refusal("review_unavailable", retry_after=1) from why
        reason = said.value.get("message")
        raise Refusal("rejected", reason[:MAX_REASON_LENGTH] if isinstance(reason, str) else "")

    def _replaced(self, command: Said, answer: dict[str, Any]) -> Said:
        if "body" not in answer:
            return command
        settings = self._settings
        try:
            body = encode_body(
                answer["body"],
                max_bytes=settings.max_body_bytes,
                max_nesting=settings.max_nesting,
            )
        except Refusal as refusal:
            raise Unanswered(f"Its body cannot be stored: {refusal.message}") from refusal
        return replace(command, body=body, said=command.body)


def _look(connection: Connection, command: Said) -> tuple[str, bool]:
    """The author's username, and whether this was stored before. May block."""
    ((username,),) = _username.fetch(connection, command.access.principal.user_key)
    return username, bool(find_refs(connection, command.refs()))


@statement
def _username(user_key: int) -> Select[str]:
    return select(col(User.username)).where(col(User.key) == user_key)


def _question(command: Said, username: str) -> dict[str, object]:
    by = command.access.principal.public | {"username": username}
    asked: dict[str, object] = {"item": command.access.item_id, "by": by}
    if isinstance(command, Edit):
        asked |= {"kind": "edit", "target": command.target}
    else:
        asked |= {"kind": "message"}
    if command.ref is not None:
        asked["ref"] = command.ref
    return asked | {"body": orjson.Fragment(command.body)}
