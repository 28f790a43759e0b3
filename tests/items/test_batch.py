"""Many commands in one call: judged one by one, stored in their order."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from api.errors import Refusal
from api.http.body import LARGER
from api.items.batch_schemas import MAX_COMMANDS
from api.settings import Settings
from api.state import State
from tests.accounts.keyholding import Program, program
from tests.items.conftest import Cast
from tests.people import People, Person

pytestmark = pytest.mark.anyio


async def batch(who: Person | Program, *commands: object, **more: Any) -> list[dict[str, Any]]:
    """The answers, in short: a refusal by its code."""
    answer = await who.do("POST", "/batch", json={"commands": commands}, **more)
    answers: list[dict[str, Any]] = answer["answers"]
    return answers


def short(answers: list[dict[str, Any]]) -> list[Any]:
    """Seqs, codes, or statuses."""
    return [one.get("seq", one.get("code", one["status"])) for one in answers]


def publish(item: str, body: object, **more: object) -> dict[str, object]:
    return {"do": "publish", "item": item, "body": body, **more}


@pytest.fixture
async def shop(state: State, people: People) -> Program:
    """A key that acts for others."""
    return await program(state, people.client, items="order-*=admin", acts_for_others=True)


async def test_batch_does_all_that_single_calls_do(shop: Program) -> None:
    """One answer each, with the status of the single call."""
    answers = await batch(
        shop,
        {"do": "create_item", "item": "order-1", "title": "One", "default_role": "reader"},
        {"do": "put_member", "item": "order-1", "username": "ext:7", "role": "writer"},
        {"do": "put_member", "item": "order-1", "username": "ext:7", "role": "writer"},
        publish("order-1", {"text": "hi"}, ref="a"),
        publish("order-1", {"text": "hi"}, ref="a"),
        {"do": "edit", "item": "order-1", "target": 2, "body": "ho", "ref": "b"},
        {"do": "react", "item": "order-1", "target": 2.0, "value": "👍"},
        {"do": "react", "item": "order-1", "target": 2, "value": "👍", "on": False},
        {"do": "delete", "item": "order-1", "target": 2},
        {"do": "remove_member", "item": "order-1", "username": "ext:7"},
    )
    assert [one["status"] for one in answers] == [201, 201, 200, 201, 200, *[200] * 4, 204]
    assert [one.get("seq") for one in answers] == [None, None, None, 2, 2, 3, 4, 5, 6, None]
    assert [one.get("duplicate") for one in answers].count(True) == 1
    entries = (await shop.do("GET", "/items/order-1/log"))["entries"]
    kinds = ["member", "message", "edit", "reaction", "reaction", "delete", "member"]
    assert [one["type"] for one in entries] == kinds
    assert answers[3]["at"] == entries[1]["at"]
    shown = await shop.do("GET", "/items/order-1")
    assert (shown["title"], shown["default_role"]) == ("One", "reader")


async def test_commands_of_an_item_are_judged_and_stored_in_their_order(shop: Program) -> None:
    """Each by what those before it have changed; other items' go on beside them."""
    ada = {"as": "ext:ada"}
    answers = await batch(
        shop,
        publish("order-1", "before there is such an item"),
        {"do": "create_item", "item": "order-1"},
        publish("order-1", 1, **ada),
        {"do": "create_item", "item": "order-2"},
        {"do": "put_member", "item": "order-1", "username": "ext:ada", "role": "reader"},
        publish("order-2", 1, **ada),
        publish("order-1", 2, **ada),
        {"do": "put_member", "item": "order-1", "username": "ext:ada", "role": "admin"},
        {"do": "put_member", "item": "order-1", "username": "ext:bob", "role": "reader", **ada},
        publish("order-1", 3, **ada),
        {"do": "create_item", "item": "order-1"},
    )
    refused = ["item_not_found", 201, 1, 201, 201, 1, "forbidden", 201, 201, 5, "taken"]
    assert short(answers) == [*refused[:7], 200, *refused[8:]]
    entries = (await shop.do("GET", "/items/order-1/log"))["entries"]
    assert [(one["by"]["name"], one.get("via")) for one in entries] == [
        ("ada", "shop"),
        ("shop", None),
        ("shop", None),
        ("ada", "shop"),
        ("ada", "shop"),
    ]


