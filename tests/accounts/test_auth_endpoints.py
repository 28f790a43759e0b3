from typing import Any

import pytest
from sqlalchemy import Connection, text

from api.errors import Refusal
from api.security import Passwords
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import PASSWORD, Visitor, bearer, problem_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}],
)
@pytest.mark.parametrize("path", ["/auth/logout", "/auth/password", "/tokens"])
async def test_change_with_the_cookie_from_another_site_is_refused(
    ada: Visitor, path: str, headers: dict[str, str]
) -> None:
    """The browser adds the cookie; that alone is no wish of its user."""
    answer = await ada.client.post(path, json={}, headers=headers)
    assert answer.status_code in (403, 422)
    assert (await ada.me()).status_code == 200


async def test_logout_ends_exactly_this_session(visit: Visit, ada: Visitor) -> None:
    """The cookie is taken away, and would not count any more if it were kept."""
    elsewhere = visit()
    await elsewhere.login("ada")
    secret = ada.cookie
    answer = await ada.client.post("/auth/logout")
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not ada.client.cookies
    kept = await visit().me(headers={"cookie": f"itemroom_session={secret}"})
    assert problem_of(kept) == (401, "auth_invalid")
    assert (await elsewhere.me()).status_code == 200


async def test_logout_with_a_token_is_refused(visit: Visit, ada: Visitor) -> None:
    """There is no session to end."""
    answer = await visit().client.post("/auth/logout", headers=bearer(await ada.token("ada")))
    assert problem_of(answer) == (403, "forbidden")


async def test_token_is_as_oauth2_has_it(visit: Visit, ada: Visitor) -> None:
    """A form in, a bearer token out, kept by no cache."""
    form = {"username": "ada", "password": PASSWORD, "grant_type": "password"}
    answer = await visit().client.post("/auth/token", data=form)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert (token["token_type"], token["expires_in"]) == ("bearer", 3600)
    me = await visit().me(headers=bearer(token["access_token"]))
    assert me.json()["credential"]["kind"] == "access"


async def test_me_shows_user_and_credential(ada: Visitor) -> None:
    """Who one is, and until when."""
    me = (await ada.me()).json()
    assert me["username"] == "ada"
    assert me["credential"]["kind"] == "session"
    assert me["credential"]["items"] is None
    assert me["credential"]["expires_at"] > me["created_at"]


async def test_password_change_ends_what_was_signed_in_with_the_old_one(
    visit: Visit, ada: Visitor
) -> None:
    """The session in use and API tokens stay; other sessions and access tokens end."""
    elsewhere = visit()
    await elsewhere.login("ada")
    access = await ada.token("ada")
    api = (await ada.api_token())["token"]
    change = {"current_password": PASSWORD, "new_password": "another good one"}
    assert (await ada.client.post("/auth/password", json=change)).status_code == 204

    assert (await ada.me()).status_code == 200
    assert problem_of(await elsewhere.me()) == (401, "auth_invalid")
    assert problem_of(await visit().me(headers=bearer(access))) == (401, "auth_revoked")
    assert (await visit().me(headers=bearer(api))).status_code == 200
    assert problem_of(await visit().try_login("ada")) == (401, "login_failed")
    renewed = await visit().token("ada", "another good one")
    assert (await visit().me(headers=bearer(renewed))).status_code == 200


async def test_password_change_with_an_access_token_ends_that_too(
    visit: Visit, ada: Visitor
) -> None:
    """A program that changes the password signs in anew."""
    program = bearer(await ada.token("ada"))
    change = {"current_password": PASSWORD, "new_password": "another good one"}
    answer = await visit().client.post("/auth/password", json=change, headers=program)
    assert answer.status_code == 204
    assert problem_of(await visit().me(headers=program)) == (401, "auth_revoked")
    assert problem_of(await ada.me()) == (401, "auth_invalid")


async def test_password_change_to_a_bad_one_is_refused(ada: Visitor) -> None:
    """The new one follows the rules; the old one stays."""
    change = {"current_password": PASSWORD, "new_password": "short"}
    answer = await ada.client.post("/auth/password", json=change)
    assert problem_of(answer) == (422, "bad_request")
    await ada.login("ada")


