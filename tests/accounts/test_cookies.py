"""The session cookie's name: one of our own, and those who have the former one stay signed in."""

import httpx2
import pytest
from fastapi import FastAPI

from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import Visitor, problem_of

pytestmark = pytest.mark.anyio

# What Starlette's SessionMiddleware of a host application sets under the same name.
HOSTS_OWN = "eyJ1c2VyIjogMX0=.aRqZ0w.8Yh1c2vVt4Jx0mJkq3bXo2pLr5s"
TLS = "https://127.0.0.1"


def set_cookies(answer: httpx2.Response) -> dict[str, str]:
    """By name: what is set, and with which attributes."""
    found = [cookie.partition("=") for cookie in answer.headers.get_list("set-cookie")]
    return {name: value for name, _, value in found}


def choose(app: FastAPI, **changes: object) -> None:
    state: State = app.state.itemroom
    state.settings = state.settings.model_copy(update=changes)


async def by(visitor: Visitor, cookie: str) -> httpx2.Response:
    """Who somebody is with these cookies and no others."""
    visitor.client.cookies.clear()
    return await visitor.me(headers={"cookie": cookie})


@pytest.mark.parametrize("url", ["http://127.0.0.1", TLS])
async def test_session_of_the_former_name_stays_and_is_renamed(visit: Visit, url: str) -> None:
    """At the next call, for what is left of its life."""
    ada = visit(url=url)
    await ada.register("ada")
    await ada.login("ada")
    ((name, secret),) = ada.client.cookies.items()
    answer = await by(ada, f"session={secret}")
    assert answer.status_code == 200
    cookies = set_cookies(answer)
    assert cookies.keys() == {"session", name}
    assert "Max-Age=0" in cookies["session"]
    assert cookies[name].startswith(f"{secret}; ")
    assert int(cookies[name].partition("Max-Age=")[2].partition(";")[0]) in range(2591000, 2592001)
    assert ("Secure" in cookies[name]) == (url == TLS)
    renamed = await by(ada, f"{name}={secret}")
    assert (renamed.status_code, set_cookies(renamed)) == (200, {})


async def test_cookie_of_a_host_application_is_left_alone(visit: Visit, ada: Visitor) -> None:
    """It signs nobody in, nobody out, and makes nothing ambiguous."""
    secret = ada.cookie
    assert problem_of(await by(visit(), f"session={HOSTS_OWN}")) == (401, "auth_missing")
    for theirs in (HOSTS_OWN, f"{HOSTS_OWN}; session=x", "A" * 43):
        answer = await by(ada, f"session={theirs}; itemroom_session={secret}")
        assert (answer.status_code, set_cookies(answer)) == (200, {})
    headers = {"cookie": f"session={HOSTS_OWN}; itemroom_session={secret}"}
    answer = await ada.client.post("/auth/logout", headers=headers)
    assert answer.status_code == 204
    assert set_cookies(answer).keys() == {"itemroom_session"}


async def test_logout_under_the_former_name_takes_both_away(visit: Visit, ada: Visitor) -> None:
    """The last word on the present name is that it ends."""
    secret = ada.cookie
    ada.client.cookies.clear()
    answer = await ada.client.post("/auth/logout", headers={"cookie": f"session={secret}"})
    assert answer.status_code == 204
    assert all("Max-Age=0" in value for value in set_cookies(answer).values())
    assert set_cookies(answer).keys() == {"session", "itemroom_session"}
    assert problem_of(await by(visit(), f"session={secret}")) == (401, "auth_invalid")


async def test_two_that_look_like_ours_are_ambiguous(visit: Visit, ada: Visitor) -> None:
    """Under the former name as under the present one."""
    secret = ada.cookie
    answer = await by(visit(), f"session={secret}; session={'A' * 43}")
    assert problem_of(answer) == (400, "auth_ambiguous")


async def test_with_tls_only_the_name_that_no_other_host_can_set_counts(visit: Visit) -> None:
    """A sibling host can set a cookie without `__Host-` beside ours."""
    ada = visit(url=TLS)
    await ada.register("ada")
    await ada.login("ada")
    ((name, secret),) = ada.client.cookies.items()
    assert name == "__Host-itemroom_session"
    assert problem_of(await by(ada, f"itemroom_session={secret}")) == (401, "auth_missing")
    both = await by(ada, f"itemroom_session={'A' * 43}; __Host-itemroom_session={secret}")
    assert both.status_code == 200


async def test_name_is_a_setting(app: FastAPI, visit: Visit) -> None:
    """Two servers on one host name, on two ports, else sign each other out."""
    choose(app, cookie="rooms2")
    ada = visit()
    await ada.register("ada")
    await ada.login("ada")
    ((name, secret),) = ada.client.cookies.items()
    assert name == "rooms2"
    assert (await by(ada, f"rooms2={secret}; itemroom_session=other")).status_code == 200