async def test_batch_of_which_nothing_can_be_tried_is_answered(cast: Cast) -> None:
    """Nothing goes to the writer."""
    assert short(await batch(cast.stranger, publish("doc", 1))) == ["item_not_found"]


async def test_many_are_stored_in_their_order_over_many_items(shop: Program) -> None:
    """A thousand, of two items in turn."""
    items = ["order-1", "order-2"]
    await batch(shop, *({"do": "create_item", "item": item} for item in items))
    commands = [publish(items[n % 2], n, ref=f"r{n}") for n in range(MAX_COMMANDS)]
    answers = await batch(shop, *commands)
    assert short(answers) == [n // 2 + 1 for n in range(MAX_COMMANDS)]
    for place, item in enumerate(items):
        page = await shop.do("GET", f"/items/{item}/log?limit=500")
        bodies = [one["body"] for one in page["entries"]]
        assert bodies == list(range(place, MAX_COMMANDS, 2))
    again = await batch(shop, *commands)
    assert short(again) == short(answers)
    assert all(one["duplicate"] for one in again)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (None, "bad_request"),
        ({"do": "drop", "item": "doc"}, "bad_request"),
        ({"do": "publish", "item": "doc"}, "bad_request"),
        (publish("doc", 1, more=1), "bad_request"),
        (publish("doc", 1, ref=""), "bad_request"),
        ({"do": "react", "item": "doc", "target": 3, "value": ".."}, "bad_request"),
        ({"do": "delete", "item": "doc", "target": 0}, "bad_request"),
        ({"do": "create_item", "item": "a b"}, "bad_request"),
        ({"do": "create_item", "item": "doc"}, "taken"),
        (publish("no such", 1), "item_not_found"),
        (publish("none", 1), "item_not_found"),
        (publish("doc", "\ud800"), "bad_message"),
        (publish("doc", "x" * 20_000), "too_big"),
        (publish("doc", "else", ref="r"), "ref_conflict"),
        (publish("doc", 1, **{"as": "eve"}), "forbidden"),
        ({"do": "edit", "item": "doc", "target": 99, "body": 1}, "not_found"),
        ({"do": "put_member", "item": "doc", "username": "nobody", "role": "reader"}, "not_found"),
        ({"do": "remove_member", "item": "doc", "username": "root"}, "last_admin"),
    ],
    ids=str,
)
async def test_refused_command_leaves_the_others_as_they_are(
    cast: Cast, command: object, code: str
) -> None:
    """It has the code of the single call, and a sentence."""
    await cast.admin.do("POST", "/items/doc/messages", json={"body": "r", "ref": "r"})
    text = json.dumps({"commands": [publish("doc", 1), command, publish("doc", 2)]})
    answers = (await cast.admin.do("POST", "/batch", content=text))["answers"]
    assert short(answers) == [4, code, 5]
    assert answers[1]["detail"]
    assert answers[1]["status"] >= 400


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "malformed"),
        (b'{"commands": [', "malformed"),
        (b"\xff", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b"[]", "bad_request"),
        (b"{}", "bad_request"),
        (b'{"commands": []}', "bad_request"),
        (b'{"commands": {}}', "bad_request"),
        (b'{"commands": [1], "more": 1}', "bad_request"),
        (json.dumps({"commands": [1] * (MAX_COMMANDS + 1)}).encode(), "bad_request"),
        (b" " * (LARGER["/batch"] + 1), "too_big"),
    ],
    ids=[
        "empty",
        "cut",
        "bytes",
        "deep",
        "list",
        "none",
        "no one",
        "no list",
        "more",
        "many",
        "big",
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole(
    cast: Cast, content: bytes, code: str
) -> None:
    """With the code of any call's body."""
    assert await cast.admin.code("POST", "/batch", content=content) == code


async def test_stranger_sends_no_batch(people: People) -> None:
    """Nobody looks at it."""
    answer = await people.client.post("/batch", content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (401, "auth_missing")


async def test_batch_acts_for_whom_the_header_names_unless_a_command_does(shop: Program) -> None:
    """Somebody whom the key may not act for refuses those commands alone."""
    answers = await batch(
        shop,
        {"do": "create_item", "item": "order-1"},
        publish("order-1", 1),
        publish("order-1", 2, **{"as": "ext:2"}),
        publish("order-1", 3, **{"as": "nobody"}),
        headers={"Itemroom-As": "ext:1"},
    )
    assert short(answers) == [201, 1, 2, "not_found"]
    entries = (await shop.do("GET", "/items/order-1/log"))["entries"]
    assert [one["by"]["name"] for one in entries] == ["1", "2"]


async def test_key_that_acts_for_itself_acts_for_nobody_in_a_batch(
    state: State, people: People
) -> None:
    """And makes no user."""
    alone = await program(state, people.client, "alone")
    await alone.do("POST", "/items", json={"id": "order-1"})
    commands = [publish("order-1", 1, **{"as": name}) for name in ("ext:1", "bob")]
    assert short(await batch(alone, *commands)) == ["forbidden"] * 2
    assert await people.rows("SELECT key FROM \"user\" WHERE username = 'ext:1'") == []


@pytest.mark.parametrize(
    "settings",
    [{"publish_rate": 0.001, "publish_burst": 3, "new_item_rate": 0.001, "new_item_burst": 2}],
    indirect=True,
)
async def test_batch_counts_as_its_commands(settings: Settings, cast: Cast) -> None:
    """All together, before any is tried; new items beside that."""
    commands = [{"do": "create_item", "item": f"new-{n}"} for n in range(3)]
    answers = await batch(cast.writer, *commands)
    assert short(answers) == [201, 201, "rate_limited"]
    assert answers[2]["retry_after"] > 0
    body = {"commands": [publish("doc", 1)]}
    assert await cast.writer.code("POST", "/batch", json=body) == "rate_limited"
    body = {"commands": [publish("doc", 1)] * 4}
    assert await cast.admin.code("POST", "/batch", json=body) == "too_big"


@pytest.mark.parametrize("settings", [{"publish_rate": 0}], indirect=True)
async def test_batch_without_a_rate_is_as_large_as_it_may(settings: Settings, cast: Cast) -> None:
    """Zero is no limit."""
    answers = await batch(cast.writer, *[publish("doc", 1)] * 200)
    assert {one["status"] for one in answers} == {201}


async def test_command_that_the_writer_does_not_take_is_answered_so(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what a single call would hear; the others are stored."""
    submit, taken = state.writer.submit, 0

    def busy(command: Any, done: Any) -> None:
        nonlocal taken
        taken += 1
        if taken % 2 == 0:
            raise Refusal("busy", retry_after=1)
        submit(command, done)

    monkeypatch.setattr(state.writer, "submit", busy)
    answers = await batch(cast.admin, *[publish("doc", n) for n in range(4)])
    assert short(answers) == [3, "busy", 4, "busy"]
    assert (answers[1]["status"], answers[1]["retry_after"]) == (503, 1)


async def test_batch_whose_client_has_gone_is_stored_all_the_same(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the writer has taken it stores; nobody is told, and nothing fails."""
    dones: list[Any] = []
    monkeypatch.setattr(state.writer, "submit", lambda command, done: dones.append(done))
    call = asyncio.create_task(batch(cast.admin, publish("doc", 1)))
    while not dones:
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises((asyncio.CancelledError, httpx2.HTTPError)):
        await call
    dones[0](None, Refusal("busy"))
