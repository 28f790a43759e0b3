import asyncio
from functools import partial

import httpx2
import pytest
from sqlalchemy import Connection
from websockets.asyncio.client import connect

from api.accounts import replaced
from api.accounts.keys import (
    KeyRequest,
    create_key,
    is_replaced_over,
    list_keys,
    revoke_key,
    rotate_key,
)
from api.accounts.purge import KEY_MARGIN, purge_credentials
from api.accounts.users import disable_user
from api.errors import Refusal
from api.history.transaction import Transaction
from api.rights.access import Role, clock_ms
from api.security import fingerprint, new_key
from api.settings import Settings
from api.state import State
from tests.accounts.keyholding import Program, program
from tests.accounts.visitor import bearer, problem_of
from tests.conftest import Serve
from tests.databases import execute
from tests.people import People
from tests.scenarios.server_side import write
from tests.serving import LiveServer, Person, Talk

pytestmark = pytest.mark.anyio


async def test_key_acts_as_a_user_of_its_own(state: State, client: httpx2.AsyncClient) -> None:
    """It is the author of what it says, and its patterns grant what no membership does."""
    shop = await program(state, client, items="order-*=admin note-1=reader")
    assert (await shop.do("POST", "/items", json={"id": "order-17"}))["role"] == "admin"
    await shop.do("POST", "/items/order-17/messages", json={"body": "packed"})
    (entry,) = (await shop.do("GET", "/items/order-17/log"))["entries"]
    me = await shop.do("GET", "/auth/me")
    assert (me["username"], me["name"]) == ("key:shop", "shop")
    assert entry["by"] == {"id": me["id"], "name": "shop"}
    items = {"order-*": "admin", "note-1": "reader"}
    assert me["credential"] == {"kind": "key", "expires_at": None, "items": items}


async def test_key_reaches_what_its_patterns_name_and_nothing_else(
    state: State, client: httpx2.AsyncClient, people: People
) -> None:
    """Not even an item that everybody may write in, or that it was made a member of."""
    ada = await people.add("ada")
    shop = await program(state, client, items="order-*=reader")
    for item in ("order-1", "open", "theirs"):
        await ada.do("POST", "/items", json={"id": item, "default_role": "writer"})
    await ada.do("PUT", "/items/theirs/members/key:shop", json={"role": "admin"})
    assert await shop.code("GET", "/items/order-1") == "ok"
    assert await shop.code("POST", "/items/order-1/messages", json={"body": 1}) == "forbidden"
    for item in ("open", "theirs", "order-2"):
        assert await shop.code("GET", f"/items/{item}") == "item_not_found"
    assert await shop.code("POST", "/items", json={"id": "order-2"}) == "forbidden"


async def test_key_manages_no_account(state: State, client: httpx2.AsyncClient) -> None:
    """Neither its own user's, nor the server."""
    shop = await program(state, client, items="*=admin")
    token = {"name": "n", "items": {"*": "admin"}}
    assert await shop.code("POST", "/tokens", json=token) == "forbidden"
    assert await shop.code("PATCH", "/auth/me", json={"display_name": "root"}) == "forbidden"
    assert await shop.code("GET", "/status/servers") == "forbidden"
    assert await shop.code("POST", "/operator/keys/shop/rotate") == "auth_invalid"


async def test_key_counts_in_no_cookie(state: State, client: httpx2.AsyncClient) -> None:
    """A browser never has it."""
    shop = await program(state, client)
    cookie = {"Cookie": f"itemroom_session={shop.key}"}
    assert problem_of(await client.get("/auth/me", headers=cookie)) == (401, "auth_invalid")


async def test_key_that_is_unknown_is_invalid(client: httpx2.AsyncClient) -> None:
    """As one of another server."""
    answer = await client.get("/auth/me", headers=bearer(new_key()))
    assert problem_of(answer) == (401, "auth_invalid")


async def test_key_is_stored_as_a_fingerprint_alone(state: State, people: People) -> None:
    """Whoever reads the database cannot show it."""
    shop = await program(state, people.client)
    (row,) = await people.rows("SELECT * FROM service_key")
    assert fingerprint(shop.key) in row
    assert shop.key not in str(row)


async def test_key_that_is_revoked_says_so_until_it_is_made_again(
    state: State, client: httpx2.AsyncClient
) -> None:
    """The new one acts as the same user; the old one stays revoked."""
    shop = await program(state, client)
    before = await shop.do("GET", "/auth/me")
    await state.writer.call(partial(revoke_key, name="shop"))
    assert await shop.code("GET", "/auth/me") == "auth_revoked"
    assert await state.readers.read(list_keys, clock_ms()) == []
    with pytest.raises(Refusal, match="not_found"):
        await state.writer.call(partial(revoke_key, name="shop"))
    again = await program(state, client)
    assert (await again.do("GET", "/auth/me"))["id"] == before["id"]
    assert await shop.code("GET", "/auth/me") == "auth_revoked"


