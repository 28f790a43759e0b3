import asyncio
import re
import statistics
import time

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, text

from api.limits import Buckets
from api.security import Passwords
from api.security.throttle import LoginThrottle
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import PASSWORD, Visitor, bearer, problem_of

pytestmark = pytest.mark.anyio


async def test_register_shows_the_user(visit: Visit) -> None:
    """201, with what others will see, and nothing of the password."""
    answer = await visit().client.post(
        "/auth/register",
        json={"username": "ada", "password": PASSWORD, "display_name": " Ada Lovelace "},
    )
    assert answer.status_code == 201
    user = answer.json()
    assert set(user) == {"id", "username", "name", "created_at"}
    assert (user["username"], user["name"]) == ("ada", "Ada Lovelace")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", user["created_at"])


async def test_register_twice_at_once_makes_one_user(visit: Visit) -> None:
    """Of ten who want the same name together, one gets it."""
    visitor = visit()
    wish = {"username": "ada", "password": PASSWORD}
    answers = await asyncio.gather(
        *(visitor.client.post("/auth/register", json=wish) for _ in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert problem_of(await visitor.client.post("/auth/register", json=wish)) == (409, "taken")


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"username": "ada"},
        {"username": "Ada", "password": PASSWORD},
        {"username": "ext:ada", "password": PASSWORD},
        {"username": "ada", "password": ""},
        {"username": "ada", "password": "short"},
        {"username": "ada", "password": "\0" * 10},
        {"username": "ada", "password": "x" * 257},
        {"username": "ada", "password": "x" * 4097},
        {"username": "ada", "password": 12345678},
        {"username": "ada", "password": PASSWORD, "display_name": "a\u202eb"},
        {"username": "ada", "password": PASSWORD, "admin": True},
    ],
)
async def test_register_with_a_bad_value_is_refused(visit: Visit, wish: dict[str, object]) -> None:
    """422 that says what was expected, and never what came."""
    answer = await visit().client.post("/auth/register", json=wish)
    assert problem_of(answer) == (422, "bad_request")
    for value in wish.values():
        if isinstance(value, str) and len(value) > 5:
            assert value not in answer.text


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"username":"ada","password":"\\ud800\\ud800\\ud800\\ud800\\ud800"}',
        b'{"username":"ada\xff","password":"secret-canary"}',
        b'{"username":{"secret-canary":1},"password":["secret-canary"]}',
        b'"secret-canary"',
        b"secret-canary",
        b"[" * 5000,
        b'{"username":"ada","password":"' + b"x" * 1_000_000 + b'"}',
    ],
)
async def test_hostile_body_gets_a_refusal_without_echo(
    visit: Visit, path: str, body: bytes
) -> None:
    """No 500, and no part of what may have been a password in the answer."""
    headers = {"content-type": "application/json"}
    answer = await visit().client.post(path, content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert "canary" not in answer.text
    assert "xxxx" not in answer.text


async def test_register_when_closed_is_refused(app: FastAPI, visit: Visit) -> None:
    """The operator alone makes users then."""
    state: State = app.state.itemroom
    state.settings = state.settings.model_copy(update={"registration": "closed"})
    answer = await visit().client.post(
        "/auth/register", json={"username": "ada", "password": PASSWORD}
    )
    assert problem_of(answer) == (403, "registration_closed")


async def test_login_sets_a_new_cookie_each_time(visit: Visit) -> None:
    """A session that somebody planted before is not the one that the user gets."""
    visitor = visit()
    await visitor.register("ada")
    visitor.client.cookies.set("itemroom_session", "planted", domain="127.0.0.1", path="/")
    first = (await visitor.login("ada")).cookies["itemroom_session"]
    second = (await visitor.login("ada")).cookies["itemroom_session"]
    assert len({"planted", first, second}) == 3
    for secret, status in ((first, 200), (second, 200), ("planted", 401)):
        answer = await visit().me(headers={"cookie": f"itemroom_session={secret}"})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("public_url", "url", "secure"),
    [
        (None, "http://127.0.0.1:8000", False),
        (None, "http://localhost:8000", False),
        (None, "http://[::1]:8000", False),
        (None, "https://127.0.0.1:8000", True),
        (None, "http://192.0.2.7", True),
        ("https://rooms.example.com", "http://127.0.0.1:8000", True),
        ("http://rooms.example.com", "http://127.0.0.1:8000", True),
        ("http://localhost:8000", "http://127.0.0.1:8000", False),
    ],
)
async def test_login_cookie_has_the_contract_s_attributes(
    app: FastAPI, visit: Visit, public_url: str | None, url: str, *, secure: bool
) -> None:
    """HttpOnly, Lax, the whole path, and Secure but for plain HTTP on loopback."""
    state: State = app.state.itemroom
    state.settings = state.settings.model_copy(update={"public_url": public_url})
    visitor = visit(url=url)
    await visitor.register("ada")
    answer = await visitor.login("ada")
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    prefix = "__Host-" if secure else ""
    assert re.fullmatch(prefix + r"itemroom_session=[\w-]{43}", cookie)
    expected = {"HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=lax"}
    assert set(attributes) == expected | ({"Secure"} if secure else set())


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada", "wrong password"),
        ("nobody", PASSWORD),
        ("ada", "x" * 5000),
        ("nobody", "x" * 5000),
        ("ada", ""),
        ("ada", PASSWORD + "\0"),
        ("a da", PASSWORD),
        ("", PASSWORD),
        ("ada\0", PASSWORD),
        ("ext:product-user", PASSWORD),
    ],
)
async def test_login_failures_look_alike(visit: Visit, username: str, password: str) -> None:
    """Nothing in an answer tells whether the user or the password was wrong."""
    visitor = visit()
    await visitor.register("ada")
    answer = await visitor.try_login(username, password)
    known = await visitor.try_login("ada", "another wrong one")
    assert problem_of(answer) == (401, "login_failed")
    assert answer.content == known.content
    assert answer.headers == known.headers


