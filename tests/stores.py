"""A store under test: a database made by the migrations, its writer and readers, and no server."""

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from sqlalchemy import Engine
from sqlmodel import select

import api.store.store
from api.history.commits import Commits
from api.history.events import Event
from api.history.messages import Delete, Edit, Publish, React, Stored
from api.history.transaction import Transaction
from api.history.writer import Writer
from api.models import Item, Membership, User
from api.rights.access import Access, Credential, Principal, Role, grant
from api.rights.standing import load_standing
from api.settings import Settings
from api.store.readers import Readers
from api.store.sqlite.database import open_readers, open_writing_engine
from api.store.store import store_of
from tests.databases import execute


class Store:
    """What tests of the log and of items act on.

    `events` is what the live side was told, `batches` the number of commands in each commit,
    `conflicts` how many commands of each kind were begun anew, beside others.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.events: list[Event] = []
        self.batches: list[int] = []
        self.conflicts: Counter[str] = Counter()
        self.store: api.store.store.Store = store_of(settings)
        if settings.is_in_file:
            # Without its lock, and nobody looks at the file.
            self.engine: Engine = open_writing_engine(settings)
            self.readers: Readers = open_readers(settings)
        else:
            self.store.open(url="http://127.0.0.1:1")
            self.store.prepare()
            self.engine, self.readers = self.store.engine, self.store.open_readers()
        self.commits = Commits()
        self.commits.listen(self.events.extend)
        self.writer = Writer(
            self.engine,
            self.commits,
            self.observe,
            max_queue=settings.writer_queue,
            max_batch=settings.writer_batch,
            check=self.store.check,
            sharing=self.store.sharing,
            conflict=lambda what, commands: self.conflicts.update({what: commands}),
        )

    async def __aenter__(self) -> Self:
        self.writer.start(asyncio.get_running_loop())
        return self

    async def released(self) -> Engine:
        """The engine for another writer: the own one, which looks at it now and then, has ended."""
        await asyncio.to_thread(self.writer.finish)
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.writer.finish)
        self.readers.close()
        self.engine.dispose()

    def observe(self, commands: int, _seconds: float, _entries: int) -> None:
        self.batches.append(commands)

    def statements(self) -> list[str]:
        """From now on, every statement that the writing connection executes."""
        seen: list[str] = []
        raw = self.engine.raw_connection()
        connection = raw.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        connection.set_trace_callback(seen.append)
        raw.close()
        return seen

    async def user(self, username: str, **columns: Any) -> Principal:
        """A new user with an access token that does not end."""
        user_id, name = f"u-{username}", username.title()
        user = User(id=user_id, username=username, name=name, created_at=0, **columns)
        key = await self.writer.call(partial(_add, user))
        return Principal(key, user_id, name, Credential("access", f"jti-{username}", 1, None))

    async def item(self, item_id: str, members: dict[str, Role], **columns: Any) -> int:
        """A new item with members, by username; its key."""
        item = Item(id=item_id, epoch="e1", created_at=0, active_at=0, **columns)
        key = await self.writer.call(partial(_add, item))
        for username, role in members.items():
            await self.join(key, username, role)
        return key

    async def join(self, item_key: int, username: str, role: Role | None) -> None:
        """Make a user a member, without an entry."""

        def add(transaction: Transaction) -> None:
            with transaction.session() as session:
                user = session.exec(select(User).where(User.username == username)).one()
                assert user.key is not None
                session.add(Membership(item_key=item_key, user_key=user.key, role=role))

        await self.writer.call(add)

    async def access(self, principal: Principal, item_id: str) -> Access:
        """The principal's right in an item."""
        return grant(principal, await self.readers.read(load_standing, principal, item_id))

    async def publish(
        self, access: Access, body: bytes = b'"hi"', ref: str | None = None
    ) -> Stored:
        return await self.writer.execute(Publish(access=access, body=body, ref=ref))

    async def edit(
        self, access: Access, target: int, body: bytes, ref: str | None = None
    ) -> Stored:
        return await self.writer.execute(Edit(access=access, target=target, body=body, ref=ref))

    async def delete(self, access: Access, target: int, ref: str | None = None) -> Stored:
        return await self.writer.execute(Delete(access=access, target=target, ref=ref))

    async def react(self, access: Access, target: int, value: str, *, on: bool = True) -> Stored:
        return await self.writer.execute(React(access=access, target=target, value=value, on=on))

    async def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds on disk; each `?` in it stands for a value."""
        return await self.readers.read(
            lambda connection: [tuple(row) for row in execute(connection, sql, *values)]
        )

    async def plans(self, read: Callable[..., object], *arguments: object) -> list[str]:
        """How SQLite runs each query of a read: the lines of EXPLAIN QUERY PLAN."""
        return await self.readers.read(partial(explain, read), *arguments)


def explain(act: Callable[..., object], connection: Any, *arguments: object) -> list[str]:
    """Run `act(connection, …)`; the query plans of all that it executed, values filled in."""
    executed: list[str] = []
    driver = connection.connection.driver_connection
    driver.set_trace_callback(executed.append)
    try:
        act(connection, *arguments)
    finally:
        driver.set_trace_callback(None)
    plans = []
    for sql in executed:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "--")):
            plans += [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}")]
    return plans


def full_scans(plans: list[str]) -> list[str]:
    """The lines of query plans that read a table or index from end to end.

    `wanted` is a list that a query brings along, `found` what a part of it has found.
    """
    return [plan for plan in plans if re.match(r"SCAN (?!wanted\b|found\b|.*CONSTANT ROW)", plan)]


def _add(row: Item | User, transaction: Transaction) -> int:
    with transaction.session() as session:
        session.add(row)
        session.flush()
        assert row.key is not None
        return row.key
