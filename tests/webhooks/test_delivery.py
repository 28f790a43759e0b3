"""Entries reach a program of the product's, signed, in order, each at least once."""

import asyncio
from pathlib import Path

import pytest

from api.store.store import store_of
from api.webhooks.cursors import GIVEN_UP
from tests.conftest import Serve
from tests.databases import change
from tests.outgoing.receiver import Call, Receiver, accept, answer, receiving
from tests.programs.waiting import free_port
from tests.serving import Fields, Person
from tests.webhooks.conftest import Shop
from tests.webhooks.hooking import Caller, is_signed, key_of, operator, publish, told, until

pytestmark = pytest.mark.anyio


async def refuse(call: Call) -> bytes:
    return answer(500)


async def hang(call: Call) -> bytes:
    await asyncio.Event().wait()
    raise AssertionError


async def test_what_is_stored_is_sent_signed_and_in_order(shop: Shop) -> None:
    """From the webhook's beginning on, and of matching items alone."""
    async with receiving() as receiver:
        await asyncio.to_thread(shop.ada.create, "other")
        await publish(shop.ada, "order-1", "before")
        hook = await asyncio.to_thread(shop.key.hook, receiver)
        await publish(shop.ada, "order-1", "one", "two")
        await publish(shop.ada, "other", "not this")
        await asyncio.to_thread(shop.ada.create, "order-3")
        await publish(shop.ada, "order-3", "three")
        await until(lambda: told(receiver, "order-1") == ["one", "two"])
        await until(lambda: told(receiver, "order-3") == ["three"])
    assert all(is_signed(call, hook["secret"]) for call in receiver.calls)
    assert not any(is_signed(call, "whsec_" + "A" * 32) for call in receiver.calls)
    assert {call.json["item"] for call in receiver.calls} == {"order-1", "order-3"}
    first = receiver.calls[0].json
    assert first.keys() == {"item", "epoch", "entries"}
    assert first["entries"][0]["by"] == {"id": shop.ada.id, "name": "ada"}


async def test_old_entries_are_sent_when_it_begins_at_the_start(shop: Shop) -> None:
    """Only of the kinds that it wants, with a secret of its own."""
    secret = "whsec_" + "B" * 32
    await publish(shop.ada, "order-1", *range(5))
    await publish(shop.ada, "order-2", "not wanted")
    await asyncio.to_thread(shop.ada.call, "PATCH", "/items/order-1", json={"title": "One"})
    async with receiving() as receiver:
        wish: Fields = {"from": "start", "kinds": ["item"], "secret": secret}
        made = await asyncio.to_thread(lambda: shop.key.hook(receiver, **wish))
        assert made["secret"] == secret
        await until(lambda: receiver.calls)
        await until(lambda: shop.key.show(made)["behind"]["entries"] == 0)
    (call,) = receiver.calls
    assert is_signed(call, secret)
    assert [(entry["type"], entry["title"]) for entry in call.json["entries"]] == [("item", "One")]


async def test_refused_batch_is_sent_again_and_holds_up_no_other_item(shop: Shop) -> None:
    """Under the same id, before what has come meanwhile."""

    async def refuse_first_item(call: Call) -> bytes:
        return answer(500 if call.json["item"] == "order-1" else 204)

    async with receiving(refuse_first_item) as receiver:
        hook = await asyncio.to_thread(shop.key.hook, receiver)
        await publish(shop.ada, "order-1", "one")
        await until(lambda: shop.key.show(hook)["last_failure"])
        await publish(shop.ada, "order-1", "two")
        await publish(shop.ada, "order-2", "three")
        await until(lambda: told(receiver, "order-2") == ["three"])
        shown = await asyncio.to_thread(shop.key.show, hook)
        assert shown["last_failure"] | {"at": ""} == {
            "at": "",
            "item": "order-1",
            "reason": "It answered 500.",
        }
        behind = shown["behind"]
        assert (behind["items"], behind["entries"], behind["failing"]) == (1, 2, 1)
        assert behind["since"] is not None
        await until(lambda: shop.metric("webhook_entries_due") == 2)
        assert shop.metric("webhook_lag_seconds") > 0
        assert shop.metric('webhook_calls_total{outcome="refused"}') >= 1
        assert shop.metric('webhook_calls_total{outcome="delivered"}') == 1
        calls = len(receiver.calls)
        await shop.pass_time(3600)
        await until(lambda: len(receiver.calls) > calls)
        receiver.answering = accept
        await until(lambda: shop.key.show(hook)["behind"]["failing"] == 1)
        await shop.pass_time(3600)
        await until(lambda: told(receiver, "order-1") == ["one", "two"])
        await until(lambda: shop.key.show(hook)["behind"]["entries"] == 0)
        await until(lambda: shop.metric("webhook_entries_due") == 0)
        assert shop.metric("webhook_lag_seconds") == 0
    ids = [
        call.headers["webhook-id"]
        for call in receiver.calls
        if call.json["entries"][0]["body"] == "one"
    ]
    assert len(ids) >= 3
    assert len(set(ids)) == 1
    again = [call.body for call in receiver.calls if call.headers["webhook-id"] == ids[0]]
    assert len(set(again)) == 1


