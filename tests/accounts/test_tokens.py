import time
import uuid
from datetime import date
from functools import partial

import pytest

from api.accounts.identity import verify_session
from api.accounts.tokens import MAX_API_TOKENS, TokenRequest, create_api_token, moment_of
from api.errors import Refusal
from api.rights.access import Role
from api.security import new_id
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import Visitor, bearer, problem_of

pytestmark = pytest.mark.anyio


async def test_api_token_is_shown_once_and_listed_without_its_text(
    visit: Visit, ada: Visitor
) -> None:
    """Made, used, listed."""
    wish = {"name": "import", "items": {"order-17": "writer", "order-*": "reader"}}
    answer = await ada.client.post("/tokens", json=wish)
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    text = made.pop("token")
    assert (made["name"], made["items"]) == (wish["name"], wish["items"])
    assert (await ada.client.get("/tokens")).json() == {"tokens": [made]}
    credential = (await visit().me(headers=bearer(text))).json()["credential"]
    assert credential == {"kind": "api", "expires_at": made["expires_at"], "items": wish["items"]}


@pytest.mark.parametrize(("expires_in", "days"), [(None, 90), (86400, 1)])
async def test_api_token_lives_as_long_as_wished(
    ada: Visitor, expires_in: int | None, days: int
) -> None:
    """Ninety days unless said."""
    made = await ada.api_token(expires_in=expires_in)
    lived = (made["expires_at"][:10], made["created_at"][:10])
    ends, begins = (date.fromisoformat(day) for day in lived)
    assert (ends - begins).days == days


@pytest.mark.parametrize(
    "wish",
    [
        {"items": {}},
        {"items": {"order-17": "owner"}},
        {"items": {"": "reader"}},
        {"items": {"a*b": "reader"}},
        {"items": {"*a": "reader"}},
        {"items": {"x" * 129: "reader"}},
        {"items": {f"order-{number}": "reader" for number in range(101)}},
        {"items": {"x" * 100 + str(number): "reader" for number in range(60)}},
        {"items": None},
        {"name": ""},
        {"name": "a\nb"},
        {"expires_in": 0},
        {"expires_in": True},
        {"expires_in": 10**10},
        {"more": 1},
    ],
)
async def test_api_token_with_a_bad_value_is_refused(ada: Visitor, wish: dict[str, object]) -> None:
    """Also one that would be too long to be shown."""
    values = {"name": "import", "items": {"order-*": "writer"}} | wish
    assert problem_of(await ada.client.post("/tokens", json=values)) == (422, "bad_request")
    assert (await ada.client.get("/tokens")).json() == {"tokens": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tokens"),
        ("GET", "/tokens"),
        ("DELETE", "/tokens/x"),
        ("POST", "/auth/password"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions/x"),
    ],
)
async def test_api_token_cannot_manage_the_account(
    visit: Visit, ada: Visitor, method: str, path: str
) -> None:
    """Who was given one cannot make more of it, nor throw its owner out."""
    token = (await ada.api_token())["token"]
    bodies = {
        "/tokens": {"name": "n", "items": {"*": "admin"}},
        "/auth/password": {"current_password": "x", "new_password": "long enough"},
    }
    answer = await visit().client.request(
        method, path, headers=bearer(token), json=bodies.get(path)
    )
    assert problem_of(answer) == (403, "forbidden")


async def test_access_token_may_make_api_tokens(visit: Visit, ada: Visitor) -> None:
    """It stands for the password, as a session does."""
    program = visit()
    program.client.headers.update(bearer(await ada.token("ada")))
    assert (await program.api_token())["token"]


async def test_revoked_token_is_refused_until_it_expires(visit: Visit, ada: Visitor) -> None:
    """At once; its siblings and the session go on."""
    one, other = await ada.api_token(), await ada.api_token()
    assert (await ada.client.delete(f"/tokens/{one['id']}")).status_code == 204
    assert problem_of(await visit().me(headers=bearer(one["token"]))) == (401, "auth_revoked")
    assert (await visit().me(headers=bearer(other["token"]))).status_code == 200
    listed = (await ada.client.get("/tokens")).json()["tokens"]
    assert [token["id"] for token in listed] == [other["id"]]
    again = await ada.client.delete(f"/tokens/{one['id']}")
    assert problem_of(again) == (404, "not_found")


async def test_token_of_somebody_else_is_not_found(visit: Visit, ada: Visitor) -> None:
    """And it goes on."""
    made = await ada.api_token()
    bob = visit()
    await bob.register("bob")
    await bob.login("bob")
    answer = await bob.client.delete(f"/tokens/{made['id']}")
    assert problem_of(answer) == (404, "not_found")
    assert (await visit().me(headers=bearer(made["token"]))).status_code == 200


async def test_tokens_of_a_user_are_bounded(ada: Visitor) -> None:
    """A hundred, and room for one more when one was revoked."""
    made = [await ada.api_token() for _ in range(MAX_API_TOKENS)]
    wish = {"name": "one more", "items": {"*": "reader"}}
    assert problem_of(await ada.client.post("/tokens", json=wish)) == (403, "forbidden")
    await ada.client.delete(f"/tokens/{made[0]['id']}")
    await ada.api_token()


async def test_token_cannot_be_made_with_a_session_that_ended_meanwhile(
    state: State, visit: Visit, ada: Visitor
) -> None:
    """Judged again in the transaction that would store it."""
    principal = await state.readers.read(verify_session(state, ada.cookie))
    await ada.client.post("/auth/logout")
    wish = TokenRequest("late", {"*": Role.READER}, 60)
    with pytest.raises(Refusal, match="auth_revoked"):
        await state.writer.call(
            partial(create_api_token, tokens=state.tokens, principal=principal, wish=wish)
        )


async def test_token_of_an_unknown_user_is_refused(state: State, visit: Visit) -> None:
    """As after a backup was restored that did not have the user yet."""
    issued = state.tokens.issue(str(uuid.uuid4()), use="access", ttl=60)
    assert problem_of(await visit().me(headers=bearer(issued.token))) == (401, "auth_revoked")


def test_moment_of_is_in_milliseconds() -> None:
    """What a UUID of version 7 begins with."""
    before = time.time_ns() // 1_000_000
    assert before <= moment_of(new_id()) <= time.time_ns() // 1_000_000
