"""What is new in one's items, on the command line."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from tests.cli.commands import Command
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.process import ITEMROOM, Process
from tests.programs.waiting import free_port
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


@pytest.mark.sqlite  # The file goes on under the next server.
def test_changes_are_told_as_they_come_over_a_restart(tmp_path: Path) -> None:
    """What was unread before, what comes, what is read, and what is gone; until an interrupt."""
    port = free_port()
    with Process(tmp_path, measured=False, port=port) as server:
        ada, bob = server.person("ada"), server.person("bob")
        for item in ("item-0", "item-1"):
            ada.create(item, bob="reader")
        ada.publish("item-0", "before")
        with following(server.url, bob) as (shown, lines):
            assert next(lines) == "item-0  1 unread  ada: before"
            assert next(lines) == "item-1  0 unread"
            ada.publish("item-1", {"text": "now", "mentions": ["bob"]})
            assert next(lines) == "item-1  1 unread, 1 for you  ada: now"
            server.end(signal.SIGKILL)
            with Process(tmp_path, measured=False, port=port):
                ada.publish("item-0", "after")
                assert next(lines) == "item-0  2 unread  ada: after"
                ada.call("DELETE", "/items/item-1")
                assert next(lines) == "item-1  gone"
                shown.send_signal(signal.SIGINT)
                assert shown.wait(scaled(20)) == 130
                assert next(lines, None) is None


@contextmanager
def following(
    url: str, person: Person, stderr: int | None = None
) -> Iterator[tuple["subprocess.Popen[str]", Iterator[str]]]:
    """The command, and the lines that it prints."""
    shown = subprocess.Popen(
        [str(ITEMROOM), "inbox", "--follow", "--all"],
        env=os.environ | {"ITEMROOM_URL": url, "ITEMROOM_TOKEN": person.token},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    assert shown.stdout is not None
    with shown:
        try:
            yield shown, (line.rstrip() for line in shown.stdout)
        finally:
            shown.kill()


def test_whoever_may_follow_no_more_is_told_why(server: LiveServer, bob: Person) -> None:
    """As a listener is, by the code with which a client ends that is refused."""
    server.person("ada").create("order-17", bob="reader")
    wish = {"name": "inbox", "items": {"*": "reader"}}
    made = bob.call("POST", "/tokens", json=wish).json()
    limited = Person(server, "bob", bob.id, made["token"])
    with following(server.url, limited, stderr=subprocess.PIPE) as (shown, lines):
        assert next(lines).startswith("order-17")
        bob.call("DELETE", f"/tokens/{made['id']}")
        assert shown.wait(scaled(20)) == 1
        assert shown.stderr is not None
        assert shown.stderr.read().startswith("itemroom: auth_revoked")
