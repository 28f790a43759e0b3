"""Who registers: what is asked, told and refused."""

import asyncio
import re

import pytest
from fastapi import FastAPI

from api.limits import Buckets
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import PASSWORD, problem_of

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
