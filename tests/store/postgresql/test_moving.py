"""Moves from a file into a PostgreSQL: all of it as it is, or nothing."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlmodel import col

from api.history import pile
from api.models import ONLY, Item, Table
from api.rights.access import Role
from api.settings import Settings
from api.store import moving
from api.store.failures import DatabaseError
from api.store.moving import move
from api.store.sqlite.database import open_engine
from api.store.store import store_of
from api.store.tables import keeps
from tests.databases import provide
from tests.stores import Store

# There are a file and a PostgreSQL in each, whichever has been chosen.
pytestmark = [pytest.mark.anyio, pytest.mark.sqlite]


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Engine]:
    """A file with something of everything that members leave."""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/source.db")
    provide(settings)
    async with Store(settings) as store:
        ada = await store.user("ada")
        bob = await store.user("ext:bob", issuer="https://issuer.example", subject="bob")
        await store.item("empty", {"ada": Role.ADMIN}, retention_days=30)
        await store.item("order-17", {"ada": Role.ADMIN, "ext:bob": Role.WRITER})
        mine = await store.access(ada, "order-17")
        theirs = await store.access(bob, "order-17")
        for number in range(7):
            await store.publish(mine if number % 2 else theirs, ref=f"r{number}")
        await store.edit(theirs, 1, b'"\\u0000 \\ud83e\\udda9"')
        await store.react(mine, 3, "\U0001f44d")
        await store.delete(theirs, 5)
    engine = open_engine(settings.database_path, writing=True, busy_timeout=1)
    with engine.begin() as connection:
        connection.execute(
            Table.metadata.tables["session"]
            .insert()
            .values(id="s", secret_hash="h", user_key=1, created_at=2**40, used_at=2**41)
        )
        pile.settle_all(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def target(settings: Settings) -> Iterator[Engine]:
    """An empty database."""
    store = store_of(settings)
    store.open()
    with closing(store):
        store.prepare()
        yield store.engine


def rows_of(connection: Connection) -> dict[str, list[Any]]:
    """All that both databases have."""
    tables = [one for one in Table.metadata.sorted_tables if ONLY not in one.info]
    found = {table.name: select(table).order_by(*table.primary_key) for table in tables}
    return {name: list(map(tuple, connection.execute(query))) for name, query in found.items()}


def ignore(_what: str, _rows: int) -> None:
    """Nobody looks."""


async def test_every_row_is_there_as_it_was(
    source: Engine, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of pages; and the database goes on counting behind it."""
    monkeypatch.setattr(moving, "PAGE", 2)
    told: list[tuple[str, int]] = []
    moved = move(source, target, lambda what, rows: told.append((what, rows)))
    with source.connect() as old, target.connect() as new:
        assert rows_of(old) == rows_of(new)
        assert moved == {name: len(rows) for name, rows in rows_of(old).items()}
    assert (moved["item"], moved["user"], moved["session"], moved["reaction"]) == (2, 2, 1, 1)
    assert ("copying entry", moved["entry"]) in told
    assert ("comparing entry", moved["entry"]) in told
    new_item = Item(id="next", epoch="e", created_at=1, active_at=1)
    with target.begin() as connection:
        values = new_item.model_dump(exclude={"key"})
        key = connection.execute(
            Table.metadata.tables["item"].insert().values(values).returning(col(Item.key))
        ).scalar_one()
    assert key == 3


async def test_no_table_is_forgotten(source: Engine, target: Engine) -> None:
    """What only one has is known: the pile, of which nothing is left, and who runs there."""
    tables = Table.metadata.sorted_tables
    old, new = (
        {table.name for table in tables if keeps(engine.dialect, table)}
        for engine in (source, target)
    )
    assert move(source, target, ignore).keys() == old & new
    assert (old - new, new - old) == ({"pile"}, {"node", "presence"})


async def test_a_database_in_use_takes_nothing(source: Engine, target: Engine) -> None:
    """A second move would find the first one's rows."""
    move(source, target, ignore)
    with pytest.raises(DatabaseError, match="empty database"):
        move(source, target, ignore)


async def test_what_cannot_be_stored_is_named_and_nothing_is_moved(
    source: Engine, target: Engine
) -> None:
    """PostgreSQL has no NUL in a text, SQLite has."""
    with source.begin() as connection:
        connection.execute(text("UPDATE session SET user_agent = 'a' || char(0) || 'b'"))
    with pytest.raises(DatabaseError, match=r"session \{'id': 's'\} has a NUL .* user_agent"):
        move(source, target, ignore)
    assert is_empty(target)


async def test_a_row_that_arrives_otherwise_is_noticed(source: Engine, target: Engine) -> None:
    """Whatever has changed it: nothing is moved."""
    with target.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION spoil() RETURNS trigger AS "
                "'BEGIN NEW.seq := NEW.seq + 100; RETURN NEW; END' LANGUAGE plpgsql"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER spoil BEFORE INSERT ON entry FOR EACH ROW "
                "WHEN (NEW.seq = 7) EXECUTE FUNCTION spoil()"
            )
        )
    with pytest.raises(DatabaseError, match="entry is not what it was"):
        move(source, target, ignore)
    assert is_empty(target)


def is_empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        return not any(rows_of(connection).values())
