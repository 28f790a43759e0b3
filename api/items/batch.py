"""Many commands in one call: each is judged by itself, and those of an item keep their order.

What can be stored together is handed to the writer together. Whatever may change who may do what
is stored before what comes after it in its item is judged.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from ..accounts.keys import find_key, is_awaited
from ..accounts.outside import expect_outside_user
from ..errors import Refusal
from ..history.bodies import encode_body
from ..history.commands import Call, Command
from ..history.entries import rfc3339
from ..history.messages import Delete, Edit, Publish, React, Stored
from ..history.transaction import Transaction
from ..rights.access import Access, Principal, grant
from ..rights.standing import load_standing
from ..settings import Settings
from ..state import State
from .batch_schemas import (
    BatchCommand,
    CreateItemCommand,
    DeleteCommand,
    EditCommand,
    MemberCommand,
    MessageCommand,
    PublishCommand,
    PutMemberCommand,
    RemoveMemberCommand,
)
from .ids import valid_item_id
from .members import put_member, remove_member
from .quotas import count_new_item
from .schemas import NewItem
from .service import create_item

# Commands that are made ready before others get their turn of the event loop.
STEP = 100
Answer = dict[str, Any]
Actors = Mapping[str, Principal | Refusal]


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that can be tried, whose it is, and its place in the batch."""

    place: int
    command: BatchCommand
    principal: Principal

    @property
    def is_light(self) -> bool:
        """Whether it changes no rights."""
        return isinstance(self.command, MessageCommand)


async def run_batch(
    state: State,
    principal: Principal,
    secret: str | None,
    commands: Sequence[BatchCommand | Refusal],
) -> list[Answer]:
    """The answer to each command, in their order. Cancelling undoes nothing.

    Args:
        state: the server.
        principal: who asks.
        secret: the service key that was shown; None: something else.
        commands: those that could not be read are refused already.
    """
    answers: list[Answer] = [{}] * len(commands)
    names = {one.acting for one in commands if not isinstance(one, Refusal) and one.acting}
    actors = await _actors(state, secret, names)
    items: dict[str, deque[Asked]] = {}
    for place, command in enumerate(commands):
        if isinstance(command, Refusal):
            answers[place] = _refused(command)
            continue
        actor = principal if command.acting is None else actors[command.acting]
        if isinstance(actor, Refusal):
            answers[place] = _refused(actor)
        else:
            items.setdefault(command.item, deque()).append(Asked(place, command, actor))
    while items:
        runs = list(map(_next_run, items.values()))
        # What changes rights first: each of these may be a commit of its own.
        runs.sort(key=lambda run: run[0].is_light)
        await _run(state, [asked for run in runs for asked in run], answers)
        items = {item: queue for item, queue in items.items() if queue}
    return answers


async def _actors(state: State, secret: str | None, names: Iterable[str]) -> Actors:
    """Whom a key acts for, by their usernames; outside users who have never come are made."""
    wanted = sorted(names)
    if secret is None:
        return dict.fromkeys(wanted, Refusal("forbidden", "Only a service key acts for others."))
    awaited = await state.readers.read(_awaited, secret, wanted)
    if awaited:
        await state.writer.call(partial(_expect, issuer=state.settings.issuer, names=awaited))
    return await state.readers.read(_find_actors, secret, wanted)


def _awaited(connection: Connection, secret: str, names: Sequence[str]) -> list[str]:
    found = []
    for name in names:
        try:
            if is_awaited(connection, secret, name):
                found.append(name)
        except Refusal:
            continue  # As `_find_actors` says.
    return found


def _expect(transaction: Transaction, issuer: str | None, names: Sequence[str]) -> None:
    for name in names:
        expect_outside_user(transaction, issuer, name)


def _find_actors(connection: Connection, secret: str, names: Sequence[str]) -> Actors:
    found: dict[str, Principal | Refusal] = {}
    for name in names:
        try:
            found[name] = find_key(connection, secret, name)
        except Refusal as refusal:
            found[name] = refusal
    return found


def _next_run(queue: deque[Asked]) -> list[Asked]:
    """What of an item can be judged now: one that may change rights, or all before the next."""
    run = [queue.popleft()]
    while run[0].is_light and queue and queue[0].is_light:
        run.append(queue.popleft())
    return run