@pytest.mark.parametrize(("status", "waits"), [(503, True), (429, True), (500, False)])
async def test_receiver_may_say_when_to_come_back(shop: Shop, status: int, *, waits: bool) -> None:
    """It is left alone for as long, where it says that it is busy."""

    async def busy(call: Call) -> bytes:
        return answer(status, "", "Retry-After: 600\r\n")

    async with receiving(busy) as receiver:
        hook = await asyncio.to_thread(shop.key.hook, receiver)
        await publish(shop.ada, "order-1", "one")
        await until(lambda: shop.key.show(hook)["last_failure"])
        receiver.answering = accept
        calls = len(receiver.calls)
        await shop.pass_time(300)
        if not waits:
            await until(lambda: len(receiver.calls) > calls)
            return
        await shop.pass_time(250)
        assert len(receiver.calls) == calls
        await shop.pass_time(100)
        await until(lambda: len(receiver.calls) > calls)
        assert told(receiver, "order-1") == ["one"]


async def test_nothing_is_lost_while_nobody_is_there(shop: Shop) -> None:
    """A receiver that is down is told all of it, in order, when it is up again."""
    url = f"http://127.0.0.1:{free_port()}/hook"
    hook = await asyncio.to_thread(shop.key.hook, url)
    await publish(shop.ada, "order-1", *range(120))
    await until(lambda: shop.key.show(hook)["last_failure"])
    reason = (await asyncio.to_thread(shop.key.show, hook))["last_failure"]["reason"]
    assert reason.startswith("No connection: ")
    async with receiving() as receiver:
        await asyncio.to_thread(lambda: shop.key.change(hook, url=receiver.url))
        await shop.pass_time(3600)
        await until(lambda: len(told(receiver, "order-1")) == 120)
        assert told(receiver, "order-1") == list(range(120))
    assert all(len(call.json["entries"]) <= 100 for call in receiver.calls)


async def test_receiver_that_hangs_delays_no_other(shop: Shop) -> None:
    """However many items wait for it; the other's get there meanwhile."""
    async with receiving(hang) as slow, receiving() as quick:
        for receiver in (slow, quick):
            await asyncio.to_thread(shop.key.hook, receiver)
        for n in range(3, 12):
            await asyncio.to_thread(shop.ada.create, f"order-{n}")
            await publish(shop.ada, f"order-{n}", n)
        await until(lambda: len(slow.calls) == 4)
        await until(lambda: all(told(quick, f"order-{n}") == [n] for n in range(3, 12)))
        assert len(slow.calls) == 4
        # All that is due, and not only what is being sent.
        await until(lambda: shop.metric("webhook_entries_due") == 9)


async def test_receiver_that_is_gone_is_left_alone(shop: Shop) -> None:
    """410: its webhook is paused and says so; redirects are a failure like any other."""

    async def gone(call: Call) -> bytes:
        return answer(410)

    async def moved(call: Call) -> bytes:
        return answer(307, headers=f"Location: {other.url}\r\n")

    async with receiving(moved) as receiver, receiving() as other:
        hook = await asyncio.to_thread(shop.key.hook, receiver)
        await publish(shop.ada, "order-1", "one")
        await until(lambda: shop.key.show(hook)["last_failure"])
        shown = await asyncio.to_thread(shop.key.show, hook)
        assert shown["last_failure"]["reason"] == "It answered 307: redirects are not followed."
        assert shown["state"] == "active"
        receiver.answering = gone
        await shop.pass_time(3600)
        await until(lambda: shop.key.show(hook)["state"] == "paused")
        shown = await asyncio.to_thread(shop.key.show, hook)
        assert (shown["reason"], shown["paused_at"] is not None) == ("gone", True)
        assert other.calls == []


