"""Statements that are built from the tables, and run by the driver."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import closing
from traceback import format_exception
from typing import Any, cast

import pytest
from sqlalchemy import (
    Connection,
    Delete,
    Dialect,
    Insert,
    Select,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import col

import api
from api.models import Item, Reaction, User
from api.settings import Settings
from api.store.lookups import SIZES, Lookup
from api.store.statements import Statement, statement
from api.store.store import store_of
from tests.databases import provide


@statement
def add_item(key: int, id: str) -> Insert:
    fixed = {col(Item.epoch): "e", col(Item.created_at): 0, col(Item.active_at): 0}
    rest = {col(Item.title): "t", col(Item.head): 3, col(Item.oldest): 1}
    return insert(Item).values({col(Item.key): key, col(Item.id): id} | fixed | rest)


@statement
def rename(title: str, key: int) -> Update:
    return update(Item).where(col(Item.key) == key).values({col(Item.title): title})


@statement
def remove(title: str) -> Delete:
    return delete(Item).where(col(Item.title) == title)


@statement
def items_after(limit: int, key: int) -> Select[str, str]:
    """Its parameters stand in another order than in the SQL, beside a fixed one."""
    after = (col(Item.key) > key, col(Item.head) == 3)
    return select(col(Item.id), col(Item.title)).where(*after).order_by(col(Item.key)).limit(limit)


@statement
def users() -> Select[str, bool, bool]:
    here = col(User.username) == "ada"
    return select(col(User.id), col(User.disabled), col(User.admin)).where(here)


@statement
def distances(beyond: int) -> Select[int]:
    """SQLite cannot say how far its smallest number is from 0."""
    return select(func.abs(col(Item.head))).where(col(Item.key) > beyond).order_by(col(Item.key))


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    """A transaction of an empty database's writing connection."""
    provide(settings)
    store = store_of(settings)
    store.open()
    with closing(store), store.engine.begin() as connection:
        yield connection


def add_ada(connection: Connection) -> None:
    """The first user."""
    flags = {"disabled": True, "admin": False, "tokens_from": 0, "created_at": 0}
    connection.execute(insert(User).values(key=1, id="u", username="ada", name="Ada", **flags))


def test_values_reach_their_places_in_whatever_order(connection: Connection) -> None:
    """One row, many rows, and values that the statement brings along itself."""
    assert add_item.run(connection, 1, "a") == 1
    add_item.run_many(connection, [(2, "b"), (3, "c")])
    assert items_after.fetch(connection, 5, 1) == [("b", "t"), ("c", "t")]
    assert items_after.fetch(connection, 1, 0) == [("a", "t")]
    assert rename.run(connection, "new", 2) == 1
    assert list(items_after.stream(connection, 5, 1)) == [("b", "new"), ("c", "t")]
    assert remove.run(connection, "t") == 2


def test_row_read_as_the_types_say(connection: Connection) -> None:
    """SQLite has no booleans; whoever reads a row need not know."""
    add_ada(connection)
    ((_, disabled, admin),) = users.fetch(connection)
    assert disabled is True
    assert admin is False
    assert list(users.stream(connection)) == [("u", True, False)]


def test_stream_left_early_keeps_nothing_open(connection: Connection) -> None:
    """A page that is full before its last row leaves no statement that reads on."""
    add_item.run_many(connection, [(1, "a"), (2, "b")])
    with closing(items_after.stream(connection, 9, 0)) as rows:
        assert next(rows) == ("a", "t")
    assert list(rows) == []


def test_failure_is_an_error_of_sqlalchemy(connection: Connection) -> None:
    """Whoever catches errors knows one kind; the values, which may be secret, are not in it."""
    secret = "hush"
    add_item.run(connection, 1, secret)
    others: list[Callable[[], object]] = [
        lambda: add_item.run(connection, 2, secret),
        lambda: add_item.run_many(connection, [(3, "c"), (4, secret)]),
        lambda: connection.execute(insert(Item).values(id=secret, created_at=None)),
    ]
    for add in others:
        with (
            pytest.raises(IntegrityError, match=r"(?i)unique|not.null") as failed,
            connection.begin_nested(),
        ):
            add()
        assert secret not in "".join(format_exception(failed.value))


def test_failure_between_two_rows_is_an_error_of_sqlalchemy(connection: Connection) -> None:
    """Rows are read one by one, and any may be the one that fails."""
    add_item.run_many(connection, [(1, "a"), (2, "b")])
    connection.execute(update(Item).where(col(Item.key) == 2).values(head=-(2**63)))
    rows = distances.stream(connection, 0)
    with pytest.raises(DBAPIError, match=r"overflow|out of range"), connection.begin_nested():
        list(rows)


REACTIONS: Lookup[tuple[int, str], tuple[int, str, int]] = Lookup(
    (
        select(col(Reaction.target), col(Reaction.value), col(Reaction.seq)),
        (col(Reaction.target), col(Reaction.value)),
    )
)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 255, 256, 257, 600])
def test_lookup_finds_each_key_once(connection: Connection, count: int) -> None:
    """However many there are, and also those that nothing stands under."""
    add_item.run(connection, 1, "a")
    add_ada(connection)
    rows = [
        {"item_key": 1, "user_key": 1, "target": target, "value": value, "seq": target * 10}
        for target in range(700)
        for value in ("x", "y")
    ]
    connection.execute(insert(Reaction), rows)
    keys = [(target, "x" if target % 2 else "nothing") for target in range(count)]
    found = REACTIONS.fetch(connection, keys)
    assert sorted(found) == [(n, "x", n * 10) for n in range(count) if n % 2]
    connection.rollback()


def statements() -> dict[str, Statement[Any, *tuple[Any, ...]]]:
    """All statements of the product, and two sizes of each lookup, by name.

    Those that are one database's own are said to no other, nor is what only servers that share a
    database ask.
    """
    found = {}
    for module in pkgutil.walk_packages(api.__path__, "api."):
        if module.name.startswith(("api.store.postgresql.", "api.nodes.")):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Lookup):
                sized = {f"{module.name}.{name} {size}": value.sized(size) for size in (1, 4)}
                found.update(sized)
            elif isinstance(value, Statement):
                found[f"{module.name}.{name}"] = value
    return found


@pytest.mark.parametrize(
    ("dialect", "mark"),
    [(sqlite.dialect(), "?"), (cast(Any, postgresql.psycopg).dialect(paramstyle="format"), "%s")],
    ids=["sqlite", "postgresql"],
)
def test_every_statement_can_be_said_to_another_database(dialect: Dialect, mark: str) -> None:
    """The tables say all: the dialect is a parameter."""
    said = {name: made.sql(dialect) for name, made in statements().items()}
    assert sum(mark in sql for sql in said.values()) > 10
    assert not any(other in sql for other in {"?", "%s"} - {mark} for sql in said.values())
    cross = {name for name, sql in said.items() if "CROSS JOIN" in sql}
    assert bool(cross) == (dialect.name == "sqlite")


def test_sizes_of_a_lookup_fit_into_a_statement() -> None:
    """SQLite takes 999 values at the least, and a key of ours has three."""
    assert SIZES[-1] * 3 <= 999
    assert list(SIZES) == sorted(set(SIZES))
