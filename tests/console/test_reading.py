"""Who said what, and when: what a reader finds in the list and in a long conversation."""

import re

import pytest
from playwright.async_api import expect

from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.databases import change
from tests.deadlines import scaled
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

MINUTE = 60_000  # Milliseconds.
TALL = {"viewport": {"width": 900, "height": 1400}}


def monologue(server: LiveServer, ada: Person) -> None:
    """Ada says something each minute for a while, on two days."""
    for number in range(16):
        ada.publish("order-17", f"thought {number}")
    noon = 1_700_000_000_000 // (5 * MINUTE) * 5 * MINUTE
    change(
        server.settings,
        f"UPDATE entry SET at = {noon} + seq * {MINUTE}",
        "UPDATE entry SET at = at + 86400000 WHERE seq > 12",
    )


async def test_long_run_of_one_author_says_again_who_and_when(
    visit: Visit, server: LiveServer
) -> None:
    """At least each five minutes; and each day has its line."""
    ada, bob = server.person("ada", "Ada"), server.person("bob")
    ada.create("order-17", bob="reader")
    monologue(server, ada)
    tab = await visit(server, **TALL)
    await tab.arrive(bob, "order-17")
    await expect(tab.message("thought 15")).to_be_visible()
    firsts = tab.page.locator(".row-message.first")
    await expect(firsts).to_have_count(5)
    for row in await firsts.all():
        await expect(row.locator(".author")).to_be_visible()
        await expect(row.locator("time")).to_have_text(re.compile(r"\d\d:\d\d"))
    await expect(tab.page.locator(".row-day")).to_have_text(
        [re.compile("November 14, 2023"), re.compile("November 15, 2023")]
    )
    await keep(tab.page, "console-long-run")


# Scrolls up; where that was a moment later.
TO_THE_TOP = """async (element) => {
  element.scrollTo(0, 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  return element.scrollTop;
}"""


async def test_open_room_has_no_unread_badge(visit: Visit, server: LiveServer) -> None:
    """Not even while the reader is far above; a room that is not open has one."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    for number in range(60):
        ada.publish("order-17", f"thought {number}")
    tab = await visit(server)
    await tab.arrive(bob, "order-17")
    await expect(tab.message("thought 59")).to_be_attached()
    region = tab.page.get_by_role("region", name="Conversation")
    # The page itself scrolls, to the first that is new, and has to hear where the reader is.
    while await region.evaluate(TO_THE_TOP):
        pass
    ada.publish("order-17", "and another one")
    await expect(tab.page.get_by_role("button", name="Jump to latest, 1 new")).to_be_visible()
    async with tab.page.expect_response(re.compile(r"/inbox\?limit=50")):
        await tab.page.evaluate("() => dispatchEvent(new Event('focus'))")
    link = tab.page.get_by_role("link", name="order-17")
    await expect(link).not_to_have_accessible_name(re.compile("unread"))
    await expect(tab.page).to_have_title("order-17")
    await tab.page.goto(f"{server.url}/#/")
    await expect(link).to_have_accessible_name(re.compile("1 unread"))
    ada.publish("order-17", {"text": "@bob, see?", "mentions": ["bob"]})
    await expect(link).to_have_accessible_name(re.compile("@1 mention +2 unread"))


async def test_being_made_a_member_shows_at_once(visit: Visit, server: LiveServer) -> None:
    """In a list that is empty, and in one beside a room that is open."""
    ada, bob = server.person("ada"), server.person("bob")
    tab = await visit(server)
    await tab.sign_in("bob")
    await expect(tab.page.get_by_text("Nothing here yet.")).to_be_visible()
    for number in (17, 18):
        ada.create(f"order-{number}", bob="writer")
        link = tab.page.get_by_role("link", name=f"order-{number}")
        # Without being told the list would be asked for every ten seconds.
        await expect(link).to_be_visible(timeout=scaled(5000))
        await link.click()
        await tab.is_in(f"order-{number}")
    role = tab.page.get_by_role("link", name="order-17")
    ada.call("PUT", "/items/order-17/members/bob", json={"role": "reader"})
    await expect(role).to_contain_text("reader", timeout=scaled(5000))
    assert bob.call("GET", "/items").json()["items"][0]["role"] == "reader"