async def test_stored_hash_follows_new_parameters(state: State, ada: Visitor) -> None:
    """A login with an outdated hash stores a better one, and the password stays the same."""
    before = await state.readers.read(_hash_of, "ada")
    old = state.passwords
    state.passwords = Passwords(memory_kib=2048, rounds=3)
    try:
        await ada.login("ada")
        after = await state.readers.read(_hash_of, "ada")
        assert after != before
        assert "m=2048,t=3" in after
        await ada.login("ada")
    finally:
        state.passwords.close()
        state.passwords = old


def _hash_of(connection: Connection, username: str) -> str:
    query = text('SELECT password_hash FROM "user" WHERE username = :username')
    return str(connection.execute(query, {"username": username}).scalar_one())


async def test_visitor_is_told_who_they_are_and_whether_anybody_is_here(visit: Visit) -> None:
    """200 without a credential, with a good one and with one that no longer counts."""
    visitor = visit()
    answer = await visitor.client.get("/auth/visitor")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"me": None, "registration": "open", "first": True}
    await visitor.register("ada")
    assert (await visitor.client.get("/auth/visitor")).json()["first"] is False
    await visitor.login("ada")
    seen = (await visitor.client.get("/auth/visitor")).json()
    assert seen["me"] == (await visitor.me()).json()
    assert seen["first"] is False
    ended = await visitor.client.get("/auth/visitor", headers=bearer("nonsense"))
    assert ended.json() == {"me": None, "registration": "open", "first": False}


async def test_visitor_of_a_server_that_cannot_look_is_told_so(
    ada: Visitor, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that nobody is signed in: that would sign them out on the page."""

    def refuse(*_: object) -> None:
        raise Refusal("overloaded", retry_after=1)

    monkeypatch.setattr(state.readers, "ask", refuse)
    answer = await ada.client.get("/auth/visitor")
    assert problem_of(answer) == (503, "overloaded")


async def test_visitor_with_two_credentials_is_refused(visit: Visit) -> None:
    """What is ambiguous is nobody's mistake but the client's: it is said, not hidden."""
    twice = {**bearer("one")}
    answer = await visit().client.get("/auth/visitor?token=two", headers=twice)
    assert problem_of(answer) == (400, "auth_ambiguous")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"username": "ada", "password": PASSWORD}, "username"),
        ({"username": "bob", "password": "short"}, "password"),
        ({"username": "bob", "password": "\0" * 10}, "password"),
    ],
)
async def test_refusal_names_the_field_that_it_is_about(
    visit: Visit, wish: dict[str, str], field: str
) -> None:
    """With its own sentence, as the validator's findings have."""
    visitor = visit()
    await visitor.register("ada")
    refused = (await visitor.client.post("/auth/register", json=wish)).json()
    assert refused["errors"] == [{"loc": ["body", field], "problem": refused["detail"]}]


@pytest.mark.parametrize(
    ("path", "wish", "sentence"),
    [
        ("/auth/register", {"username": "Ada", "password": PASSWORD}, "A username has "),
        ("/auth/register", {"username": "a/b", "password": PASSWORD}, "A username has "),
        ("/items", {"id": "order 17"}, "An item's id has "),
        ("/tokens", {"name": "bot", "items": {"order 17": "reader"}}, "A pattern is "),
    ],
)
async def test_form_that_is_not_kept_is_told_in_a_sentence(
    ada: Visitor, path: str, wish: dict[str, Any], sentence: str
) -> None:
    """People read it: the regular expression is for programs, in OpenAPI."""
    [error] = (await ada.client.post(path, json=wish)).json()["errors"]
    assert error["problem"].startswith(sentence)
    assert "^" not in error["problem"]


async def test_new_password_that_is_too_short_is_said_of_the_new_one(visit: Visit) -> None:
    """Not of the one that is in use."""
    visitor = visit()
    await visitor.register("ada")
    await visitor.login("ada")
    change = {"current_password": PASSWORD, "new_password": "short"}
    refused = (await visitor.client.post("/auth/password", json=change)).json()
    assert [error["loc"] for error in refused["errors"]] == [["body", "new_password"]]