async def test_key_that_is_rotated_has_another_secret_and_the_same_rights(
    state: State, client: httpx2.AsyncClient
) -> None:
    """At once."""
    shop = await program(state, client, ttl=3600)
    await shop.do("POST", "/items", json={"id": "order-1"})
    (before,) = await state.readers.read(list_keys, clock_ms())
    secret = new_key()
    await state.writer.call(partial(rotate_key, name="shop", secret=secret))
    assert await shop.code("GET", "/items/order-1") == "auth_revoked"
    answer = await client.get("/items/order-1", headers=bearer(secret))
    assert answer.json()["role"] == "admin"
    (after,) = await state.readers.read(list_keys, clock_ms())
    assert (after.items, after.expires_at) == (before.items, before.expires_at)
    with pytest.raises(Refusal, match="not_found"):
        await state.writer.call(partial(rotate_key, name="none", secret=new_key()))


async def test_former_secret_counts_for_the_time_that_is_asked_for(
    state: State, client: httpx2.AsyncClient, people: People
) -> None:
    """Beside the new one; another rotation or a revocation ends it at once."""
    first = await program(state, client)
    second, third = Program(client, new_key()), Program(client, new_key())
    before = clock_ms()
    rotate = partial(rotate_key, name="shop", grace=60)
    await state.writer.call(partial(rotate, secret=second.key))
    assert [await one.code("GET", "/auth/me") for one in (first, second)] == ["ok", "ok"]
    now, former = await state.readers.read(list_keys, clock_ms())
    assert (now.is_replaced, now.expires_at, former.is_replaced) == (False, None, True)
    assert former.expires_at is not None
    assert before + 60_000 <= former.expires_at <= clock_ms() + 60_000
    with pytest.raises(Refusal, match="taken"):
        await program(state, client)
    await state.writer.call(partial(rotate, secret=third.key))
    codes = [await one.code("GET", "/auth/me") for one in (first, second, third)]
    assert codes == ["auth_revoked", "ok", "ok"]
    await people.change("UPDATE service_key SET expires_at = ? WHERE replaced_at > 0", clock_ms())
    assert await second.code("GET", "/auth/me") == "auth_expired"
    assert len(await state.readers.read(list_keys, clock_ms())) == 1
    await state.writer.call(partial(rotate, secret=new_key()))
    await state.writer.call(partial(revoke_key, name="shop"))
    assert await third.code("GET", "/auth/me") == "auth_revoked"
    assert await state.readers.read(list_keys, clock_ms()) == []


async def test_grace_makes_no_secret_live_longer(state: State, client: httpx2.AsyncClient) -> None:
    """A key that ends, ends."""
    await program(state, client, ttl=30)
    (before,) = await state.readers.read(list_keys, clock_ms())
    await state.writer.call(partial(rotate_key, name="shop", secret=new_key(), grace=60))
    ends = [one.expires_at for one in await state.readers.read(list_keys, clock_ms())]
    assert ends == [before.expires_at] * 2


