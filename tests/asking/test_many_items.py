"""Items that a client of many joins because the product says that it may."""

import asyncio

import pytest

from tests.asking.conftest import Ask
from tests.asking.shop import Shop
from tests.asking.test_authorize import _asked
from tests.deadlines import scaled
from tests.serving import Talk

pytestmark = pytest.mark.anyio


async def joined(talk: Talk, item: str) -> str:
    """What comes of a join: the role, or the reason."""
    await talk.send("join", item=item)
    return outcome(await talk.get("welcome", "left"))


def outcome(frame: dict[str, object]) -> str:
    """A role, or a reason."""
    you = frame.get("you")
    return str(you["role"] if isinstance(you, dict) else frame["reason"])


async def test_item_of_the_shop_is_joined_and_left_as_it_says(shop: Shop, authorizing: Ask) -> None:
    """Each item by its own answer, which is asked for again; the socket and its others stay."""
    server = authorizing()
    dan = server.person("dan")
    dan.create("own")
    shop.roles, shop.ttl = {("dan", "order-17"): "writer", ("dan", "order-18"): "writer"}, 3
    async with asyncio.timeout(scaled(30)), dan.rooms() as talk:
        assert await joined(talk, "own") == "admin"
        assert shop.asked == []
        assert await joined(talk, "order-17") == "writer"
        assert await joined(talk, "order-18") == "writer"
        assert await joined(talk, "order-19") == "item_not_found"
        assert await joined(talk, "no id") == "item_not_found"
        await talk.send("auth", token=dan.token)
        await talk.get("auth")
        await talk.send("publish", item="order-17", ref="r", body="hello")
        assert (await talk.get("ack", "error"))["type"] == "ack"
        await talk.send("leave", item="order-18")
        await talk.get("left")
        del shop.roles["dan", "order-17"]
        left = await talk.get("left")
        assert (left["item"], left["reason"]) == ("order-17", "removed")
        await talk.send("publish", item="own", ref="r", body="hello")
        assert (await talk.get("ack", "error"))["type"] == "ack"


async def test_shop_that_is_down_leaves_its_items_alone(shop: Shop, authorizing: Ask) -> None:
    """None is joined, one that was ends with its answer, and others go on."""
    server = authorizing()
    dan = server.person("dan")
    dan.create("own")
    shop.roles, shop.ttl = {("dan", "order-17"): "writer"}, 3
    async with asyncio.timeout(scaled(30)), dan.rooms() as talk:
        assert await joined(talk, "order-17") == "writer"
        shop.down = True
        assert await joined(talk, "own") == "admin"
        assert await joined(talk, "order-18") == "authorize_unavailable"
        left = await talk.get("left")
        assert (left["item"], left["reason"]) == ("order-17", "authorize_unavailable")
        assert left["retry"] == "later"


async def test_join_that_is_taken_back_asks_nobody_any_more(shop: Shop, authorizing: Ask) -> None:
    """While the shop is asked an item is neither joined nor free; leaving it ends that."""
    server = authorizing()
    dan = server.person("dan")
    shop.roles, shop.hang = {("dan", "order-17"): "writer"}, asyncio.Event()
    async with asyncio.timeout(scaled(30)), dan.rooms() as talk:
        await talk.send("join", item="order-17")
        await _asked(shop, 1)
        assert (await _error(talk, "join"), await _error(talk, "publish", body="x")) == (
            "already_joined",
            "not_joined",
        )
        await talk.send("leave", item="order-17")
        assert "reason" not in await talk.get("left")
        await talk.send("auth", token=dan.token)
        await talk.get("auth")
        await talk.send("join", item="order-17")
        shop.hang.set()
        assert outcome(await talk.get("welcome", "left")) == "writer"
    async with dan.rooms() as talk:
        shop.hang = asyncio.Event()
        await talk.send("join", item="order-18")
        await _asked(shop, len(shop.asked) + 1)
    while server.state.hub.guests:
        await asyncio.sleep(0.01)
    shop.hang.set()


async def test_token_that_comes_while_the_shop_is_asked_counts(
    shop: Shop, authorizing: Ask
) -> None:
    """The item is looked for once more, by the newer one."""
    server = authorizing()
    dan = server.person("dan")
    shop.roles, shop.hang = {("dan", "order-17"): "writer"}, asyncio.Event()
    async with asyncio.timeout(scaled(30)), dan.rooms() as talk:
        await talk.send("join", item="order-17")
        await _asked(shop, 1)
        await talk.send("auth", token=dan.token)
        await talk.get("auth")
        shop.hang.set()
        assert outcome(await talk.get("welcome", "left")) == "writer"


async def _error(talk: Talk, type_: str, **more: object) -> str:
    await talk.send(type_, item="order-17", **more)
    return str((await talk.get("error"))["code"])