async def test_unknown_user_costs_the_work_of_a_known_one(state: State, visit: Visit) -> None:
    """The time of an answer does not tell which users exist."""
    state.login_throttle = LoginThrottle(failures=0, max_wait=1)
    cheap, state.passwords = state.passwords, Passwords()
    visitor = visit()
    await visitor.register("ada")
    times: dict[str, list[float]] = {"ada": [], "nobody": [], "long": []}
    for _ in range(15):
        for key, taken in times.items():
            password = "x" * 5000 if key == "long" else "wrong password"
            # The whole process's work: other processes do not disturb it.
            began = time.process_time()
            await visitor.try_login("ada" if key == "long" else key, password)
            taken.append(time.process_time() - began)
    state.passwords.close()
    state.passwords = cheap
    medians = [statistics.median(taken) for taken in times.values()]
    # Without the work, an answer takes a fifth of the time.
    assert max(medians) < 2 * min(medians)


async def test_many_failed_logins_are_slowed_for_the_guesser_alone(visit: Visit) -> None:
    """429 with Retry-After there, and the owner gets in from elsewhere all the same."""
    guesser, owner = visit("192.0.2.1"), visit("198.51.100.1")
    await owner.register("ada")
    answers = [
        await guesser.client.post(
            "/auth/login",
            json={"username": "ada", "password": f"guess {number}"},
            headers={"x-forwarded-for": f"203.0.113.{number}"},
        )
        for number in range(30)
    ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 20
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert problem_of(refused[0]) == (429, "rate_limited")
    assert (await guesser.try_login("ada")).status_code == 429
    await owner.login("ada")


async def test_token_and_password_share_the_login_s_throttle(visit: Visit, ada: Visitor) -> None:
    """There is no second door to guess at."""
    for _ in range(5):
        change = {"current_password": "wrong", "new_password": PASSWORD}
        answer = await ada.client.post("/auth/password", json=change)
        assert problem_of(answer) == (401, "login_failed")
    form = {"username": "ada", "password": "wrong"}
    assert problem_of(await visit().client.post("/auth/token", data=form)) == (429, "rate_limited")


async def test_right_password_is_let_in_whatever_others_at_its_address_did(visit: Visit) -> None:
    """Behind one address is a whole office, or a proxy that nobody has listed."""
    for name in ("ada", "bob"):
        await visit("192.0.2.7").register(name)
    stranger = visit("192.0.2.1")
    for number in range(12):
        await stranger.try_login("ada", f"guess {number}")
    for number in range(51):
        await stranger.try_login(f"user-{number}", "123456")
    assert (await stranger.try_login("ada", "guess")).status_code == 429
    for name in ("ada", "bob"):
        await visit("192.0.2.1").login(name)
        await visit("192.0.2.1").token(name)


async def test_username_and_password_are_compared_as_they_are_meant(visit: Visit) -> None:
    """A phone begins with a capital; a Mac's letters are a PC's; and a guesser gains nothing."""
    await visit().register("ada", "cafe\u0301 noir")
    await visit().login(" Ada ", "caf\u00e9 noir")
    await visit().token("ADA", "cafe\u0301 noir")
    for number in range(30):
        await visit("192.0.2.1").try_login("Ada" if number % 2 else "aDa", "guess")
    assert (await visit("192.0.2.1").try_login("ada", "guess")).status_code == 429


async def test_registrations_of_an_address_are_limited(app: FastAPI, visit: Visit) -> None:
    """Each costs a hash; those who have an account sign in all the same."""
    state: State = app.state.itemroom
    state.registrations = Buckets(0.1, 2)
    for name in ("ada", "bob"):
        await visit("192.0.2.1").register(name)
    wish = {"username": "eve", "password": PASSWORD}
    answer = await visit("192.0.2.1").client.post("/auth/register", json=wish)
    assert problem_of(answer) == (429, "rate_limited")
    assert 5 < int(answer.headers["retry-after"]) <= 10
    await visit("192.0.2.1").login("ada")
    await visit("192.0.2.2").register("eve")


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"content-type": "text/plain"}, b'{"username":"ada","password":"%b"}'),
        ({"content-type": "application/x-www-form-urlencoded"}, b"username=ada&password=%b"),
        ({}, b'{"username":"ada","password":"%b"}'),
        (
            {"content-type": "application/json", "sec-fetch-site": "cross-site"},
            b'{"username":"ada","password":"%b"}',
        ),
        (
            {"content-type": "application/json", "origin": "https://evil.example"},
            b'{"username":"ada","password":"%b"}',
        ),
    ],
)
async def test_login_from_another_site_is_refused(
    visit: Visit, headers: dict[str, str], content: bytes
) -> None:
    """A page cannot sign its visitors in as somebody else."""
    visitor = visit()
    await visitor.register("ada")
    content = content.replace(b"%b", PASSWORD.encode())
    answer = await visitor.client.post("/auth/login", content=content, headers=headers)
    assert answer.status_code in (403, 415, 422)
    assert "set-cookie" not in answer.headers


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
    query = text("SELECT password_hash FROM user WHERE username = :username")
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


async def test_new_password_that_is_too_short_is_said_of_the_new_one(visit: Visit) -> None:
    """Not of the one that is in use."""
    visitor = visit()
    await visitor.register("ada")
    await visitor.login("ada")
    change = {"current_password": PASSWORD, "new_password": "short"}
    refused = (await visitor.client.post("/auth/password", json=change)).json()
    assert [error["loc"] for error in refused["errors"]] == [["body", "new_password"]]
