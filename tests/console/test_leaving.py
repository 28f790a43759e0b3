"""Signing out: done, or said that it is not."""

import signal
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser import Windows
from tests.console.conftest import Visit
from tests.console.tab import Tab
from tests.console.test_restarts import GONE, free_port, start
from tests.serving import Person

pytestmark = pytest.mark.anyio


async def test_signed_out_browser_is_nobodys(tab: Tab, ada: Person) -> None:
    """The session has ended at the server, and a reload asks for a password."""
    account = await tab.dialog("Account: ada", "Account")
    await account.get_by_role("button", name="Sign out").click()
    await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(tab.page.get_by_text("Your session has ended")).to_have_count(0)
    assert ada.call("GET", "/auth/sessions").json()["sessions"] == []
    await tab.page.reload()
    await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_who_signs_out_while_the_server_is_away_stays_and_can_try_again(
    visit: Visit, windows: Windows, tmp_path: Path
) -> None:
    """Who believes to be signed out leaves a browser behind that anybody can go on with."""
    windows.tolerate(GONE)
    port = free_port()
    with start(tmp_path, port) as server:
        ada = server.person("ada")
        ada.create("order-17")
        tab = await visit(server)
        await tab.arrive(ada, "order-17")
        account = await tab.dialog("Account: ada", "Account")
        server.end(signal.SIGKILL)
        await account.get_by_role("button", name="Sign out").click()
        await expect(account.get_by_role("alert")).to_contain_text("You are still signed in.")
        await expect(tab.page.get_by_role("list", name="My items")).to_contain_text("order-17")
    with start(tmp_path, port):
        await account.get_by_role("button", name="Sign out").click()
        await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert ada.call("GET", "/auth/sessions").json()["sessions"] == []
