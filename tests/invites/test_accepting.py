"""Links that are shown: what they tell, whom they let in, and whom they do not."""

import asyncio
from functools import partial
from typing import Any

import httpx2
import pytest

from api.accounts.keys import revoke_key
from api.accounts.users import disable_user
from api.history.events import EntryStored, Event, MemberChanged
from api.items import accepting
from api.security.throttle import LoginThrottle
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.keyholding import program
from tests.accounts.visitor import bearer, problem_of
from tests.invites.conftest import Cast, Invites, accept, accept_code, look
from tests.items.test_dependencies import AUDIENCE, ISSUER, SECRET, outside
from tests.people import People

pytestmark = pytest.mark.anyio

UNKNOWN = {"token": f"iri_{'x' * 43}"}


async def test_invite_makes_a_member_as_an_admin_does(
    cast: Cast, invites: Invites, events: list[Event]
) -> None:
    """The same entry, by whoever made it, and the same news for all who listen."""
    invite = await invites.make()
    answer = await accept(cast.stranger, invite)
    assert answer == {
        "item": {"id": "doc", "title": "The document"},
        "role": "writer",
        "used": True,
    }
    stored, changed = events
    assert isinstance(stored, EntryStored)
    shown = stored.entry.fields()
    assert (shown["type"], shown["role"]) == ("member", "writer")
    assert (shown["user"]["id"], shown["by"]["id"]) == ("u-mallory", "u-root")
    assert isinstance(changed, MemberChanged)
    assert (await cast.stranger.do("GET", "/items/doc"))["role"] == "writer"


async def test_look_says_who_invites_where_and_as_what(
    client: httpx2.AsyncClient, cast: Cast, invites: Invites
) -> None:
    """To whoever has the link, before they sign in; it uses nothing."""
    invite = await invites.make("reader")
    answer = await client.post("/invites/look", json={"token": invite["token"]})
    assert answer.headers["cache-control"] == "no-store"
    expected = {
        "item": {"id": "doc", "title": "The document"},
        "role": "reader",
        "by": {"id": "u-root", "name": "Root"},
        "expires_at": invite["expires_at"],
        "member_role": None,
    }
    assert answer.json() == expected == await look(cast.stranger, invite)
    assert (await look(cast.writer, invite))["member_role"] == "writer"
    assert [one["left"] for one in await invites.listed()] == [1]


async def test_credential_that_ended_is_nobody_at_a_look(
    client: httpx2.AsyncClient, invites: Invites
) -> None:
    """They are about to sign in again."""
    text = {"token": (await invites.make())["token"]}
    answer = await client.post("/invites/look", json=text, headers=bearer("nonsense"))
    assert answer.json()["member_role"] is None
    answer = await client.post("/invites/accept", json=text)
    assert problem_of(answer) == (401, "auth_missing")


@pytest.mark.parametrize("end", ["used", "expired", "revoked", "demoted", "removed", "disabled"])
async def test_invite_that_ended_says_so_in_words(
    people: People, cast: Cast, invites: Invites, state: State, end: str
) -> None:
    """One code, since there is nothing to do but to ask for another; words for people."""
    await cast.admin.do("PUT", "/items/doc/members/ada", json={"role": "admin"})
    invite, newcomer = await invites.make(by=cast.writer), await people.add("zoe")
    if end == "used":
        await accept(await people.add("yann"), invite)
    elif end == "expired":
        await people.change("UPDATE invite SET expires_at = 1")
    elif end == "revoked":
        await cast.admin.do("DELETE", f"/items/doc/invites/{invite['id']}")
    elif end == "demoted":
        await cast.admin.do("PUT", "/items/doc/members/ada", json={"role": "writer"})
    elif end == "removed":
        await cast.admin.do("DELETE", "/items/doc/members/ada")
    else:
        await state.writer.call(partial(disable_user, username="ada"))
    words = {"used": "as often", "expired": "time", "revoked": "revoked"}.get(end, "made this")
    for call in ("look", "accept"):
        answer = await newcomer.call("POST", f"/invites/{call}", json={"token": invite["token"]})
        assert problem_of(answer) == (410, "invite_ended")
        assert words in answer.json()["detail"]
    assert await newcomer.code("GET", "/items/doc") == "item_not_found"
    gone = end in {"used", "expired", "revoked"}
    assert [one["valid"] for one in await invites.listed()] == ([] if gone else [False])


async def test_invite_counts_again_with_its_maker_s_right(
    people: People, cast: Cast, invites: Invites
) -> None:
    """It is judged by what they are now."""
    await cast.admin.do("PUT", "/items/doc/members/ada", json={"role": "admin"})
    invite = await invites.make(by=cast.writer)
    await cast.admin.do("PUT", "/items/doc/members/ada", json={"role": "writer"})
    await cast.admin.do("PUT", "/items/doc/members/ada", json={"role": "admin"})
    await accept(cast.stranger, invite)