async def test_socket_ends_with_the_time_of_its_secret(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was opened when nobody knew of an end; and a failed look is no reason to stop looking."""
    monkeypatch.setattr(replaced, "INTERVAL", 0.1)
    failures: list[Exception] = [Refusal("busy"), RuntimeError("a look failed")]

    def look(connection: Connection, now: int) -> bool:
        if failures:
            raise failures.pop()
        return is_replaced_over(connection, now)

    monkeypatch.setattr(replaced, "is_replaced_over", look)
    server = serve()
    first, second = new_key(), new_key()
    wish = KeyRequest("shop", {"order-*": Role.ADMIN})
    write(server, partial(create_key, wish=wish, secret=first))
    shop, later = Person(server, "shop", "", first), Person(server, "shop", "", second)
    shop.create("order-1")
    async with shop.room("order-1") as old:
        await old.get("live")
        write(server, partial(rotate_key, name="shop", secret=second, grace=1))
        await old.publish("in time")
        async with later.room("order-1") as new:
            await new.get("live")
            assert (await old.closed())[:2] == (1008, "auth_revoked")
            await new.publish("still here")
    assert "put off" in caplog.text
    assert "could not be ended" in caplog.text


async def test_key_of_a_name_that_counts_is_taken(state: State, client: httpx2.AsyncClient) -> None:
    """Nobody ends the other by making one."""
    shop = await program(state, client)
    with pytest.raises(Refusal, match="taken"):
        await program(state, client)
    assert await shop.code("GET", "/auth/me") == "ok"


@pytest.mark.parametrize(
    ("name", "items"), [("", "*=admin"), ("A", "*=admin"), ("a", "a*b=admin"), ("a", "")]
)
async def test_key_that_cannot_be_is_refused(
    state: State, client: httpx2.AsyncClient, name: str, items: str
) -> None:
    """Whoever asks for it."""
    with pytest.raises(Refusal, match="bad_request"):
        await program(state, client, name=name, items=items)


async def test_key_ends_when_its_time_is_over(
    state: State, client: httpx2.AsyncClient, people: People
) -> None:
    """And may be made again."""
    shop = await program(state, client, ttl=3600)
    await shop.do("POST", "/items", json={"id": "order-1"})
    await people.change("UPDATE service_key SET expires_at = ?", clock_ms() - 1)
    assert await shop.code("GET", "/items/order-1") == "auth_expired"
    await program(state, client)


async def test_key_ends_with_its_user(state: State, client: httpx2.AsyncClient) -> None:
    """`itemroom user disable` keeps it out as anybody."""
    shop = await program(state, client)
    await state.writer.call(partial(disable_user, username="key:shop"))
    assert await shop.code("GET", "/auth/me") == "auth_revoked"
    assert await state.readers.read(list_keys, clock_ms()) == []


async def test_key_is_not_held_to_the_rates_of_people(
    app_settings: None, state: State, client: httpx2.AsyncClient
) -> None:
    """It has one of its own, for commands and items."""
    shop = await program(state, client)
    await shop.do("POST", "/items", json={"id": "order-1"})
    for _ in range(7):
        await shop.do("POST", "/items/order-1/messages", json={"body": 1})
    assert await shop.code("POST", "/items/order-1/messages", json={"body": 1}) == "rate_limited"
    assert await shop.code("POST", "/items", json={"id": "order-2"}) == "rate_limited"


@pytest.fixture
def app_settings(settings: Settings) -> None:
    """Rates that a person would be over at once, and a key soon."""
    low = {"publish_rate": 0.001, "publish_burst": 1, "key_rate": 0.001, "key_burst": 8}
    settings.__dict__.update(low)


async def test_key_makes_outside_users_members(state: State, client: httpx2.AsyncClient) -> None:
    """Before they come."""
    shop = await program(state, client)
    await shop.do("POST", "/items", json={"id": "order-1"})
    member = await shop.do("PUT", "/items/order-1/members/ext:42", json={"role": "writer"})
    assert member["username"] == "ext:42"
    assert await shop.code("PUT", "/items/order-1/members/bob", json={"role": "writer"}) == (
        "not_found"
    )


async def test_ticket_of_a_key_opens_its_socket_and_ends_with_it(server: LiveServer) -> None:
    """Shown in the header or as a ticket: a revocation closes both at once."""
    async with httpx2.AsyncClient(base_url=server.url) as client:
        secret = new_key()
        operator = server.state.tokens.issue("operator", use="operator", ttl=60).token
        wish = {"name": "shop", "items": {"order-*": "admin"}}
        made = await client.post("/operator/keys", json=wish, headers=bearer(operator))
        secret = made.json()["key"]
        shop = Person(server, "key:shop", "", secret)
        shop.create("order-1")
        ticket = shop.call("POST", "/items/order-1/tickets").json()["ticket"]
        header, by_ticket = server.room_url("order-1"), server.room_url("order-1", ticket=ticket)
        async with (
            connect(header, proxy=None, additional_headers=bearer(secret)) as one,
            connect(by_ticket, proxy=None) as other,
        ):
            talks = Talk(one), Talk(other)
            for talk in talks:
                you = (await talk.get("welcome"))["you"]
                assert (you["name"], you["role"]) == ("shop", "admin")
                await talk.get("live")
            await asyncio.to_thread(write, server, partial(revoke_key, name="shop"))
            for talk in talks:
                assert (await talk.closed())[:2] == (1008, "auth_revoked")


async def test_keys_that_ended_long_ago_are_purged(
    state: State, settings: Settings, people: People
) -> None:
    """Not those that count, or that a program may still ask for why it is not let in."""
    long_ago, now = clock_ms() - KEY_MARGIN, clock_ms()
    for name in ("counts", "revoked", "expired", "recent"):
        await program(state, people.client, name=name)
    changes = [("revoked_at", long_ago, "revoked"), ("expires_at", long_ago, "expired")]
    for column, moment, name in [*changes, ("revoked_at", now, "recent")]:
        sql = f"UPDATE service_key SET {column} = ? WHERE name = ?"
        await people.change(sql, moment, name)
    await state.writer.call(partial(purge_credentials, settings=settings))
    left = await people.rows("SELECT name FROM service_key ORDER BY name")
    assert left == [("counts",), ("recent",)]


async def test_key_that_ends_while_it_waits_is_not_rotated(
    state: State, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server may have revoked it: looked at again behind the lock of its user."""
    await program(state, client)

    def revoked_meanwhile(transaction: Transaction, _: int) -> None:
        execute(transaction.connection, "UPDATE service_key SET revoked_at = 1")

    monkeypatch.setattr(Transaction, "hold_user", revoked_meanwhile)
    with pytest.raises(Refusal, match="not_found"):
        await state.writer.call(partial(rotate_key, name="shop", secret=new_key()))
