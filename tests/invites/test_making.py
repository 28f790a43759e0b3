"""Invites made, listed, revoked, and kept for a while."""

from typing import Any

import pytest

from api.invites import invites as stored
from api.invites.invites import DEFAULT_LIFETIME, KEPT, MAX_LIFETIME, MAX_USES, purge_invites
from api.security import fingerprint
from api.state import State
from tests.conftest import Serve
from tests.invites.conftest import Cast, Invites, accept, accept_code
from tests.people import People

pytestmark = pytest.mark.anyio

INVITES = "/items/doc/invites"
WEEK = 7 * 86_400_000


async def test_invite_is_for_one_and_a_week_unless_said(people: People, invites: Invites) -> None:
    """Its text is in the answer alone: on disk is what tells that a text is this one."""
    answer = await invites.cast.admin.call("POST", INVITES, json={"role": "writer"})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    made = answer.json()
    text = made.pop("token")
    assert made.pop("url") == f"http://127.0.0.1:8000/#/invite/{text}"
    assert [made] == await invites.listed()
    assert (made["role"], made["uses"], made["left"], made["valid"]) == ("writer", 1, 1, True)
    assert made["by"] == {"id": "u-root", "name": "Root"}
    ((hashed, created_at, expires_at),) = await people.rows(
        "SELECT secret_hash, created_at, expires_at FROM invite"
    )
    assert hashed == fingerprint(text)
    assert expires_at - created_at == WEEK == DEFAULT_LIFETIME * 1000


async def test_invite_for_some_or_any_number(cast: Cast, invites: Invites) -> None:
    """What is left of it is counted; the newest is first."""
    some, every = await invites.make(uses=2), await invites.make(uses=None, expires_in=60)
    for invite in (some, every):
        await accept(cast.stranger, invite)
    assert [(one["uses"], one["left"]) for one in await invites.listed()] == [(None, None), (2, 1)]


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"role": "owner"},
        {"role": "reader", "uses": 0},
        {"role": "reader", "uses": MAX_USES + 1},
        {"role": "reader", "uses": "1"},
        {"role": "reader", "expires_in": 0},
        {"role": "reader", "expires_in": MAX_LIFETIME + 1},
        {"role": "reader", "expires_in": None},
        {"role": "reader", "for": "bob"},
    ],
)
async def test_invite_beyond_what_may_be_refused(cast: Cast, wish: Any) -> None:
    """Each field has its bounds."""
    assert await cast.admin.code("POST", INVITES, json=wish) == "bad_request"


async def test_item_has_so_many_invites_that_count(
    invites: Invites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has ended makes room, and of those only the newest are kept."""
    monkeypatch.setattr(stored, "MAX_INVITES", 2)
    monkeypatch.setattr(stored, "MAX_ENDED", 1)
    admin, made = invites.cast.admin, [await invites.make() for _ in range(2)]
    assert await admin.code("POST", INVITES, json={"role": "reader"}) == "forbidden"
    for invite in made:
        await admin.do("DELETE", f"{INVITES}/{invite['id']}")
    await invites.make()
    codes = [await accept_code(invites.cast.stranger, invite) for invite in made]
    assert codes == ["not_found", "invite_ended"]


async def test_invites_are_made_as_fast_as_messages(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count as what else is stored over HTTP."""
    monkeypatch.setattr(state.publishes, "take", lambda *_: 3.0)
    assert await cast.admin.code("POST", INVITES, json={"role": "reader"}) == "rate_limited"


async def test_revoked_invite_is_gone_and_lets_nobody_in(invites: Invites) -> None:
    """Once; the members that it has brought stay."""
    invite = await invites.make(uses=5)
    await accept(invites.cast.stranger, invite)
    assert await invites.cast.admin.code("DELETE", f"{INVITES}/{invite['id']}") == "ok"
    assert await invites.listed() == []
    for invite_id in (invite["id"], "none", "%00", "%F0%9F%98%80"):
        assert await invites.cast.admin.code("DELETE", f"{INVITES}/{invite_id}") == "not_found"
    assert await invites.cast.stranger.code("GET", "/items/doc") == "ok"


async def test_invite_is_revoked_in_its_own_item_alone(people: People, invites: Invites) -> None:
    """An admin of another item knows its id, perhaps."""
    invite, other = await invites.make(), await people.add("other")
    await other.do("POST", "/items", json={"id": "theirs"})
    path = f"/items/theirs/invites/{invite['id']}"
    assert await other.code("DELETE", path) == "not_found"
    assert len(await invites.listed()) == 1


async def test_invites_go_with_their_item(people: People, invites: Invites) -> None:
    """To whoever has the link it is as if there had been none."""
    invite = await invites.make()
    await invites.cast.admin.do("DELETE", "/items/doc")
    assert await people.rows("SELECT id FROM invite") == []
    assert await accept_code(invites.cast.stranger, invite) == "not_found"


async def test_invite_of_an_item_that_an_older_server_deleted_is_none(
    people: People, invites: Invites
) -> None:
    """It knows of no invites, and leaves them."""
    invite = await invites.make()
    await people.change("UPDATE item SET deleted_at = 1")
    assert await accept_code(invites.cast.stranger, invite) == "not_found"


async def test_invite_that_ended_long_ago_is_forgotten(
    state: State, people: People, invites: Invites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step; one that ended lately is still told so."""
    monkeypatch.setattr(stored, "PURGE_STEP", 1)
    old, late = await invites.make(), await invites.make(expires_in=MAX_LIFETIME)
    change = "UPDATE invite SET expires_at = expires_at - ? WHERE id = ?"
    await people.change(change, WEEK + KEPT, old["id"])
    await people.change(change, MAX_LIFETIME * 1000, late["id"])
    assert [await state.writer.call(purge_invites) for _ in range(2)] == [True, False]
    codes = [await accept_code(invites.cast.stranger, one) for one in (old, late)]
    assert codes == ["not_found", "invite_ended"]
    assert await invites.listed() == []


async def test_nothing_is_forgotten_while_another_server_cleans_up(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does so by itself."""
    monkeypatch.setattr("api.history.transaction.Transaction.hold_turn", lambda _: False)
    assert await state.writer.call(purge_invites) is False


async def test_link_has_the_address_that_browsers_use(serve: Serve) -> None:
    """Also below a path, which a proxy takes off."""
    server = serve(public_url="https://rooms.example/chat")
    ada = server.person("ada")
    ada.create("order-17")
    made = ada.call("POST", "/items/order-17/invites", json={"role": "reader"}).json()
    assert made["url"] == f"https://rooms.example/chat/#/invite/{made['token']}"
