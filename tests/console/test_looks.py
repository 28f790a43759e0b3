"""How the console looks and reads: light, dark and on a phone, and for those who do not see it."""

import re

import pytest
from playwright.async_api import expect

from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

DESK = {"width": 1200, "height": 760}
PHONE = {"width": 390, "height": 780}
ITEMS = {
    "order-1042": "Four oak chairs",
    "order-1040": "Dining table",
    "ticket-77": "Delivery windows in March",
    "floor-plan": "Showroom, floor plan",
}
TALK = [
    ("ada", "Good morning! The four chairs for order 1042 are glued and sanded."),
    ("ada", "Oil goes on today."),
    ("bob", "Lovely. The customer asked whether the seats can be 2 cm lower, at 44."),
    ("cleo", "Legs are not cut to length yet, so yes."),
    ("ada", "Then 44 it is. I have noted it on https://example.com/orders/1042"),
    ("bob", "Delivery on Thursday still fine?"),
    ("cleo", "Thursday works.\nI will bring felt pads, too."),
]


def furnish(server: LiveServer) -> Person:
    """A workshop: people, items, and a morning's talk; Bob, who works there."""
    people = {name: server.person(name, name.title()) for name in ("ada", "bob", "cleo")}
    ada = people["ada"]
    for item_id, title in reversed(ITEMS.items()):
        ada.create(item_id, bob="writer", cleo="writer")
        ada.call("PATCH", f"/items/{item_id}", json={"title": title})
    people["bob"].publish("ticket-77", "Tuesday and Thursday are full.")
    people["cleo"].publish("order-1040", "The table left this morning.")
    seqs = [people[name].publish("order-1042", text)["seq"] for name, text in TALK]
    path = "/items/order-1042/messages"
    ada.call("PATCH", f"{path}/{seqs[1]}", json={"body": "First coat of oil goes on today."})
    # Not every machine has emojis to draw.
    for name, place, value in (("bob", 0, "♥"), ("cleo", 0, "♥"), ("ada", 6, "✓")):
        people[name].call("PUT", f"{path}/{seqs[place]}/reactions/{value}")
    ada.call("PUT", "/items/order-1042/read", json={"seq": seqs[4]})
    return people["bob"]


async def sound(tab: Tab) -> None:
    """What the page shows now has no serious fault, and nothing stands out to the right."""
    assert await faults(tab.page) == []
    assert await tab.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


async def dialogs(tab: Tab) -> None:
    """Open each dialog in turn."""
    for button, name in (
        ("New item", "New item"),
        ("Open an item by id", "Open an item"),
        ("Account: Ada", "Account"),
        ("Members", "Members and settings"),
        ("API access", "API access"),
    ):
        dialog = await tab.dialog(button, name)
        await expect(dialog).to_be_visible()
        if name == "API access":
            await dialog.get_by_role("button", name="Make token").click()
            await expect(dialog.get_by_role("tab", name="curl", exact=True)).to_be_visible()
        await sound(tab)
        await tab.page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()


@pytest.mark.parametrize(("scheme", "name"), [("light", "console"), ("dark", "console-dark")])
async def test_console_has_no_serious_fault(
    visit: Visit, server: LiveServer, scheme: str, name: str
) -> None:
    """From the sign-in to the last dialog, in both colour schemes."""
    bob = furnish(server)
    tab = await visit(server, color_scheme=scheme, viewport=DESK)
    await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await sound(tab)
    await tab.sign_in("ada")
    await expect(tab.page.get_by_role("link", name=ITEMS["floor-plan"])).to_be_visible()
    await sound(tab)
    await tab.page.get_by_role("link", name=ITEMS["order-1042"]).click()
    await tab.is_live()
    async with bob.room("order-1042", tail=0) as his:
        await expect(tab.page.get_by_role("button", name="2 here")).to_be_visible()
        await his.send("signal", name="typing", body=True)
        await expect(tab.page.get_by_role("status", name="Typing")).to_contain_text("Bob")
        await expect(tab.message(TALK[0][1])).to_be_visible()
        await sound(tab)
        opened = tab.page.get_by_role("link", name=ITEMS["order-1042"])
        await expect(opened).not_to_have_accessible_name(re.compile("unread"))
        await keep(tab.page, name)
        if scheme == "light":
            await dialogs(tab)


async def test_faults_of_a_page_are_found(visit: Visit, server: LiveServer) -> None:
    """The judge is no rubber stamp: a nameless button and grey on grey are seen."""
    page = (await visit(server)).page
    await expect(page.get_by_role("heading", name="Create an account")).to_be_visible()
    await page.evaluate("""() => {
      const line = document.createElement("p");
      line.textContent = "hard to read";
      line.style.cssText = "color: #777; background: #888";
      document.querySelector("main").append(document.createElement("button"), line);
    }""")
    found = "\n".join(await faults(page))
    assert "button-name" in found
    assert "color-contrast" in found


async def test_phone_shows_one_thing_at_a_time(visit: Visit, server: LiveServer) -> None:
    """The list, then the room, and back; nothing stands out to the side."""
    furnish(server)
    tab = await visit(server, viewport=PHONE, has_touch=True, is_mobile=True)
    await tab.sign_in("ada")
    link = tab.page.get_by_role("link", name=ITEMS["order-1042"])
    await expect(link).to_be_visible()
    await sound(tab)
    await keep(tab.page, "console-phone-items")
    await link.tap()
    await tab.is_live()
    await expect(tab.message(TALK[-1][1].replace("\n", " "))).to_be_visible()
    await expect(link).to_be_hidden()
    await sound(tab)
    await keep(tab.page, "console-phone")
    toolbar = tab.page.get_by_role("toolbar", name="Message actions")
    await expect(toolbar).to_be_hidden()
    await tab.message(TALK[0][1]).tap()
    await expect(toolbar).to_be_visible()
