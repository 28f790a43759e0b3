import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.commands import Command
from tests.conftest import Serve
from tests.live import LiveServer


def add_items(database: Path, *ids: str, title: str = "") -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO item (id, title, epoch, head, oldest, created_at, active_at)"
            " VALUES (?, ?, 'e', 7, 1, 0, 0)",
            [(item_id, title) for item_id in ids],
        )


def test_items_are_listed_as_a_table(itemroom: Command, home: Path) -> None:
    """Titles are shown as they are, but for what a terminal would obey."""
    itemroom.done("migrate")
    add_items(home / "test.db", "order-17", title="[red]17\x1b[2J")
    shown = itemroom.done("item", "list")
    assert "order-17" in shown
    assert "[red]17\N{REPLACEMENT CHARACTER}[2J" in shown
    assert "\x1b[2J" not in shown


def test_items_are_listed_as_json_lines(itemroom: Command, home: Path) -> None:
    """All of them, however many pages that is; nothing when there are none."""
    itemroom.done("migrate")
    assert itemroom.done("item", "list", "--json") == ""
    ids = [f"i{number:04}" for number in range(1100)]
    add_items(home / "test.db", *ids)
    shown = [json.loads(line) for line in itemroom.done("item", "list", "--json").splitlines()]
    assert [item["id"] for item in shown] == ids
    assert shown[0] | {"head": 7, "members": 0, "active_at": "1970-01-01T00:00:00.000Z"} == shown[0]


def test_items_are_listed_beside_a_server(itemroom: Command, serve: Serve) -> None:
    """With what it has just committed, which is in its `-wal` alone."""
    server: LiveServer = serve()
    server.person("ada").create("order-17")
    assert json.loads(itemroom.done("item", "list", "--json"))["id"] == "order-17"


def test_list_without_a_database_is_refused(itemroom: Command, home: Path) -> None:
    """Looking makes none."""
    assert "There is no database" in itemroom.failed("item", "list")
    assert list(home.iterdir()) == []


def test_list_of_an_outdated_database_is_refused(itemroom: Command, home: Path) -> None:
    """The sentence says what to do."""
    sqlite3.connect(home / "test.db").close()
    (home / "test.db").touch()
    assert "itemroom migrate" in itemroom.failed("item", "list")
