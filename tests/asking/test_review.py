"""Messages that the product is asked about before they are stored."""

import asyncio
from typing import Any

import pytest

import api.asking.review as asking
from api.errors import Refusal
from tests.asking.conftest import Ask
from tests.asking.shop import Shop
from tests.operators.test_backend import key
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


async def send(person: Person, body: object, **more: object) -> Any:
    """A message by REST: what is answered."""
    wish = {"body": body, **more}
    answer = await asyncio.to_thread(person.call, "POST", "/items/order-17/messages", json=wish)
    return answer.json().get("code", answer.status_code)


def ada_of(server: LiveServer) -> Person:
    ada = server.person("ada")
    ada.create("order-17")
    return ada


async def test_message_is_stored_as_the_product_has_it(shop: Shop, reviewing: Ask) -> None:
    """As it was said, with another body, or not at all; edits likewise."""
    shop.unsaid = {
        "my card is 4111": {"body": "my card is ****"},
        "damn": "Mind your language.",
        "": "x" * 1000,
    }
    server = reviewing()
    ada = ada_of(server)
    async with ada.room("order-17") as talk:
        await talk.get("live")
        assert (await talk.publish("hello", "r1"))["type"] == "ack"
        assert (await talk.publish("my card is 4111", "r2"))["seq"] == 2
        refused = await talk.publish("damn", "r3")
        assert (refused["code"], refused["message"]) == ("rejected", "Mind your language.")
        assert len((await talk.publish("", "r4"))["message"]) == 500
        await talk.send("edit", target=1, body="damn", ref="r5")
        assert (await talk.get("ack", "error"))["code"] == "rejected"
        await talk.send("edit", target=1, body="my card is 4111", ref="r6")
        assert (await talk.get("ack", "error"))["type"] == "ack"
        said = [frame["body"] for frame in talk.seen if frame["type"] in ("message", "edit")]
        assert said == ["hello", "my card is ****", "my card is ****"]
    assert await send(ada, "damn") == "rejected"
    assert await send(ada, "hello") == 201
    by = {"id": ada.id, "username": "ada", "name": "ada"}
    first = {"item": "order-17", "by": by, "kind": "message", "ref": "r1", "body": "hello"}
    assert shop.asked[0] == first
    fifth = {"item": "order-17", "by": by, "kind": "edit", "target": 1, "ref": "r5"}
    assert shop.asked[4] == fifth | {"body": "damn"}


async def test_retry_is_not_judged_again(shop: Shop, reviewing: Ask) -> None:
    """What was stored is stored, whatever the product thinks of it by now."""
    shop.unsaid = {"4111": {"body": "****"}}
    ada = ada_of(reviewing())
    assert await send(ada, "4111", ref="r") == 201
    shop.unsaid = {"4111": "No."}
    assert await send(ada, "4111", ref="r") == 200
    assert await send(ada, "other", ref="r") == "ref_conflict"
    assert len(shop.asked) == 1


async def test_order_of_what_somebody_says_is_kept(shop: Shop, reviewing: Ask) -> None:
    """However long the product thinks of which; others do not wait."""
    server = reviewing()
    ada, bob = ada_of(server), server.person("bob")
    await asyncio.to_thread(ada.call, "PUT", "/items/order-17/members/bob", json={"role": "writer"})
    shop.slow = {"slow": asyncio.Event()}
    async with ada.room("order-17") as talk, bob.room("order-17") as other:
        await talk.get("live")
        head = talk.welcome["head"]
        assert (await talk.publish("first", "r0"))["seq"] == head + 1
        for ref, body in (("r1", "slow"), ("r2", "quick")):
            await talk.send("publish", ref=ref, body=body)
        # Nothing is asked of this one, and it has its place all the same.
        await talk.send("react", ref="r3", target=head + 1, value="+1", on=True)
        await _asked(shop, 3)
        assert (await other.publish("meanwhile"))["seq"] == head + 2
        shop.slow["slow"].set()
        acks = [await talk.get("ack", "error") for _ in range(3)]
        assert [(ack["ref"], ack["seq"] - head) for ack in acks] == [
            *(("r1", 3), ("r2", 4), ("r3", 5))
        ]


async def test_refused_message_lets_the_next_one_pass(shop: Shop, reviewing: Ask) -> None:
    """Each is answered by itself."""
    shop.unsaid = {"damn": "No."}
    server = reviewing()
    async with ada_of(server).room("order-17") as talk:
        for ref, body in (("r1", "damn"), ("r2", "well")):
            await talk.send("publish", ref=ref, body=body)
        answers = [await talk.get("ack", "error") for _ in range(2)]
        assert [(one["type"], one["ref"]) for one in answers] == [("error", "r1"), ("ack", "r2")]


