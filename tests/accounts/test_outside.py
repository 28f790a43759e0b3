import asyncio
import time
import uuid
from functools import partial
from typing import Any

import pytest
from jose import jwt

from api.accounts.identity import identify_token
from api.accounts.outside import expect_outside_user
from api.accounts.users import disable_user
from api.errors import Refusal
from api.items.outside import ensure_outside_item
from api.items.tickets import redeem_ticket
from api.rights.access import Principal, Role, grant
from api.rights.standing import load_standing
from api.state import State
from tests.accounts.conftest import ISSUER_SECRET, Visit
from tests.accounts.visitor import Visitor, bearer, problem_of

pytestmark = pytest.mark.anyio


def product_token(subject: str = "user-7", **claims: Any) -> str:
    """A token as the host product signs it."""
    now = int(time.time())
    values = {
        "iss": "https://product.example",
        "aud": "itemroom",
        "sub": subject,
        "iat": now,
        "exp": now + 600,
        "jti": str(uuid.uuid4()),
    }
    return str(jwt.encode(values | claims, ISSUER_SECRET, algorithm="HS256"))


async def users(state: State) -> list[tuple[Any, ...]]:
    query = 'SELECT username, name FROM "user" ORDER BY key'
    return await state.readers.read(
        lambda connection: [tuple(row) for row in connection.exec_driver_sql(query)]
    )


async def items(state: State) -> list[tuple[Any, ...]]:
    query = "SELECT id, title, head, oldest, length(epoch) FROM item"
    return await state.readers.read(
        lambda connection: [tuple(row) for row in connection.exec_driver_sql(query)]
    )


async def test_outside_user_is_made_on_first_use(state: State, visit: Visit) -> None:
    """With a username that no local user can have."""
    token = product_token(name="Ada of the product")
    me = (await visit().me(headers=bearer(token))).json()
    assert (me["username"], me["name"]) == ("ext:user-7", "Ada of the product")
    assert me["credential"]["kind"] == "outside"
    assert (await visit().me(headers=bearer(product_token()))).json()["id"] == me["id"]
    assert await users(state) == [("ext:user-7", "Ada of the product")]


async def test_outside_user_is_made_once_by_many_at_once(state: State) -> None:
    """Ten sockets of a new user open together."""
    principals = await asyncio.gather(*(identify_token(state, product_token()) for _ in range(10)))
    assert len({principal.user_key for principal in principals}) == 1
    assert await users(state) == [("ext:user-7", "user-7")]


async def test_outside_name_follows_the_product(state: State) -> None:
    """A renamed user is called by the new name, and a token without a name changes nothing."""
    for claims, name in (({"name": "Ada"}, "Ada"), ({"name": "Eva"}, "Eva"), ({}, "Eva")):
        assert (await identify_token(state, product_token(**claims))).name == name


async def test_same_subject_of_an_earlier_issuer_is_somebody_else(state: State) -> None:
    """Their usernames differ, since the issuers vouch for different people."""
    first = await identify_token(state, product_token())
    await state.writer.call(
        lambda tx: tx.connection.exec_driver_sql(
            "UPDATE \"user\" SET issuer = 'https://old.example'"
        )
    )
    second = await identify_token(state, product_token())
    assert first.id != second.id
    names = [username for username, _ in await users(state)]
    assert names[0] == "ext:user-7"
    assert names[1].startswith("ext:")
    assert names[1].endswith(":user-7")


async def test_user_whom_a_key_has_named_is_the_issuers_own(state: State) -> None:
    """Made before there was an issuer: their first token finds them, and no second user."""
    await state.writer.call(partial(expect_outside_user, issuer=None, username="ext:user-7"))
    assert (await identify_token(state, product_token(name="Ada"))).name == "Ada"
    assert (await identify_token(state, product_token())).name == "Ada"
    assert await users(state) == [("ext:user-7", "Ada")]


