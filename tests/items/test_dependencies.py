"""From a credential and a path to an access, with the host product's tokens."""

import time
from pathlib import Path

import httpx2
import pytest
from jose import jwt

from api.errors import Refusal
from api.items.listing import list_items
from api.limits import Buckets
from api.rights.access import Credential, Principal
from api.settings import Settings
from api.state import State
from tests.databases import provided
from tests.items.conftest import Cast
from tests.people import People, Person

pytestmark = pytest.mark.anyio

ISSUER, AUDIENCE, SECRET = "https://product.example", "itemroom", "0123456789abcdefghijklmnopqrstuv"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """With an outside issuer."""
    return provided(tmp_path, issuer=ISSUER, issuer_audience=AUDIENCE, issuer_secret=SECRET)


def outside(client: httpx2.AsyncClient, items: dict[str, str], **more: object) -> Person:
    """Somebody whom the host product vouches for."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "team/ada",
        "name": "Ada",
        "iat": now,
        "exp": now + 60,
        "jti": "one",
        "items": items,
        **more,
    }
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return Person(client, "ext:team/ada", "", token)


async def test_item_of_an_outside_claim_made_on_first_use(
    client: httpx2.AsyncClient, people: People
) -> None:
    """The claim grants the role; no membership is stored, and the marker works."""
    ada = outside(client, {"order-*": "writer"})
    assert (await ada.do("GET", "/items/order-1"))["role"] == "writer"
    await ada.do("POST", "/items/order-1/messages", json={"body": "hi"})
    assert await ada.code("PATCH", "/items/order-1", json={"title": "x"}) == "forbidden"
    await ada.do("PUT", "/items/order-1/read", json={"seq": 1})
    page = await ada.do("GET", "/items")
    assert [(item["id"], item["read_seq"]) for item in page["items"]] == [("order-1", 1)]
    assert await people.rows("SELECT role FROM membership") == [(None,)]


async def test_title_and_members_of_an_items_claim_are_its_admins_to_set(
    client: httpx2.AsyncClient, people: People
) -> None:
    """A product's backend makes the item by using it, and members before they have ever come."""
    shop = outside(client, {"order-1": "admin"})
    await shop.do("PATCH", "/items/order-1", json={"title": "Order 1"})
    for username in ("ext:bob", "ext:bob"):
        member = f"/items/order-1/members/{username}"
        shown = await shop.do("PUT", member, json={"role": "writer"})
        assert (shown["username"], shown["user"]["name"]) == ("ext:bob", "bob")
    bob = outside(client, {}, sub="bob", name="Bob")
    [item] = (await bob.do("GET", "/items"))["items"]
    assert (item["id"], item["title"], item["role"]) == ("order-1", "Order 1", "writer")
    assert (await bob.do("GET", "/auth/me"))["name"] == "Bob"
    query = 'SELECT username, issuer, subject FROM "user" ORDER BY key'
    assert (await people.rows(query))[1] == ("ext:bob", ISSUER, "bob")


@pytest.mark.parametrize("username", ["bob", "ext:", "ext:a%00b", "ext:" + "x" * 129])
async def test_user_whom_the_issuer_cannot_have_is_not_made(
    client: httpx2.AsyncClient, people: People, username: str
) -> None:
    """Nor a local one."""
    shop = outside(client, {"order-1": "admin"})
    member = f"/items/order-1/members/{username}"
    assert await shop.code("PUT", member, json={"role": "writer"}) == "not_found"


async def test_nobody_is_made_for_who_is_no_admin_or_not_of_the_issuer(
    client: httpx2.AsyncClient, people: People, cast: Cast
) -> None:
    """What was made on the way is undone."""
    role = {"role": "writer"}
    member = "/items/doc/members/ext:bob"
    writer = outside(client, {"doc": "writer"})
    assert await writer.code("PUT", member, json=role) == "forbidden"
    assert await cast.admin.code("PUT", member, json=role) == "not_found"
    assert await people.rows("SELECT key FROM \"user\" WHERE username = 'ext:bob'") == []


async def test_item_that_no_claim_names_not_made(
    client: httpx2.AsyncClient, people: People
) -> None:
    """Neither ids beyond the claim nor such as cannot exist."""
    ada = outside(client, {"order-*": "writer", "*": "reader"})
    for item_id in ("-1", "a%20b", "x" * 200):
        assert await ada.code("GET", f"/items/{item_id}") == "item_not_found"
    assert await people.rows("SELECT id FROM item") == []


async def test_item_deleted_stays_so_for_outside_claims(
    client: httpx2.AsyncClient, cast: Cast
) -> None:
    """B8: a claim does not bring an id back."""
    await cast.admin.do("DELETE", "/items/doc")
    assert await outside(client, {"doc": "admin"}).code("GET", "/items/doc") == "item_not_found"


async def test_credential_that_ends_while_items_are_listed_refused(
    state: State, people: People, cast: Cast
) -> None:
    """An expired credential is no empty list."""
    who = Principal(1, "u-root", "Root", Credential("access", "j", 2**50, 1))
    with pytest.raises(Refusal, match="auth_expired"):
        await state.readers.read(list_items, who, None, 10)


async def test_items_that_a_claim_brings_along_are_limited(
    client: httpx2.AsyncClient, state: State, people: People
) -> None:
    """A wide claim must not let its user fill the database by looking at ids."""
    state.new_items = Buckets(0.1, 1)
    ada = outside(client, {"order-*": "writer"})
    await ada.do("GET", "/items/order-1")
    refused = await ada.call("GET", "/items/order-2")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    await ada.do("GET", "/items/order-1")
