"""The operators' page in a real browser: live figures for admins, a clear no for others."""

import asyncio
import itertools
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect
from websockets.asyncio.client import connect

from tests.browser import Windows
from tests.conftest import Serve
from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.databases import SECRET
from tests.programs.postgresql import Cluster
from tests.serving import PASSWORD, Person, Talk

pytestmark = pytest.mark.anyio

LOOKS: dict[str, dict[str, Any]] = {
    "status": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "status-dark-phone": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}
# Whether somebody is signed in can only be asked, and Chromium writes down the no.
ASKED = r"status of 401 .*/auth/me\)"


async def sign_in(page: Page, person: Person) -> None:
    """Give the page's browser a session, and load the page again."""
    login = {"username": person.username, "password": PASSWORD}
    response = await page.request.post(f"{person.server.url}/auth/login", data=login)
    assert response.ok
    await page.reload()


async def figure(page: Page, key: str) -> float:
    """A value as it stands on the page."""
    shown = await page.locator(f'[data-figure="{key}"]').inner_text()
    return float(re.sub(r"[^\d.]", "", shown) or "nan")


async def test_whoever_is_no_admin_is_told_what_to_do(
    visit: Visit, windows: Windows, serve: Serve
) -> None:
    """First signed out, then signed in, then no longer an admin."""
    server = serve(metrics="admins")
    windows.tolerate(ASKED)
    page = (await visit(server, "/status")).page
    said = page.get_by_role("alert")
    await expect(said).to_contain_text("Sign in to see this")
    assert await faults(page) == []
    await expect(said.get_by_role("link", name="Sign in")).to_have_attribute("href", "/")
    await sign_in(page, server.person("ben"))
    await expect(said).to_contain_text("itemroom user admin ben")
    assert await page.locator(".chart").count() == 0


async def chat(talk: Talk) -> None:
    """Publish without an end: the page shows what was stored in the last second alone."""
    for number in itertools.count():
        await talk.publish(f"message {number}", ref=f"r{number}")


@pytest.mark.parametrize("name", LOOKS)
async def test_admin_sees_what_the_server_does(
    visit: Visit, windows: Windows, serve: Serve, name: str
) -> None:
    """Each figure follows the server; all are text, in both colour schemes and on a phone."""
    server = serve(metrics="admins", publish_rate=0)
    ada = server.person("ada")
    ada.create("order-17")
    server.make_admin(ada)
    windows.tolerate(ASKED)
    page = (await visit(server, "/status", **LOOKS[name])).page
    await sign_in(page, ada)
    await expect(page.get_by_role("status", name="Updates")).to_have_text("Live")
    async with ada.room("order-17", tail=0) as talk:
        async with connect(server.room_url("order-17", token="bad"), proxy=None) as socket:
            await Talk(socket).closed()
        chatting = asyncio.create_task(chat(talk))
        await expect(page.locator('[data-figure="messages"]')).to_have_text(re.compile("[1-9]"))
        chatting.cancel()
        await expect(page.get_by_role("row", name="auth_invalid")).to_be_visible()
        for key, number in (("connections", "1"), ("rooms", "1"), ("behind", "0")):
            await expect(page.locator(f'[data-figure="{key}"]')).to_have_text(number)
        assert 0 < await figure(page, "ack50") <= await figure(page, "ack99")
        assert 0 < await figure(page, "commit50") <= await figure(page, "commit99")
        assert await figure(page, "batch") >= 1
        assert await figure(page, "memory") > 10
        assert await faults(page) == []
        await keep(page, name)
    await expect(page.locator('[data-figure="connections"]')).to_have_text("0")
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


async def test_page_pauses_and_tells_of_a_server_that_is_gone(
    visit: Visit, windows: Windows, serve: Serve
) -> None:
    """An admin finds it in the console; it says in words how it stands."""
    server = serve()
    server.make_admin(server.person("ada"))
    tab = await visit(server)
    await tab.sign_in("ada")
    account = await tab.dialog("Account: ada", "Account")
    await account.get_by_role("link", name="Status").click()
    updates = tab.page.get_by_role("status", name="Updates")
    await expect(updates).to_have_text("Live")
    await tab.page.get_by_role("button", name="Pause").click()
    await expect(updates).to_have_text("Paused")
    windows.tolerate("net::ERR_CONNECTION_REFUSED|net::ERR_EMPTY_RESPONSE|status of 503")
    server.stop()
    await tab.page.get_by_role("button", name="Go on").click()
    await expect(updates).to_contain_text("does not answer")


async def test_all_servers_of_a_database_are_shown(
    visit: Visit, windows: Windows, serve: Serve, cluster: Cluster
) -> None:
    """With what each of them does; one that died, too."""
    url = cluster.database()
    settings = {"database_url": url, "secret": SECRET}
    server = serve(**settings, node_name="left")
    server.make_admin(server.person("ada"))
    serve(**settings, node_name="right").state.drain()
    cluster.run("INSERT INTO node VALUES ('x', 'gone', '0.0', 's', 0, 0, false)", url)
    windows.tolerate(ASKED)
    page = (await visit(server, "/status")).page
    ada = Person(server, "ada", "", "")
    await sign_in(page, ada)
    table = page.get_by_role("region", name="Servers of this database")
    await expect(table.get_by_role("row", name="left (this one)")).to_contain_text("serving")
    await expect(table.get_by_role("row", name="right")).to_contain_text("draining")
    await expect(table).to_be_visible()
    assert await faults(page) == []
    await keep(page, "status-servers")