@pytest.mark.parametrize(("choice", "outcome"), [("refuse", "review_unavailable"), ("accept", 201)])
@pytest.mark.parametrize("failure", ["down", "hang", {"body": "x" * 20_000}])
async def test_product_that_does_not_answer_decides_nothing(
    shop: Shop, reviewing: Ask, choice: str, outcome: object, failure: Any
) -> None:
    """The setting does; so it does when what is to be stored instead cannot be."""
    ada = ada_of(reviewing(review_failure=choice))
    if failure == "down":
        shop.down = True
    elif failure == "hang":
        shop.hang = asyncio.Event()
    else:
        shop.unsaid = {"hello": failure}
    assert await send(ada, "hello") == outcome
    if shop.hang is not None:
        shop.hang.set()


async def test_what_the_product_itself_says_is_not_reviewed(shop: Shop, reviewing: Ask) -> None:
    """By a service key, for whomever."""
    shop.down = True
    server = reviewing()
    ada_of(server)
    program = key(server, {"order-*": "admin"}, acts_for_others=True)
    assert await send(program, "hello") == 201
    assert shop.asked == []


async def test_batch_is_reviewed_message_by_message(shop: Shop, reviewing: Ask) -> None:
    """One that is refused leaves the others as they are."""
    shop.unsaid = {"damn": "No."}
    server = reviewing()
    ada = ada_of(server)
    bodies = ("a", "damn", "b")
    commands: list[object] = [{"do": "create_item", "item": "order-18"}]
    commands += [{"do": "publish", "item": "order-17", "body": body} for body in bodies]
    answer = await asyncio.to_thread(ada.call, "POST", "/batch", json={"commands": commands})
    answers = answer.json()["answers"]
    assert [one.get("code", one["status"]) for one in answers] == [201, 201, "rejected", 201]
    assert answers[3]["seq"] == answers[1]["seq"] + 1


async def test_server_that_stops_refuses_what_waits(shop: Shop, reviewing: Ask) -> None:
    """It is answered, and was not stored."""
    shop.hang = asyncio.Event()
    server = reviewing(shutdown_grace=0.4)
    ada = ada_of(server)
    async with ada.room("order-17") as talk:
        await talk.send("publish", ref="r", body="hello")
        await _asked(shop, 1)
        await asyncio.to_thread(server.stop)
        code, _, _ = await talk.closed()
        assert code == 1012
    shop.hang.set()


async def _asked(shop: Shop, times: int) -> None:
    while len(shop.asked) < times:
        await asyncio.sleep(0.01)


async def test_too_many_that_wait_are_refused(
    shop: Shop, reviewing: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`busy`: the same message again in a moment."""
    monkeypatch.setattr(asking, "MAX_WAITING", 1)
    shop.hang = asyncio.Event()
    ada = ada_of(reviewing())
    waiting = asyncio.create_task(send(ada, "one"))
    await _asked(shop, 1)
    assert await send(ada, "two") == "busy"
    shop.hang.set()
    assert await waiting == 201
    assert await send(ada, "two") == 201


async def test_failure_of_ours_is_no_yes(
    shop: Shop, reviewing: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is stored, and the log has what happened."""
    ada = ada_of(reviewing())

    def fail(*_: object) -> object:
        raise LookupError("a fault")

    monkeypatch.setattr(asking, "_question", fail)
    assert await send(ada, "one") == "internal"
    assert "a message could not be reviewed" in caplog.text
    monkeypatch.undo()
    assert await send(ada, "one") == 201


async def test_writer_that_takes_no_more_is_told_of(
    shop: Shop, reviewing: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it had been asked at once."""
    server = reviewing()
    ada = ada_of(server)

    def full(*_: object) -> None:
        raise Refusal("busy", retry_after=1)

    monkeypatch.setattr(server.state.writer, "submit", full)
    assert await send(ada, "one") == "busy"
    monkeypatch.undo()


async def test_message_in_the_making_is_nothing_to_review(shop: Shop, reviewing: Ask) -> None:
    """It is read while it is written: only the product's own programs may."""
    server = reviewing()
    ada = ada_of(server)
    program = key(server, {"order-*": "admin"})
    assert await send(ada, "", open=True) == "rejected"
    assert await send(program, "", open=True) == 201
    assert shop.asked == []