async def test_webhook_is_paused_after_three_days_and_goes_on_when_told(shop: Shop) -> None:
    """The batch that failed is sent once more, or passed over."""
    async with receiving(refuse) as receiver:
        hook = await asyncio.to_thread(shop.key.hook, receiver)
        await publish(shop.ada, "order-1", "one")
        await until(lambda: shop.key.show(hook)["last_failure"])
        days = f"UPDATE webhook_cursor SET attempts = {GIVEN_UP}, next_at = 0"
        await asyncio.to_thread(change, shop.server.settings, days)
        await until(lambda: shop.key.show(hook)["reason"] == "failed")
        await until(lambda: shop.metric("webhooks_paused") == 1)
        await publish(shop.ada, "order-1", "two")
        await publish(shop.ada, "order-2", "three")
        receiver.answering = accept
        calls = len(receiver.calls)
        await asyncio.to_thread(lambda: shop.key.change(hook, state="active", skip="failed"))
        await until(lambda: told(receiver, "order-2") == ["three"])
        await until(lambda: len(receiver.calls) == calls + 2)
        await until(lambda: shop.metric("webhooks_paused") == 0)
        late = [call.json["entries"][0]["body"] for call in receiver.calls[calls:]]
        assert sorted(late) == ["three", "two"]


async def test_paused_webhook_waits_and_forgets_nothing(shop: Shop) -> None:
    """Unless it is to skip what came meanwhile."""
    async with receiving() as receiver:
        hook = await asyncio.to_thread(shop.key.hook, receiver)
        paused = await asyncio.to_thread(lambda: shop.key.change(hook, state="paused"))
        assert (paused["state"], paused["reason"]) == ("paused", "asked")
        await publish(shop.ada, "order-1", "one")
        active = await asyncio.to_thread(lambda: shop.key.change(hook, state="active"))
        assert (active["state"], active["reason"], active["paused_at"]) == ("active", None, None)
        await until(lambda: told(receiver, "order-1") == ["one"])
        await asyncio.to_thread(lambda: shop.key.change(hook, state="paused"))
        await publish(shop.ada, "order-1", "two")
        await publish(shop.ada, "order-2", "three")
        await asyncio.to_thread(lambda: shop.key.change(hook, state="active", skip="all"))
        await publish(shop.ada, "order-1", "four")
        await until(lambda: told(receiver, "order-1") == ["one", "four"])
        assert told(receiver, "order-2") == []


async def test_key_that_ends_ends_its_webhooks(shop: Shop) -> None:
    """They are paused; made anew with less, it is told less."""
    async with receiving() as receiver:
        hook = await asyncio.to_thread(shop.key.hook, receiver)
        runs = operator(shop.server)
        await asyncio.to_thread(runs.do, "POST", "/operator/keys/shop/revoke")
        await until(lambda: runs.show(hook)["reason"] == "key_ended")
        narrow = await asyncio.to_thread(key_of, shop.server, "shop", "order-2")
        assert (await asyncio.to_thread(narrow.show, hook))["key"] == "shop"
        await asyncio.to_thread(lambda: narrow.change(hook, state="active"))
        await publish(shop.ada, "order-1", "one")
        await publish(shop.ada, "order-2", "two")
        await until(lambda: told(receiver, "order-2") == ["two"])
        assert told(receiver, "order-1") == []


async def test_trial_says_what_became_of_it(shop: Shop) -> None:
    """Also of a webhook that is paused; an operator's is of all items, and nobody's key's."""
    runs: Caller = operator(shop.server)
    async with receiving() as receiver:
        hook = await asyncio.to_thread(runs.hook, receiver, "*")
        assert hook["key"] is None
        await asyncio.to_thread(lambda: runs.change(hook, state="paused"))
        path = f"/webhooks/{hook['id']}/test"
        tried = await asyncio.to_thread(runs.do, "POST", path)
        seconds = tried.pop("seconds")
        assert 0 <= seconds < 10
        assert tried == {"outcome": "delivered", "status": 200, "reason": None}
        (call,) = receiver.calls
        assert is_signed(call, hook["secret"])
        assert call.json == {"item": "", "epoch": "", "entries": [], "test": True}
        receiver.answering = refuse
        tried = await asyncio.to_thread(runs.do, "POST", path)
        assert (tried["outcome"], tried["status"]) == ("refused", 500)
    tried = await asyncio.to_thread(runs.do, "POST", path)
    assert (tried["outcome"], tried["status"]) == ("unanswered", None)


