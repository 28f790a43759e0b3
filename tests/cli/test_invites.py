"""Links into an item, on the command line."""

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
def ada(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Person:
    """The admin of an item, whose token is in the environment."""
    ada = server.person("ada")
    monkeypatch.setenv("ITEMROOM_TOKEN", ada.token)
    ada.create("order-17")
    return ada


def test_link_made_listed_and_revoked(itemroom: Command, server: LiveServer, ada: Person) -> None:
    """The link that is printed lets somebody in."""
    link = itemroom.done("invite", "create", "order-17", "--role", "writer", "--expires", "1h")
    address, _, text = link.strip().rpartition("/")
    assert address == f"{server.url}/#/invite"
    itemroom.done("invite", "create", "order-17", "--role", "reader", "--unlimited")
    lines = itemroom.done("invite", "list", "order-17").splitlines()
    assert [line.split("  ")[1:3] for line in lines] == [
        ["reader", "any number"],
        ["writer", "1 left"],
    ]
    assert all(line.endswith("by ada") for line in lines)
    bob = server.person("bob")
    assert bob.call("POST", "/invites/accept", json={"token": text}).json()["role"] == "writer"
    (shown,) = map(orjson.loads, itemroom.done("invite", "list", "order-17", "--json").splitlines())
    assert (shown["role"], shown["uses"]) == ("reader", None)
    revoked = itemroom.done("invite", "revoke", "order-17", shown["id"])
    assert revoked == f"{shown['id']} is revoked\n"
    assert itemroom.done("invite", "list", "order-17") == ""


def test_link_whose_maker_was_demoted_is_listed_as_such(
    itemroom: Command, server: LiveServer, ada: Person
) -> None:
    """It lets nobody in, and is there for as long as they might be an admin again."""
    bob = server.person("bob")
    ada.call("PUT", "/items/order-17/members/bob", json={"role": "admin"})
    bob.call("POST", "/items/order-17/invites", json={"role": "reader"})
    ada.call("PUT", "/items/order-17/members/bob", json={"role": "reader"})
    shown = itemroom.done("invite", "list", "order-17")
    assert shown.endswith("by bob, who may let nobody in any more\n")


def test_refusal_is_a_sentence(itemroom: Command, ada: Person) -> None:
    """As for every command of a client."""
    refused = itemroom.failed("invite", "list", "order-18", code=1)
    assert refused.startswith("item_not_found")
    assert itemroom.failed("invite", "revoke", "order-17", "x", code=1).startswith("not_found")
    assert itemroom("invite", "create", "order-17", "--role", "owner").code == 2
