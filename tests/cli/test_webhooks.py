import asyncio
import json
from typing import Any

import pytest

from api.settings import Settings
from tests.cli.commands import Command
from tests.databases import change
from tests.outgoing.receiver import receiving
from tests.serving import LiveServer
from tests.webhooks.hooking import is_signed

pytestmark = pytest.mark.anyio

URL = "https://shop.example/hooks"
CREATE = ("webhook", "create", URL, "--items", "order-*")


@pytest.fixture(params=["alone", "beside a server"])
def itemroom(
    request: pytest.FixtureRequest,
    itemroom: Command,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Each test runs with the database free, and with a server that holds it."""
    monkeypatch.setenv("ITEMROOM_OUTGOING_PRIVATE", "true")
    if request.param == "alone":
        itemroom.done("migrate")
        yield itemroom
    else:
        with LiveServer(settings.model_copy(update={"outgoing_private": True})):
            yield itemroom


def shown(itemroom: Command, webhook_id: str) -> Any:
    """A webhook, as a program reads it."""
    return json.loads(itemroom.done("webhook", "show", webhook_id, "--json"))


def test_webhook_is_made_listed_and_ended(itemroom: Command) -> None:
    """A script takes the id and the secret as they are, each in its line."""
    assert itemroom.done("webhook", "list", "--json") == ""
    first, secret = itemroom.done(*CREATE).split()
    assert secret.startswith("whsec_")
    more = ("--kind", "message", "--kind", "edit", "--from-start")
    second, _ = itemroom.done(*CREATE, *more).split()
    lines = itemroom.done("webhook", "list", "--json")
    assert secret not in lines
    listed = [json.loads(line) for line in lines.splitlines()]
    assert [(one["id"], one["kinds"], one["key"]) for one in listed] == [
        (first, None, None),
        (second, ["edit", "message"], None),
    ]
    card = itemroom.done("webhook", "show", second)
    assert "edit, message" in card
    assert "behind entries" in card
    assert itemroom.done("webhook", "delete", first) == f"{first} is deleted\n"
    assert "order-*" in itemroom.done("webhook", "list")
    assert len(itemroom.done("webhook", "list", "--json").splitlines()) == 1


def test_webhook_is_paused_and_goes_on(itemroom: Command, settings: Settings) -> None:
    """And says why it failed last."""
    made, _ = itemroom.done(*CREATE).split()
    assert itemroom.done("webhook", "pause", made) == f"{made} is paused\n"
    assert (shown(itemroom, made)["state"], shown(itemroom, made)["reason"]) == ("paused", "asked")
    assert "paused: asked" in " ".join(itemroom.done("webhook", "list").split())
    change(settings, "UPDATE webhook SET failed_at = 1, failed_item = 'order-1', failure = 'No.'")
    assert shown(itemroom, made)["last_failure"]["reason"] == "No."
    assert "order-1" in itemroom.done("webhook", "list")
    assert "last failure item" in itemroom.done("webhook", "show", made)
    for skip in ((), ("--skip", "failed"), ("--skip", "all")):
        assert itemroom.done("webhook", "resume", made, *skip) == f"{made} is active\n"
    assert shown(itemroom, made)["state"] == "active"


def test_webhook_that_cannot_be_is_refused_with_a_sentence(itemroom: Command) -> None:
    """Whoever does it."""
    create = ("webhook", "create")
    assert "a URL" in itemroom.failed(*create, "shop.example", "--items", "*")
    assert itemroom.failed(*create, URL, "--items", "a*b", code=1).startswith("bad_request")
    assert itemroom(*create, URL, "--items", "*", "--kind", "presence").code == 2
    for command in ("show", "pause", "resume", "delete", "test"):
        for name in ("none", "..", "a/b"):
            said = itemroom.failed("webhook", command, name, code=1)
            assert said.startswith("not_found")


async def test_receiver_is_tried(itemroom: Command) -> None:
    """By the server, or by the command itself."""
    async with receiving() as receiver:
        create = ("webhook", "create", receiver.url, "--items", "*")
        made = await asyncio.to_thread(itemroom.done, *create)
        webhook_id, secret = made.split()
        said = await asyncio.to_thread(itemroom.done, "webhook", "test", webhook_id)
        assert said == "It was taken.\n"
        (call,) = receiver.calls
        assert is_signed(call, secret)
    failed = await asyncio.to_thread(lambda: itemroom.failed("webhook", "test", webhook_id, code=1))
    assert failed.startswith("No connection: ")