@pytest.mark.parametrize(
    ("who", "becomes"), [("reader", "writer"), ("writer", "writer"), ("admin", "admin")]
)
async def test_member_is_raised_by_an_invite_and_never_lowered(
    invites: Invites, events: list[Event], who: str, becomes: str
) -> None:
    """Who is as much already does not use it, and no entry says anything."""
    answer = await accept(getattr(invites.cast, who), await invites.make("writer"))
    assert (answer["used"], answer["role"]) == (who != becomes, becomes)
    assert len(events) == (2 if who != becomes else 0)
    assert [one["left"] for one in await invites.listed()] == ([] if who != becomes else [1])


async def test_link_leads_whoever_came_in_by_it_there_again(cast: Cast, invites: Invites) -> None:
    """It is in their mail, and used up by themselves."""
    invite = await invites.make("writer")
    await accept(cast.stranger, invite)
    assert (await look(cast.stranger, invite))["member_role"] == "writer"
    again = await accept(cast.stranger, invite)
    assert (again["used"], again["role"], again["item"]["id"]) == (False, "writer", "doc")
    # A reader who shows a link for writers that was used up stays one.
    assert (await accept(cast.reader, invite))["role"] == "reader"


@pytest.mark.parametrize("who", ["admin", "stranger"])
async def test_link_brings_nobody_back_who_has_left_since_it_was_made(
    cast: Cast, invites: Invites, who: str
) -> None:
    """Whoever removes them need not know of it, and whoever leaves needs to be let in again."""
    invite = await invites.make(uses=None)
    await accept(cast.stranger, invite)
    await getattr(cast, who).do("DELETE", "/items/doc/members/mallory")
    answer = await cast.stranger.call("POST", "/invites/look", json={"token": invite["token"]})
    assert problem_of(answer) == (410, "invite_ended")
    assert "membership has ended" in answer.json()["detail"]
    assert await accept_code(cast.stranger, invite) == "invite_ended"
    newer = await invites.make()
    assert (await accept(cast.stranger, newer))["used"] is True
    # A member again, to whom the one before leads as to any other.
    assert (await accept(cast.stranger, invite))["used"] is False


async def test_reader_by_the_default_role_becomes_a_member(cast: Cast, invites: Invites) -> None:
    """They could see the item, and are nobody in it."""
    await cast.admin.do("PATCH", "/items/doc", json={"default_role": "reader"})
    await cast.stranger.do("PUT", "/items/doc/read", json={"seq": 1})
    invite = await invites.make("reader")
    assert (await look(cast.stranger, invite))["member_role"] is None
    assert (await accept(cast.stranger, invite))["used"] is True


async def test_invite_for_three_lets_three_of_ten_in_at_once(
    people: People, invites: Invites
) -> None:
    """Whoever comes first; all others are told that it was used."""
    invite = await invites.make(uses=3)
    crowd = [await people.add(f"guest-{number}") for number in range(10)]
    codes = await asyncio.gather(*(accept_code(person, invite) for person in crowd))
    assert sorted(codes) == ["invite_ended"] * 7 + ["ok"] * 3
    ((members,),) = await people.rows("SELECT count(*) FROM membership WHERE role = 'writer'")
    assert members == 1 + 3  # Ada is one.


async def test_one_who_clicks_twice_at_once_uses_it_once(cast: Cast, invites: Invites) -> None:
    """The second click finds a member."""
    invite = await invites.make(uses=2)
    answers = await asyncio.gather(*(accept(cast.stranger, invite) for _ in range(5)))
    assert [answer["used"] for answer in answers].count(True) == 1
    assert [one["left"] for one in await invites.listed()] == [1]


