"""A network that goes, told or untold: the page does not say what it cannot know."""

import re

import pytest
from playwright.async_api import expect

from tests.browser import Windows
from tests.clients.proxy import Proxy
from tests.console.conftest import Visit
from tests.console.tab import Tab
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio

# What Chromium writes down of a network that is not there.
GONE = (
    r"^WebSocket connection to '[^']+' failed: |"
    r"^Failed to load resource: net::ERR_(INTERNET_DISCONNECTED|EMPTY_RESPONSE|CONNECTION_RESET)"
)


async def knows_nothing(tab: Tab) -> None:
    """The page does not say that it is live, nor who is here."""
    await expect(tab.connection).not_to_have_attribute("data-state", "live")
    await expect(tab.page.get_by_role("button", name="1 here")).to_be_hidden()


async def test_network_that_the_browser_misses_is_missed_at_once(
    windows: Windows, tab: Tab
) -> None:
    """Nothing stays green; what is written waits, and goes when the network is back."""
    await expect(tab.page.get_by_role("button", name="1 here")).to_be_visible()
    windows.tolerate(GONE)
    await tab.page.context.set_offline(True)
    await knows_nothing(tab)
    await tab.say("are you there?")
    await expect(tab.page.get_by_text("sending…")).to_be_visible()
    await tab.page.context.set_offline(False)
    await tab.is_live()
    await expect(tab.message("are you there?")).to_have_attribute("data-seq", re.compile("[0-9]"))
    await expect(tab.page.get_by_role("button", name="1 here")).to_be_visible()


async def test_silence_is_noticed_while_a_message_waits(
    visit: Visit, windows: Windows, server: LiveServer
) -> None:
    """Nobody says that the network is gone: what comes stops to come."""
    ada = server.person("ada")
    ada.create("order-17")
    windows.tolerate(GONE)
    async with Proxy(server.url) as proxy:
        tab = await visit(server)
        await tab.page.goto(f"{proxy.url}/#/items/order-17")
        await tab.sign_in("ada")
        await tab.is_live()
        proxy.flowing.clear()
        await tab.say("are you there?")
        # Without anything that waits it would be asked after 25 seconds, and given 10 more.
        await knows_nothing(tab)
        proxy.flowing.set()
        await tab.is_live()
        await expect(tab.message("are you there?")).to_have_attribute(
            "data-seq", re.compile("[0-9]")
        )
        await tab.page.goto("about:blank")


async def test_what_is_not_sent_was_seen_by_nobody(
    visit: Visit, windows: Windows, server: LiveServer
) -> None:
    """The line is about the newest message: not about one that waits below it."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    seen = tab.page.get_by_text("Seen by Bob")
    async with bob.room("order-17") as his:
        await tab.say("one")
        message = await his.get("message")
        await his.send("read", seq=message["seq"])
        await expect(seen).to_be_visible()
        windows.tolerate(GONE)
        await tab.page.context.set_offline(True)
        await knows_nothing(tab)
        await tab.say("two")
        await expect(tab.page.get_by_text("sending…")).to_be_visible()
        await expect(seen).to_be_hidden()
        await tab.page.context.set_offline(False)
        await expect(tab.message("two")).to_have_attribute("data-seq", re.compile("[0-9]"))
        await expect(seen).to_be_hidden()
        message = await his.get("message")
        await his.send("read", seq=message["seq"])
        await expect(seen).to_be_visible()
