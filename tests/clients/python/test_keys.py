"""What a service key does by the client."""

from collections.abc import Iterator

import httpx2
import pytest

from itemroom import Client, Message, Refused
from itemroom.batches import BatchCommand
from tests.serving import LiveServer


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