async def _run(state: State, wave: Sequence[Asked], answers: list[Answer]) -> None:
    """Store them; when this returns, all have their answers."""
    accesses = await state.readers.read(_read_accesses, wave)
    ready: list[tuple[Asked, Command[Any]]] = []
    for number, asked in enumerate(wave, start=1):
        try:
            ready.append((asked, _command_of(state, asked, accesses)))
        except Refusal as refusal:
            answers[asked.place] = _refused(refusal)
        if number % STEP == 0:
            await asyncio.sleep(0)
    if ready:
        await _store(state, ready, answers)


async def _store(
    state: State, ready: Sequence[tuple[Asked, Command[Any]]], answers: list[Answer]
) -> None:
    stored = asyncio.get_running_loop().create_future()
    waiting = len(ready)

    def done(asked: Asked, result: Any, error: BaseException | None) -> None:
        nonlocal waiting
        waiting -= 1
        answers[asked.place] = _refused(error) if error else _answer(asked.command, result)
        if not waiting and not stored.done():
            stored.set_result(None)

    # In one turn of the event loop, so that they come to the writer together.
    for asked, command in ready:
        try:
            state.desk.submit(command, partial(done, asked))
        except Refusal as refusal:
            done(asked, None, refusal)
    await stored


def _read_accesses(
    connection: Connection, wave: Sequence[Asked]
) -> dict[tuple[int, str], Access | Refusal]:
    """Who may do what where, by user and item: asked once for each."""
    found: dict[tuple[int, str], Access | Refusal] = {}
    for asked in wave:
        principal, item = asked.principal, asked.command.item
        if (principal.user_key, item) in found or isinstance(asked.command, CreateItemCommand):
            continue
        try:
            if not valid_item_id(item):
                raise Refusal("item_not_found")
            access = grant(principal, load_standing(connection, principal, item))
        except Refusal as refusal:
            found[principal.user_key, item] = refusal
        else:
            found[principal.user_key, item] = access
    return found


def _command_of(
    state: State, asked: Asked, accesses: Mapping[tuple[int, str], Access | Refusal]
) -> Command[Any]:
    """The writer's command; raises Refusal."""
    command, principal = asked.command, asked.principal
    if isinstance(command, CreateItemCommand):
        if principal.credential.kind != "key":  # Whose are counted with its commands.
            count_new_item(state, principal)
        wanted = NewItem(id=command.item, title=command.title, default_role=command.default_role)
        return Call(partial(create_item, principal=principal, wanted=wanted))
    access = accesses[principal.user_key, command.item]
    if isinstance(access, Refusal):
        raise access
    if isinstance(command, MemberCommand):
        return Call(_member_call(command, access, state.settings))
    return _message_command(command, access, state.settings)


def _member_call(
    command: MemberCommand, access: Access, settings: Settings
) -> Callable[[Transaction], Any]:
    if isinstance(command, RemoveMemberCommand):
        return partial(remove_member, access=access, username=command.username)
    return partial(
        put_member,
        access=access,
        settings=settings,
        username=command.username,
        role=command.role,
    )


def _message_command(
    command: MessageCommand, access: Access, settings: Settings
) -> Command[Stored]:
    ref = command.ref
    match command:
        case PublishCommand():
            return Publish(access=access, ref=ref, body=_body(command.body, settings))
        case EditCommand():
            body = _body(command.body, settings)
            return Edit(access=access, ref=ref, target=command.target, body=body)
        case DeleteCommand():
            return Delete(access=access, ref=ref, target=command.target)
        case _:
            target, value, on = command.target, command.value, command.on
            return React(access=access, ref=ref, target=target, value=value, on=on)


def _body(value: object, settings: Settings) -> bytes:
    return encode_body(value, max_bytes=settings.max_body_bytes, max_nesting=settings.max_nesting)


def _answer(command: BatchCommand, result: Any) -> Answer:
    """What the single call would have answered."""
    match command:
        case CreateItemCommand():
            return {"status": 201}
        case PutMemberCommand():
            _, is_new = result
            return {"status": 201 if is_new else 200}
        case RemoveMemberCommand():
            return {"status": 204}
    is_new = isinstance(command, PublishCommand) and not result.duplicate
    answer = {"status": 201 if is_new else 200, "seq": result.seq, "at": rfc3339(result.at)}
    return answer | {"duplicate": True} if result.duplicate else answer


def _refused(error: BaseException) -> Answer:
    refusal = error if isinstance(error, Refusal) else Refusal("internal")
    answer: Answer = {
        "status": refusal.verdict.status,
        "code": refusal.code,
        "detail": refusal.message,
    }
    if refusal.retry_after is not None:
        answer["retry_after"] = round(refusal.retry_after, 3)
    return answer
