"""Who reads /metrics: whoever reaches it, or admins and what runs on the server's machine."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from api.accounts.users import set_admin
from api.app import create_app
from api.state import State
from tests.conftest import make_settings
from tests.databases import IN_FILES

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


class Browsers:
    """Clients of one application, each from an address and with cookies of its own."""

    def __init__(self, app: FastAPI, stack: AsyncExitStack) -> None:
        self._app, self._stack = app, stack
        self.state: State = app.state.itemroom

    def open(self, client: tuple[str, int] | None = ("192.0.2.7", 4711)) -> httpx2.AsyncClient:
        """Somewhere else than the server, unless said."""
        transport: Any = httpx2.ASGITransport(app=self._app, client=client)  # type: ignore[arg-type] # None: a Unix socket
        browser = httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        self._stack.push_async_callback(browser.aclose)
        return browser

    async def signed_in(self, username: str, *, admin: bool) -> httpx2.AsyncClient:
        """A user's browser, with the session cookie."""
        browser = self.open()
        form = {"username": username, "password": PASSWORD}
        await browser.post("/auth/register", json=form)
        await self.state.writer.call(partial(set_admin, username=username, admin=admin))
        assert (await browser.post("/auth/login", json=form)).status_code == 200
        return browser


async def browsers(directory: Path, **settings: object) -> AsyncIterator[Browsers]:
    app = create_app(make_settings(directory, **settings))
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        yield Browsers(app, stack)


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Browsers]:
    """Browsers of a server that shows its metrics to admins."""
    async for found in browsers(tmp_path, metrics="admins"):
        yield found


@pytest.fixture
async def unguarded(tmp_path: Path) -> AsyncIterator[Browsers]:
    """Browsers of a server that leaves it to the proxy."""
    async for found in browsers(tmp_path):
        yield found


async def outcome(browser: httpx2.AsyncClient, **request: Any) -> tuple[int, str]:
    """Status of /metrics, and the code of a refusal."""
    response = await browser.get("/metrics", **request)
    return response.status_code, "" if response.is_success else str(response.json()["code"])


async def test_admins_session_and_access_token_read_the_metrics(guarded: Browsers) -> None:
    """The cookie also from a page of the server's own."""
    ada = await guarded.signed_in("ada", admin=True)
    assert await outcome(ada) == (200, "")
    assert await outcome(ada, headers={"sec-fetch-site": "same-origin"}) == (200, "")
    form = {"username": "ada", "password": PASSWORD}
    token = (await ada.post("/auth/token", data=form)).json()["access_token"]
    assert await outcome(guarded.open(), params={"token": token}) == (200, "")
    assert await outcome(guarded.open(), headers={"authorization": f"Bearer {token}"}) == (200, "")


async def test_admin_no_longer_is_refused_and_stays_signed_in(guarded: Browsers) -> None:
    """From the next request on."""
    ada = await guarded.signed_in("ada", admin=True)
    assert (await ada.get("/auth/me")).json()["admin"] is True
    await guarded.state.writer.call(partial(set_admin, username="ada", admin=False))
    assert await outcome(ada) == (403, "forbidden")
    assert (await ada.get("/auth/me")).json()["admin"] is False


async def test_whoever_is_no_admin_reads_nothing(guarded: Browsers) -> None:
    """Signed in, not at all, with two credentials, or with a token that was given away."""
    ben = await guarded.signed_in("ben", admin=False)
    assert await outcome(ben) == (403, "forbidden")
    assert await outcome(guarded.open()) == (401, "auth_missing")
    assert await outcome(guarded.open(), params={"ticket": "x"}) == (401, "auth_invalid")
    assert await outcome(guarded.open(), params={"token": ["x", "y"]}) == (400, "auth_ambiguous")
    ada = await guarded.signed_in("ada", admin=True)
    wish = {"name": "import", "items": {"*": "reader"}}
    api_token = (await ada.post("/tokens", json=wish)).json()["token"]
    assert await outcome(guarded.open(), params={"token": api_token}) == (403, "forbidden")


@pytest.mark.parametrize(
    ("client", "headers", "expected"),
    [
        (("127.0.0.1", 1), {}, 200),
        (("::1", 1), {}, 200),
        (("::ffff:127.0.0.1", 1), {}, 200),
        (("::ffff:192.0.2.1", 1), {}, 401),
        (("127.0.0.1", 1), {"x-forwarded-for": "127.0.0.1"}, 401),
        (("127.0.0.1", 1), {"forwarded": "for=192.0.2.7"}, 401),
        (("127.0.0.1", 1), {"cookie": "itemroom_session=stale"}, 401),
        (("no address", 1), {}, 401),
        (None, {}, 401),
    ],
)
async def test_program_of_the_same_machine_reads_them_without_a_proxy(
    guarded: Browsers, client: tuple[str, int] | None, headers: dict[str, str], expected: int
) -> None:
    """As Prometheus does; a proxy on this machine asks for somebody else."""
    assert (await outcome(guarded.open(client), headers=headers))[0] == expected


async def test_unguarded_metrics_look_at_no_credential(unguarded: Browsers) -> None:
    """What a scraper shows besides changes nothing."""
    for headers in ({}, {"cookie": "itemroom_session=stale"}, {"authorization": "Basic YTpi"}):
        assert await outcome(unguarded.open(), headers=headers) == (200, "")


async def test_servers_are_shown_to_admins_alone(guarded: Browsers) -> None:
    """Whatever the metrics' setting; and a file has one, which need not be told apart."""
    admin = await guarded.signed_in("ada", admin=True)
    servers = (await admin.get("/status/servers")).json()["servers"]
    assert [one["is_this"] for one in servers] == ([] if IN_FILES else [True])
    other = await guarded.signed_in("ben", admin=False)
    assert (await other.get("/status/servers")).status_code == 403
    assert (await guarded.open(("127.0.0.1", 1)).get("/status/servers")).status_code == 401
