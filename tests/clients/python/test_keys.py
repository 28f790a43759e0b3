"""What a service key does by the client."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from itemroom import Client, Message, Refused, Room
from itemroom.batches import BatchCommand
from itemroom.outbox import publish
from itemroom.relay import Relay
from tests.clients.python.shop import all_sent, left
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(server: LiveServer) -> Iterator[Client]:
    """A backend that acts for any user."""
    token = server.state.tokens.issue("operator", use="operator", ttl=60).token
    wish = {"name": "shop", "items": {"order-*": "admin"}, "acts_for_others": True}
    headers = {"Authorization": f"Bearer {token}"}
    made = httpx2.post(f"{server.url}/operator/keys", json=wish, headers=headers)
    with Client(server.url, token=made.json()["key"]) as client:
        yield client


def test_a_key_acts_for_others_where_it_is_told_to(server: LiveServer, shop: Client) -> None:
    """Call by call, or all of a client's; and entries say so."""
    ada = server.person("ada")
    shop.create_item("order-1", as_="ada")
    shop.set_member("order-1", "ext:Zoë", "writer", as_="ada")
    shop.publish("order-1", "one", as_="ext:Zoë")
    shop.edit("order-1", 2, "two", as_="ext:Zoë")
    shop.react("order-1", 2, "👍", as_="ada")
    shop.delete("order-1", 2, as_="ada")
    shop.remove_member("order-1", "ext:Zoë", as_="ada")
    assert shop.ticket("order-1", as_="ada")
    with Client(server.url, token=shop.token, as_="ada") as hers:
        assert hers.me()["id"] == ada.id
        hers.publish("order-1", "hers")
        shop.publish("order-1", "its")
        hers.call("GET", "/auth/me", as_="ext:Zoë", headers={"Accept": "application/json"})
    entries = list(shop.log("order-1"))
    assert [(entry.by["name"], entry.via) for entry in entries] == [
        ("ada", "shop"),
        ("Zoë", "shop"),
        ("Zoë", "shop"),
        ("ada", "shop"),
        ("ada", "shop"),
        ("ada", "shop"),
        ("ada", "shop"),
        ("shop", None),
    ]
    assert isinstance(entries[-1], Message)


async def test_a_room_is_somebodys_whom_the_key_acts_for(server: LiveServer, shop: Client) -> None:
    """What is said there is by them, and says so; and why they are not let in is told."""
    await asyncio.to_thread(shop.create_item, "order-1")
    async with Room(server.url, item="order-1", token=shop.token, as_="ext:Zoë") as room:
        assert room.you["name"] == "Zoë"
        seq = await room.publish("hello")
        async for entry in room:
            if entry.seq == seq:
                break
    assert (entry.by["name"], entry.via) == ("Zoë", "shop")
    with pytest.raises(Refused, match="not_found"):
        async with Room(server.url, item="order-1", token=shop.token, as_="nobody"):
            pass


@pytest.mark.parametrize("as_", ["", "ext:1\r\nCookie: a=b", "x" * 161])
async def test_nobody_acts_for_who_cannot_be(as_: str) -> None:
    """It would be another header, or none; and a ticket is somebody's already."""
    with pytest.raises(ValueError, match="printable"):
        Room("http://127.0.0.1:9", item="order-1", token="t", as_=as_)
    with pytest.raises(ValueError, match="ticket"):
        Room("http://127.0.0.1:9", item="order-1", ticket="t", as_="ada")


def test_messages_of_an_outbox_have_their_authors(
    shop: Client, engine: Engine, server: LiveServer
) -> None:
    """Each its own, in one item's order; whom nobody can act for is refused for good."""
    server.person("ada")
    shop.create_item("order-1")
    with Session(engine) as session, session.begin():
        publish(session, "order-1", 1, as_="ext:Zoë")
        publish(session, "order-1", 2)
        publish(session, "order-1", 3, as_="nobody")
        publish(session, "order-1", 4, as_="ada")
        with pytest.raises(ValueError, match="printable"):
            publish(session, "order-1", 5, as_="a\nb")
    asyncio.run(all_sent(engine, Relay(engine, shop)))
    sent = [(one.by["name"], one.via, one.body) for one in shop.log("order-1") if one.ref]
    assert sent == [("Zoë", "shop", 1), ("shop", None, 2), ("ada", "shop", 4)]
    assert [refused for _, _, refused in left(engine)] == [None, None, "not_found", None]


def test_a_batch_says_what_became_of_each(shop: Client) -> None:
    """And is refused as a whole only when it is none."""
    commands: list[BatchCommand] = [
        {"do": "create_item", "item": "order-1", "title": "One"},
        {"do": "publish", "item": "order-1", "as": "ext:42", "ref": "a", "body": "hi"},
        {"do": "publish", "item": "order-2", "body": "hi"},
    ]
    answers = shop.batch(commands)
    assert [one["status"] for one in answers] == [201, 201, 404]
    assert (answers[1]["seq"], answers[2]["code"]) == (1, "item_not_found")
    with pytest.raises(Refused, match="bad_request"):
        shop.batch([])


def test_users_and_rooms_are_a_backends(shop: Client) -> None:
    """Made, called otherwise, sent away; and who is where."""
    assert shop.put_user("ext:42")["name"] == "42"
    assert shop.put_user("ext:42", name="Ada")["name"] == "Ada"
    shop.disconnect("ext:42")
    with pytest.raises(Refused, match="not_found"):
        shop.disconnect("nobody")
    assert list(shop.rooms()) == []