async def test_item_deleted_between_a_look_and_the_acceptance(
    cast: Cast, invites: Invites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its invites are gone with it."""
    look_at = accepting.look_at_invite

    async def too_long(*arguments: Any) -> Any:
        seen = await look_at(*arguments)
        await cast.admin.do("DELETE", "/items/doc")
        return seen

    monkeypatch.setattr(accepting, "look_at_invite", too_long)
    assert await accept_code(cast.stranger, await invites.make()) == "not_found"


async def test_limited_token_and_key_accept_nothing(
    state: State, client: httpx2.AsyncClient, people: People, cast: Cast, invites: Invites
) -> None:
    """They were given for what they name; a key makes whom it likes a member."""
    invite = await invites.make()
    limited = await people.limited(cast.stranger, {"*": "admin"})
    shop = await program(state, client, items="*=admin", acts_for_others=True)
    assert await accept_code(limited, invite) == "forbidden"
    assert await accept_code(shop, invite) == "forbidden"
    headers = {"Itemroom-As": "mallory"}
    body = {"token": invite["token"]}
    assert await shop.code("POST", "/invites/accept", json=body, headers=headers) == "forbidden"
    assert [one["left"] for one in await invites.listed()] == [1]


async def test_invite_of_a_key_counts_until_the_key_is_revoked(
    state: State, client: httpx2.AsyncClient, people: People, cast: Cast
) -> None:
    """Its pattern lets it invite, and no membership."""
    shop = await program(state, client, items="doc=admin")
    made = [await shop.do("POST", "/items/doc/invites", json={"role": "reader"}) for _ in range(2)]
    assert len((await shop.do("GET", "/items/doc/invites"))["invites"]) == 2
    await accept(cast.stranger, made[0])
    await state.writer.call(partial(revoke_key, name="shop"))
    assert await accept_code(await people.add("zoe"), made[1]) == "invite_ended"


async def test_invite_made_by_a_key_for_an_admin_is_theirs_via_the_key(
    state: State, client: httpx2.AsyncClient, cast: Cast
) -> None:
    """The entry says both."""
    shop = await program(state, client, items="doc=admin", acts_for_others=True)
    headers = {"Itemroom-As": "root"}
    invite = await shop.do("POST", "/items/doc/invites", json={"role": "reader"}, headers=headers)
    await accept(cast.stranger, invite)
    entry = (await cast.admin.do("GET", "/items/doc/log"))["entries"][-1]
    assert (entry["by"]["id"], entry["via"]) == ("u-root", "shop")


@pytest.mark.parametrize(
    "settings",
    [{"issuer": ISSUER, "issuer_audience": AUDIENCE, "issuer_secret": SECRET}],
    indirect=True,
)
async def test_outside_users_invite_and_are_invited(client: httpx2.AsyncClient, cast: Cast) -> None:
    """By their claim, though they are no members; and where it names nothing they become one."""
    shop = outside(client, {"doc": "admin"})
    invite = await shop.do("POST", "/items/doc/invites", json={"role": "reader", "uses": 2})
    bob = outside(client, {"order-*": "writer"}, sub="bob", name="Bob")
    assert await bob.code("GET", "/items/doc") == "item_not_found"
    assert (await accept(bob, invite))["used"] is True
    assert (await bob.do("GET", "/items/doc"))["role"] == "reader"
    # What a claim names is as it says, whatever they are a member of besides.
    writer = outside(client, {"doc": "writer"}, sub="eve", name="Eve")
    await accept(writer, invite)
    assert (await writer.do("GET", "/items/doc"))["role"] == "writer"


async def test_guesses_are_slowed_as_failed_logins_are(
    state: State, visit: Visit, invites: Invites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For who guesses alone: a good link is looked at, and who is signed in at the same address
    is nobody's neighbour.
    """
    monkeypatch.setattr(state, "login_throttle", LoginThrottle(failures=3, max_wait=300))
    good = {"token": (await invites.make())["token"]}
    guesser, other = visit("192.0.2.1").client, visit("198.51.100.1").client
    codes = [
        problem_of(await guesser.post("/invites/look", json={"token": f"iri_{number}"}))
        for number in range(6)
    ]
    assert codes == [(404, "not_found")] * 3 + [(429, "rate_limited")] * 3
    assert problem_of(await other.post("/invites/look", json=UNKNOWN)) == (404, "not_found")
    zoe = visit("192.0.2.1")
    await zoe.register("zoe")
    headers = bearer(await zoe.token("zoe"))
    answer = await zoe.client.post("/invites/accept", json=UNKNOWN, headers=headers)
    assert problem_of(answer) == (404, "not_found")
    assert (await guesser.post("/invites/look", json=good)).status_code == 200


async def test_ended_invites_are_no_guesses(
    state: State, visit: Visit, people: People, invites: Invites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever shows a text that was one has not guessed."""
    monkeypatch.setattr(state, "login_throttle", LoginThrottle(failures=1, max_wait=300))
    old = {"token": (await invites.make())["token"]}
    await people.change("UPDATE invite SET expires_at = 1")
    client = visit("192.0.2.1").client
    for _ in range(5):
        answer = await client.post("/invites/look", json=old)
        assert problem_of(answer) == (410, "invite_ended")


@pytest.mark.parametrize("body", [{}, {"token": 7}, {"token": "x" * 257}, {"token": "x", "y": 1}])
async def test_text_that_cannot_be_one_refused(cast: Cast, body: Any) -> None:
    """Of any other it is said that there is no such invite."""
    assert await cast.stranger.code("POST", "/invites/accept", json=body) == "bad_request"
    for text in ("", "\0", "iri_", "\u2603"):
        answer = await cast.stranger.code("POST", "/invites/look", json={"token": text})
        assert answer == "not_found"


async def test_cookie_counts_for_our_own_pages_alone(visit: Visit, invites: Invites) -> None:
    """A foreign page must not make its visitor a member of anything."""
    zoe = visit()
    await zoe.register("zoe")
    await zoe.login("zoe")
    invite = {"token": (await invites.make())["token"]}
    headers = {"origin": "https://evil.example"}
    answer = await zoe.client.post("/invites/accept", json=invite, headers=headers)
    assert problem_of(answer) == (403, "origin_denied")
    answer = await zoe.client.post("/invites/accept", json=invite)
    assert answer.json()["used"] is True
