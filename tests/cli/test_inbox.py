"""What is new in one's items, on the command line."""

from pathlib import Path

import orjson
import pytest

from tests.cli.commands import Command
from tests.conftest import Serve
from tests.serving import LiveServer, Person


@pytest.fixture
def server(serve: Serve, home: Path, monkeypatch: pytest.MonkeyPatch) -> LiveServer:
    """A server that the environment names."""
    server = serve()
    monkeypatch.setenv("ITEMROOM_URL", server.url)
    return server


@pytest.fixture
def bob(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A member of some items, whose token is in the environment."""
    bob = server.person("bob")
    monkeypatch.setenv("ITEMROOM_TOKEN", bob.token)
    return bob


def test_unread_items_listed_with_what_was_said_last(
    itemroom: Command, server: LiveServer, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line each, which no message can break; all of them, or as JSON, when asked for."""
    ada = server.person("ada")
    monkeypatch.setattr("api.cli.inbox.PAGE", 2)
    for number in range(3):
        ada.create(f"item-{number}", bob="reader")
    ada.publish("item-0", {"text": "look\n\x1b[2Jhere", "mentions": ["bob"]})
    ada.publish("item-1", "hi")
    shown = itemroom.done("inbox").splitlines()
    assert [line.split("  ")[:2] for line in shown] == [
        ["item-1", "1 unread"],
        ["item-0", "1 unread, 1 for you"],
    ]
    assert shown[0].endswith("ada: hi")
    assert "\x1b" not in shown[1]
    every = [orjson.loads(line) for line in itemroom.done("inbox", "--all", "--json").splitlines()]
    assert {one["item"]["id"] for one in every} == {"item-0", "item-1", "item-2"}
    assert itemroom.done("inbox", "--all").count("\n") == 3


def test_refusal_is_a_sentence(itemroom: Command, bob: Person) -> None:
    """As for every command of a client."""
    assert itemroom.failed("inbox", "--token", "no.such.token", code=1).startswith("auth_invalid")
