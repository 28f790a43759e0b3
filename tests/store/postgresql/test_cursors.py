"""What the driver says when something fails goes to the log, and into sentences of commands."""

from collections.abc import Iterator
from contextlib import closing
from traceback import format_exception
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from api.settings import Settings
from api.store.store import store_of

ITEM = "INSERT INTO item (id, title, epoch, head, oldest, created_at, active_at)"


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    """A transaction of an empty database's writing connection."""
    store = store_of(settings)
    store.open()
    with closing(store):
        store.prepare()
        with store.engine.begin() as connection:
            yield connection


@pytest.mark.parametrize("rows", [("hush", "e"), [("one", "e"), ("hush", "e")], ("two", None)])
def test_values_are_not_said(connection: Connection, rows: Any) -> None:
    """Neither of the key that there is already, nor of the row that cannot be."""
    add = f"{ITEM} VALUES (%s, 'hush', %s, 0, 1, 0, 0)"
    connection.exec_driver_sql(add, ("hush", "e"))
    with pytest.raises(IntegrityError, match=r"uq_item_id|epoch") as failed:
        connection.exec_driver_sql(add, rows)
    connection.rollback()
    said = "".join(format_exception(failed.value)).replace(add, "")
    assert "hush" not in said


def test_what_is_wrong_with_a_statement_is_said_whole(connection: Connection) -> None:
    """No value is in it."""
    with pytest.raises(DBAPIError, match="LINE 1: SELECT nothing"):
        connection.exec_driver_sql("SELECT nothing")
    connection.rollback()
