"""Search in the messages that are loaded: counted, marked, and walked through."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

# What is marked, in the order of the screen: `found` and the one that the reader is at.
MARKED = """() => ["found", "found-here"].map((name) =>
  [...(CSS.highlights.get(name) ?? [])].map((range) => range.toString()))"""


@pytest.fixture
def talk(ada: Person) -> Person:
    """Ada's room with a hundred messages, of which some name oak."""
    for number in range(100):
        text = {5: "first **Oak** table", 50: "*o*ak, `OAK` and oak", 99: "the last oak"}
        ada.publish("order-17", text.get(number, f"message {number}"))
    return ada


def box(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search in loaded messages")


async def test_slash_searches_from_the_newest_to_the_oldest(talk: Person, tab: Tab) -> None:
    """Counted and marked as it stands on the screen, whatever marks are in the source."""
    page = tab.page
    await expect(tab.message("the last oak")).to_be_visible()
    await page.locator(".scroller").focus()
    await page.keyboard.press("/")
    await expect(box(page)).to_be_focused()
    told = page.get_by_role("status", name="Matches")
    await box(page).press_sequentially("OAK")
    await expect(told).to_have_text("3 of 3")
    assert await page.evaluate(MARKED) == [[], ["oak"]]
    await box(page).press("Enter")
    await expect(told).to_have_text("2 of 3")
    await expect(page.locator(".row-message[data-seq='51']")).to_be_in_viewport()
    assert await page.evaluate(MARKED) == [[], ["oak", "OAK", "oak"]]
    await page.get_by_role("button", name="Earlier match").click()
    await expect(told).to_have_text("1 of 3")
    await expect(page.locator(".row-message[data-seq='6']")).to_be_in_viewport()
    await page.get_by_role("button", name="Earlier match").click()
    await expect(told).to_have_text("3 of 3")
    await box(page).press("Shift+Enter")
    await expect(told).to_have_text("1 of 3")
    await box(page).press("Escape")
    await expect(box(page)).to_be_hidden()
    await expect(page.locator(".row-message[data-seq='6']")).to_be_focused()
    assert await page.evaluate(MARKED) == [[], []]


async def test_what_comes_and_goes_is_counted(talk: Person, tab: Tab) -> None:
    """The reader stays at what was found; what is not there is said so."""
    page = tab.page
    await page.get_by_role("button", name="Search", exact=True).click()
    told = page.get_by_role("status", name="Matches")
    await box(page).fill("last oak")
    await expect(told).to_have_text("1 of 1")
    seq = talk.publish("order-17", "no, this is the last oak")["seq"]
    await expect(told).to_have_text("1 of 2")
    talk.call("DELETE", f"/items/order-17/messages/{seq}")
    await expect(told).to_have_text("1 of 1")
    await box(page).fill("beech")
    await expect(told).to_have_text("Not found")
    await box(page).fill("")
    await expect(told).to_have_text("")
    await page.get_by_role("button", name="Close search").click()
    await expect(page.get_by_role("textbox", name="Message", exact=True)).to_be_focused()


async def test_slash_in_a_text_is_a_slash(tab: Tab) -> None:
    """And the keys that `?` shows have it."""
    message = tab.page.get_by_role("textbox", name="Message", exact=True)
    await message.press_sequentially("a/b")
    await expect(message).to_have_value("a/b")
    await expect(box(tab.page)).to_be_hidden()
    await tab.page.locator(".scroller").focus()
    await tab.page.keyboard.press("?")
    keys = tab.page.get_by_role("dialog", name="Keys")
    await expect(keys.get_by_role("row", name="/")).to_contain_text("Search")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_search_fits_a_phone(
    visit: Visit, server: LiveServer, talk: Person, scheme: str
) -> None:
    """With its count, and nothing beside the screen."""
    phone = {"width": 390, "height": 780}
    tab = await visit(server, viewport=phone, color_scheme=scheme, has_touch=True, is_mobile=True)
    await tab.arrive(talk, "order-17")
    await tab.page.get_by_role("button", name="Search", exact=True).tap()
    await box(tab.page).fill("message 9")
    await expect(tab.page.get_by_role("status", name="Matches")).to_have_text("10 of 10")
    await keep(tab.page, f"find-{scheme}")
    assert await faults(tab.page) == []
    assert await tab.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
