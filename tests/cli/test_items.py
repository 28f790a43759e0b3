import json
from pathlib import Path

import pytest

from api.settings import Settings
from tests.cli.commands import Command
from tests.conftest import Serve
from tests.databases import change
from tests.serving import LiveServer, Person


def add_items(settings: Settings, *ids: str, title: str = "") -> None:
    change(
        settings,
        "INSERT INTO item (id, title, epoch, head, oldest, created_at, active_at) VALUES "
        + ", ".join(f"('{item_id}', '{title}', 'e', 7, 1, 0, 0)" for item_id in ids),
    )


def test_items_are_listed_as_a_table(itemroom: Command, settings: Settings) -> None:
    """Titles are shown as they are, but for what a terminal would obey."""
    itemroom.done("migrate")
    add_items(settings, "order-17", title="[red]17\x1b[2J")
    shown = itemroom.done("item", "list")
    assert "order-17" in shown
    assert "[red]17\N{REPLACEMENT CHARACTER}[2J" in shown
    assert "\x1b[2J" not in shown


def test_items_are_listed_as_json_lines(itemroom: Command, settings: Settings) -> None:
    """All of them, however many pages that is; nothing when there are none."""
    itemroom.done("migrate")
    assert itemroom.done("item", "list", "--json") == ""
    ids = [f"i{number:04}" for number in range(1100)]
    add_items(settings, *ids)
    shown = [json.loads(line) for line in itemroom.done("item", "list", "--json").splitlines()]
    assert [item["id"] for item in shown] == ids
    assert shown[0] | {"head": 7, "members": 0, "active_at": "1970-01-01T00:00:00.000Z"} == shown[0]


def test_items_are_listed_beside_a_server(itemroom: Command, serve: Serve) -> None:
    """With what it has just committed, which is in its `-wal` alone."""
    server: LiveServer = serve()
    server.person("ada").create("order-17")
    assert json.loads(itemroom.done("item", "list", "--json"))["id"] == "order-17"


@pytest.mark.sqlite
def test_list_without_a_database_is_refused(itemroom: Command, home: Path) -> None:
    """Looking makes none."""
    assert "There is no database" in itemroom.failed("item", "list")
    assert list(home.iterdir()) == []


@pytest.mark.usefixtures("empty")
def test_list_of_an_outdated_database_is_refused(itemroom: Command) -> None:
    """The sentence says what to do."""
    assert "itemroom migrate" in itemroom.failed("item", "list")


@pytest.fixture
def order(home: Path, serve: Serve) -> Person:
    """An item of somebody's, in a server that runs; the operator is no member."""
    ada = serve().person("ada")
    ada.server.person("ben")
    ada.create("order-17", ben="writer")
    ada.call("PATCH", "/items/order-17", json={"title": "[red]Rush", "default_role": "reader"})
    return ada


def test_item_of_somebody_is_shown_with_its_members(itemroom: Command, order: Person) -> None:
    """To people, and to programs."""
    shown = itemroom.done("item", "show", "order-17")
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "title [red]Rush" in lines
    assert "retention days -" in lines
    assert lines[-2:] == ["admin ada (ada)", "writer ben (ben)"]
    item = json.loads(itemroom.done("item", "show", "order-17", "--json"))
    assert (item["id"], item["default_role"], item["head"]) == ("order-17", "reader", 2)
    assert [(one["username"], one["role"]) for one in item["members"]] == [
        ("ada", "admin"),
        ("ben", "writer"),
    ]


def test_log_of_somebodys_item_is_shown_as_listening_shows_it(
    itemroom: Command, order: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any seq, and over as many pages as it takes."""
    monkeypatch.setattr("api.cli.looking.MAX_PAGE", 2)
    for text in ("one", "two", "three"):
        order.publish("order-17", {"text": text})
    lines = itemroom.done("item", "log", "order-17").splitlines()
    assert lines[0] == "1 * ada made ben writer"
    assert lines[2:] == ["3 ada: one", "4 ada: two", "5 ada: three"]
    shown = itemroom.done("item", "log", "order-17", "--after", "3", "--json").splitlines()
    assert [json.loads(line)["body"] for line in shown] == [{"text": "two"}, {"text": "three"}]
    assert itemroom.done("item", "log", "order-17", "--after", "5") == ""


@pytest.mark.parametrize("command", ["show", "log"])
def test_item_that_is_not_there_is_refused(itemroom: Command, order: Person, command: str) -> None:
    """Nor one that was deleted."""
    order.call("DELETE", "/items/order-17")
    for item in ("order-17", "order-18"):
        assert itemroom.failed("item", command, item, code=1) == "There is no such item."
