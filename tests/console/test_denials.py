"""What the console says when its room's socket is denied, which a browser does not show."""

import re

import pytest
from playwright.async_api import expect

from tests.browser import Windows
from tests.conftest import Serve
from tests.console.conftest import Visit

pytestmark = pytest.mark.anyio


async def test_wrong_public_url_is_said_and_not_tried_for_ever(
    visit: Visit, windows: Windows, serve: Serve
) -> None:
    """The first thing to go wrong behind a proxy: the page is let in, and each socket denied."""
    windows.tolerate(r"^WebSocket connection to '[^']+' failed: .*403|status of 403 .*/tickets")
    server = serve(public_url="http://127.0.0.1:9")
    ada = server.person("ada")
    ada.create("order-17")
    tab = await visit(server, "/#/items/order-17")
    await tab.sign_in("ada")
    await expect(tab.connection).to_have_attribute("data-state", "refused")
    await expect(tab.connection).to_have_attribute("data-reason", "origin_denied")
    await expect(tab.connection).to_contain_text(re.compile("ITEMROOM_PUBLIC_URL"))


async def test_too_many_connections_are_said_while_the_page_waits(
    visit: Visit, windows: Windows, serve: Serve
) -> None:
    """With the server's own time, and not as a network that was lost."""
    windows.tolerate(r"^WebSocket connection to '[^']+' failed: .*429|status of 429 .*/tickets")
    server = serve(connections_per_user=1)
    ada = server.person("ada")
    ada.create("order-17")
    async with ada.room("order-17"):
        tab = await visit(server, "/#/items/order-17")
        await tab.sign_in("ada")
        await expect(tab.connection).to_contain_text("You have too many connections open.")
        await expect(tab.connection).to_have_attribute("data-state", "waiting")