async def test_disabled_outside_user_is_refused(state: State, visit: Visit) -> None:
    """The operator's word counts more than the product's."""
    await identify_token(state, product_token())
    await state.writer.call(partial(disable_user, username="ext:user-7"))
    answer = await visit().me(headers=bearer(product_token()))
    assert problem_of(answer) == (401, "auth_revoked")


async def test_outside_user_has_no_password_and_no_api_tokens(visit: Visit) -> None:
    """The product signs them in."""
    visitor = visit()
    await visitor.me(headers=bearer(product_token()))
    assert problem_of(await visitor.try_login("ext:user-7")) == (401, "login_failed")
    wish = {"name": "n", "items": {"*": "reader"}}
    answer = await visitor.client.post("/tokens", json=wish, headers=bearer(product_token()))
    assert problem_of(answer) == (403, "forbidden")


async def enter(state: State, item_id: str, **claims: Any) -> Principal:
    principal = await identify_token(state, product_token(**claims))
    await ensure_outside_item(state, principal, item_id)
    return principal


@pytest.mark.parametrize("pattern", ["order-17", "order-*", "*"])
async def test_granted_item_is_made_on_first_use(state: State, pattern: str) -> None:
    """Empty, without members; the claim is the right."""
    principal = await enter(state, "order-17", items={pattern: "writer"})
    assert await items(state) == [("order-17", "", 0, 1, 16)]
    standing = await state.readers.read(load_standing, principal, "order-17")
    assert standing.member_role is None
    assert grant(principal, standing).role is Role.WRITER


@pytest.mark.parametrize(
    ("item_id", "claims"),
    [
        ("order-17", {}),
        ("order-17", {"items": {}}),
        ("order-17", {"items": {"order-18": "admin"}}),
        ("order 17", {"items": {"*": "admin"}}),
        ("x" * 129, {"items": {"*": "admin"}}),
    ],
)
async def test_item_that_is_not_granted_or_cannot_be_is_not_made(
    state: State, item_id: str, claims: dict[str, Any]
) -> None:
    """Nobody fills the database with items that are none."""
    await enter(state, item_id, **claims)
    assert await items(state) == []


async def test_granted_item_is_made_once_by_many_at_once(state: State) -> None:
    """Whoever comes second finds it."""
    principal = await identify_token(state, product_token(items={"*": "writer"}))
    await asyncio.gather(*(ensure_outside_item(state, principal, "order-17") for _ in range(10)))
    await ensure_outside_item(state, principal, "order-17")
    assert len(await items(state)) == 1


async def test_deleted_item_never_comes_back(state: State) -> None:
    """Whatever the product's tokens say."""
    await enter(state, "order-17", items={"*": "admin"})
    await state.writer.call(
        lambda tx: tx.connection.exec_driver_sql("UPDATE item SET deleted_at = 1")
    )
    principal = await enter(state, "order-17", items={"*": "admin"})
    standing = await state.readers.read(load_standing, principal, "order-17")
    with pytest.raises(Refusal, match="item_not_found"):
        grant(principal, standing)
    assert len(await items(state)) == 1


async def test_local_user_makes_no_item_by_looking(state: State, ada: Visitor) -> None:
    """Only the host product's tokens do."""
    made = await ada.api_token(items={"*": "admin"})
    principal = await identify_token(state, made["token"])
    await ensure_outside_item(state, principal, "order-17")
    assert await items(state) == []


async def test_ticket_of_an_outside_user_grants_what_the_token_granted(
    state: State, visit: Visit
) -> None:
    """The claim goes on as the ticket's limit, which grants for them."""
    token = product_token(items={"order-*": "writer"})
    answer = await visit().client.post("/items/order-17/tickets", headers=bearer(token))
    principal = await redeem_ticket(state, answer.json()["ticket"], "order-17")
    standing = await state.readers.read(load_standing, principal, "order-17")
    assert grant(principal, standing).role is Role.WRITER
