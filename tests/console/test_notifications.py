"""What the browser shows of new messages while nobody looks at the page."""

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

# Keeps what is shown, answers for the reader, and lets the page be one that nobody looks at: in a
# browser without a screen every page is in front, and nothing is permitted whatever was granted.
WATCH = """() => {
  globalThis.notices = [];
  globalThis.asked = 0;
  const answer = () => localStorage.getItem("answer");
  globalThis.Notification = class extends Notification {
    static get permission() { return answer() ?? "default"; }
    static async requestPermission() {
      globalThis.asked += 1;
      if (answer() === null) localStorage.setItem("answer", "granted");
      return answer();
    }
    constructor(title, options) {
      super(title, options);
      globalThis.notices.push([title, options.body, this]);
      this.isOpen = true;
    }
    close() { this.isOpen = false; super.close(); }
  };
  globalThis.look = (isLooking) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => !isLooking });
    document.dispatchEvent(new Event("visibilitychange"));
  };
}"""
SHOWN = "() => notices.map(([title, body]) => [title, body])"


async def arrive(visit: Visit, server: LiveServer, **look: object) -> tuple[Tab, Person, Person]:
    """Bob in one of Ada's two items; Ada, and Bob elsewhere."""
    ada, bob = server.person("ada", "Ada"), server.person("bob", "Bob")
    for item in ("order-17", "order-18"):
        ada.create(item, bob="writer")
    tab = await visit(server, **look)
    await tab.page.add_init_script(f"({WATCH})()")
    await tab.page.reload()
    await tab.arrive(bob, "order-17")
    await expect(tab.page.locator("[data-id='order-18']")).to_be_attached()
    return tab, ada, bob


async def choose(tab: Tab, wish: str) -> None:
    """In the account's dialog, by a click."""
    account = await tab.dialog("Account: Bob", "Account")
    await account.get_by_label("Notify me of").select_option(wish)
    await account.get_by_role("button", name="Change notifications").click()
    await expect(account.get_by_text("Saved.")).to_be_visible()
    await tab.page.keyboard.press("Escape")


async def say(person: Person, item: str, text: str, *mentions: str) -> int:
    body = {"text": text, "mentions": list(mentions)}
    seq: int = (await asyncio.to_thread(person.publish, item, body))["seq"]
    return seq


async def shown(page: Page, count: int) -> list[list[str]]:
    """What was shown, once there is so much."""
    await page.wait_for_function("count => notices.length >= count", arg=count)
    notices: list[list[str]] = await page.evaluate(SHOWN)
    return notices


async def test_mentions_are_shown_to_who_does_not_look_and_lead_there(
    visit: Visit, server: LiveServer
) -> None:
    """Of any item, with words and no marks; other messages are not, nor what is looked at."""
    tab, ada, _ = await arrive(visit, server)
    await choose(tab, "mentions")
    await say(ada, "order-17", "@bob while he looks", "bob")
    await expect(tab.message("@bob while he looks")).to_be_visible()
    await say(ada, "order-18", "@bob while he looks elsewhere", "bob")
    await expect(tab.page.get_by_role("link", name="order-18")).to_contain_text("@1")
    await tab.page.evaluate("() => look(false)")
    await say(ada, "order-18", "for all")
    seq = await say(ada, "order-18", "@bob, **when**?", "bob")
    await say(ada, "order-18", "soon?")
    assert await shown(tab.page, 1) == [["Ada · order-18", "@bob, when?"]]
    await say(ada, "order-17", "@bob here", "bob")
    assert await shown(tab.page, 2) == [
        ["Ada · order-18", "@bob, when?"],
        ["Ada · order-17", "@bob here"],
    ]
    await tab.page.evaluate("() => notices[0][2].dispatchEvent(new Event('click'))")
    await expect(tab.page).to_have_url(f"{server.url}/#/items/order-18/{seq}")
    await expect(tab.page.locator(f".row-message[data-seq='{seq}']")).to_be_focused()
    await tab.page.evaluate("() => look(true)")
    assert await tab.page.evaluate("() => notices.every(([,, notice]) => !notice.isOpen)")


async def test_all_messages_or_none_by_choice(visit: Visit, server: LiveServer) -> None:
    """The choice stays with the reader in this browser, and is taken back where it was made."""
    tab, ada, bob = await arrive(visit, server)
    await choose(tab, "all")
    await tab.page.reload()
    await tab.is_live()
    await tab.page.evaluate("() => look(false)")
    await say(bob, "order-18", "what he says elsewhere")
    await say(ada, "order-18", "for all")
    assert await shown(tab.page, 1) == [["Ada · order-18", "for all"]]
    await tab.page.evaluate("() => look(true)")
    await choose(tab, "off")
    await tab.page.evaluate("() => look(false)")
    await say(ada, "order-18", "@bob for nobody", "bob")
    await expect(tab.page).to_have_title(re.compile(r"^\(2\)"))
    await tab.page.evaluate("() => look(true)")
    await choose(tab, "all")
    await tab.page.evaluate("() => look(false)")
    await say(ada, "order-18", "the last")
    assert await shown(tab.page, 2) == [
        ["Ada · order-18", "for all"],
        ["Ada · order-18", "the last"],
    ]


async def test_browser_is_asked_by_a_click_alone_and_may_refuse(
    visit: Visit, server: LiveServer
) -> None:
    """What it refuses is said, and the choice is what it was."""
    tab, *_ = await arrive(visit, server)
    await tab.page.evaluate("() => localStorage.setItem('answer', 'denied')")
    account = await tab.dialog("Account: Bob", "Account")
    choice = account.get_by_label("Notify me of")
    await choice.select_option("mentions")
    assert await tab.page.evaluate("() => asked") == 0
    await account.get_by_role("button", name="Change notifications").click()
    await expect(account.get_by_role("alert").filter(has_text="does not let")).to_be_visible()
    assert await tab.page.evaluate("() => asked") == 1
    await expect(choice).to_have_value("off")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_choice_fits_a_phone(visit: Visit, server: LiveServer, scheme: str) -> None:
    """Where the account is."""
    phone = {"width": 390, "height": 780}
    tab, *_ = await arrive(visit, server, viewport=phone, color_scheme=scheme)
    await tab.page.get_by_role("link", name="All items").click()
    account = await tab.dialog("Account: Bob", "Account")
    await expect(account.get_by_label("Notify me of")).to_be_visible()
    await keep(tab.page, f"notifications-{scheme}")
    assert await faults(tab.page) == []
    assert await tab.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
