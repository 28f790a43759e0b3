"""Messages near the limit and beyond it: said while they are written, and not lost."""

import re

import pytest
from playwright.async_api import expect

from tests.browser import Windows
from tests.conftest import Serve
from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab

pytestmark = pytest.mark.anyio

LIMIT = 100  # Bytes of a body.
FITS = "ä" * 40  # 82 bytes as JSON in UTF-8.
TOO_LONG = "ä" * 60


async def arrive(visit: Visit, serve: Serve, **look: object) -> Tab:
    """Ada in a room that takes short messages."""
    server = serve(max_body_bytes=LIMIT)
    ada = server.person("ada")
    ada.create("order-17")
    tab = await visit(server, **look)
    await tab.arrive(ada, "order-17")
    return tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_left_is_told_near_the_limit(visit: Visit, serve: Serve, scheme: str) -> None:
    """In bytes of the body, and by how much it is too long; far from it nothing is said."""
    tab = await arrive(visit, serve, color_scheme=scheme, viewport={"width": 390, "height": 780})
    box = tab.page.get_by_role("textbox", name="Message", exact=True)
    told = tab.page.locator(".composer .allowance")
    await expect(told).to_be_hidden()
    await box.fill("hello")
    await expect(told).to_be_hidden()
    await box.fill(FITS)
    await expect(told).to_have_text("18 bytes left")
    await expect(box).not_to_have_attribute("aria-invalid", "true")
    await box.fill(TOO_LONG)
    await expect(told).to_have_text("Too long by 22 bytes")
    await expect(box).to_have_attribute("aria-invalid", "true")
    await expect(box).to_have_accessible_description("Too long by 22 bytes")
    await keep(tab.page, f"console-too-long-{scheme}")
    assert await faults(tab.page) == []


async def test_message_that_is_too_long_can_be_edited(visit: Visit, serve: Serve) -> None:
    """It comes back to where messages are written, above what was begun since."""
    tab = await arrive(visit, serve)
    await tab.say(TOO_LONG)
    row = tab.message(TOO_LONG)
    await expect(row).to_contain_text("This is too long.")
    assert await row.get_by_role("button", name="Retry").count() == 0
    box = tab.page.get_by_role("textbox", name="Message", exact=True)
    await box.fill("and")
    await keep(tab.page, "console-not-sent")
    await row.get_by_role("button", name="Edit", exact=True).click()
    await expect(row).to_be_hidden()
    await expect(box).to_have_value(f"{TOO_LONG}\n\nand")
    await expect(box).to_be_focused()
    await box.fill(FITS)
    await box.press("Enter")
    await expect(tab.message(FITS)).to_have_attribute("data-seq", re.compile("[0-9]"))


async def test_edit_that_is_too_long_stays_open(visit: Visit, serve: Serve) -> None:
    """Nothing of it is lost, and it can be made shorter."""
    tab = await arrive(visit, serve)
    await tab.say("hello")
    await expect(tab.message("hello")).to_have_attribute("data-seq", re.compile("[0-9]"))
    await tab.act("hello", "Edit")
    editor = tab.page.get_by_role("textbox", name="Edit message")
    await editor.fill(TOO_LONG)
    await editor.press("Enter")
    await expect(editor).to_have_value(TOO_LONG)
    await expect(editor).to_have_accessible_description("Too long by 22 bytes")
    await editor.fill(FITS)
    await editor.press("Enter")
    await expect(tab.message(FITS)).to_contain_text("edited")


async def test_nothing_is_told_of_a_limit_that_is_not_known(
    visit: Visit, windows: Windows, serve: Serve
) -> None:
    """While there is no connection; with it, a draft that is too long is said to be."""
    windows.tolerate("net::ERR_INTERNET_DISCONNECTED")
    tab = await arrive(visit, serve)
    box = tab.page.get_by_role("textbox", name="Message", exact=True)
    told = tab.page.locator(".composer .allowance")
    await box.fill(TOO_LONG)
    await tab.create("order-18", "Another")
    await tab.page.context.set_offline(True)
    await tab.page.get_by_role("link", name="order-17").click()
    await expect(box).to_have_value(TOO_LONG)
    await expect(tab.connection).to_contain_text("cannot be reached")
    await expect(told).to_be_hidden()
    await tab.page.context.set_offline(False)
    await expect(told).to_have_text("Too long by 22 bytes")
