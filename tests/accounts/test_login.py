"""Who signs in: the cookie, failures that look alike, and guessing that is slowed."""

import re
import statistics
import time

import pytest
from fastapi import FastAPI

from api.security import Passwords, throttle
from api.security.throttle import LoginThrottle
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import PASSWORD, Visitor, problem_of

pytestmark = pytest.mark.anyio


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


async def test_right_password_is_let_in_whatever_others_at_its_address_did(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind one address is a whole office, or a proxy that nobody has listed."""
    # Whoever comes takes turns, too, and a dozen do.
    monkeypatch.setattr(throttle, "PACE", 0.1)
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