async def test_message_in_the_making_is_sent_when_it_begins_and_when_it_ends(shop: Shop) -> None:
    """It holds up nothing, and the end has the whole text."""

    def post(path: str, **body: object) -> None:
        answered = shop.ada.call("POST", f"/items/order-1/messages{path}", json=body)
        assert answered.is_success, answered.text

    async with receiving() as receiver:
        kinds: Fields = {"kinds": ["message", "finish"]}
        await asyncio.to_thread(lambda: shop.key.hook(receiver, **kinds))
        await asyncio.to_thread(lambda: post("", body="", open=True))
        await publish(shop.ada, "order-1", "meanwhile")
        await until(lambda: told(receiver, "order-1")[-1:] == ["meanwhile"])
        for at, text in ((0, "Hel"), (3, "lo")):
            await asyncio.to_thread(lambda at=at, text=text: post("/1/append", at=at, text=text))  # type: ignore[misc] # mypy cannot infer its type
        await asyncio.to_thread(lambda: post("/1/finish"))
        await until(lambda: entries(receiver)[-1]["type"] == "finish")
    begun, other, ended = entries(receiver)
    assert (begun["open"], begun["body"], other["body"]) == (True, "", "meanwhile")
    assert (ended["target"], ended["state"], ended["body"]) == (1, "done", "Hello")


def entries(receiver: Receiver) -> list[Fields]:
    return [entry for call in receiver.calls for entry in call.json["entries"]]


async def test_secret_is_replaced_without_a_gap(shop: Shop) -> None:
    """A receiver that knows both misses nothing."""
    secret = "whsec_" + "C" * 32
    async with receiving() as receiver:
        hook = await asyncio.to_thread(shop.key.hook, receiver)
        await publish(shop.ada, "order-1", "one")
        await until(lambda: told(receiver, "order-1") == ["one"])
        changed = await asyncio.to_thread(lambda: shop.key.change(hook, secret=secret))
        assert "secret" not in changed
        await publish(shop.ada, "order-1", "two")
        await until(lambda: told(receiver, "order-1") == ["one", "two"])
        # The change may be heard of a moment later; what is tried anew has it.
        await publish(shop.ada, "order-1", "three")
        await until(lambda: is_signed(receiver.calls[-1], secret))
    assert all(is_signed(c, hook["secret"]) or is_signed(c, secret) for c in receiver.calls)


@pytest.mark.sqlite
async def test_database_that_was_put_back_goes_on_where_the_webhook_was_then(
    serve: Serve, tmp_path: Path
) -> None:
    """Nothing that the log has is lost, under an epoch that the receiver has not seen."""
    server = serve(outgoing_private=True)
    ada = await asyncio.to_thread(server.person, "ada")
    await asyncio.to_thread(ada.create, "order-1")
    store = store_of(server.settings)
    async with receiving() as receiver:
        hook = await asyncio.to_thread(key_of(server).hook, receiver)
        await publish(ada, "order-1", "one")
        await until(lambda: operator(server).show(hook)["behind"]["entries"] == 0)
        await asyncio.to_thread(store.back_up, tmp_path / "backup.db")
        await publish(ada, "order-1", "lost")
        await until(lambda: told(receiver, "order-1") == ["one", "lost"])
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(store.restore, tmp_path / "backup.db")
        again = serve(outgoing_private=True)
        there = Person(again, ada.username, ada.id, ada.token)
        await publish(there, "order-1", "new")
        await until(lambda: told(receiver, "order-1") == ["one", "lost", "new"])
    *_, lost, new = [call.json for call in receiver.calls]
    assert lost["entries"][0]["seq"] == new["entries"][0]["seq"] == 2
    assert lost["epoch"] != new["epoch"]
