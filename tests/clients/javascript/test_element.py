"""The element on a page under a strict policy, in a browser and against a real server."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser import Windows
from tests.clients.javascript.conftest import SOURCES
from tests.clients.javascript.shop import Gate, Shop, build
from tests.console.axe import faults
from tests.console.pictures import keep
from tests.docs.reading import blocks
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

README = (SOURCES / "README.md").read_text(encoding="utf-8")
SCRIPT = '<script type="module" src="/itemroom-room.js"></script>'
ELEMENT = '<itemroom-room item="order-17"></itemroom-room>'
MARKUP = '<img src=x onerror="document.title=1"><b>bold</b>'
BACKGROUND = "(element) => getComputedStyle(element).backgroundColor"


@pytest.fixture
def ada(server: LiveServer) -> Person:
    """Somebody with a room that Bob reads."""
    ada = server.person("ada", "Ada")
    server.person("bob", "Bob")
    ada.create("order-17", bob="reader")
    ada.call("PATCH", "/items/order-17", json={"title": "Four oak chairs"})
    return ada


@pytest.fixture
def bob(server: LiveServer, ada: Person) -> Person:
    """Who may read, by his cookie."""
    return Person(server, "bob", "", "")


async def is_live(page: Page) -> None:
    """Wait until all elements are."""
    for status in await page.get_by_role("status").all():
        await expect(status).to_have_text("Live")


async def say(page: Page, text: str) -> None:
    """Send a message, as a person at the keyboard."""
    box = page.get_by_role("textbox", name="Message")
    await box.fill(text)
    await box.press("Enter")


async def test_the_page_of_the_manual_shows_a_room(windows: Windows, ada: Person) -> None:
    """What was said, what is said here and there, who is here; text stays text."""
    for body in ("first", MARKUP, {"text": "**as** written"}, {"of": "another kind"}):
        ada.publish("order-17", body)
    shop = await Shop.visited(windows, ada)
    (html,) = blocks(README, "html", "page")
    page = await shop.show(html)
    await is_live(page)
    room = page.get_by_role("region", name="Four oak chairs")
    await expect(room.get_by_role("list", name="Here now").get_by_role("listitem")).to_have_text(
        ["Ada"]
    )
    await say(page, "from here")
    ada.publish("order-17", "from there")
    said = ["first", MARKUP, "**as** written", '{"of":"another kind"}', "from here", "from there"]
    await expect(room.get_by_role("log", name="Messages").locator(".text")).to_have_text(said)
    assert await page.locator("itemroom-room :is(img, b)").count() == 0
    assert await page.title() == "Shop"
    await expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    ada.call("DELETE", "/items/order-17/messages/2")
    ada.call("PATCH", "/items/order-17", json={"title": "Five oak chairs"})
    await expect(page.get_by_role("region", name="Five oak chairs")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_element_has_no_serious_fault(
    windows: Windows, ada: Person, bob: Person, scheme: str
) -> None:
    """With messages of each kind, as a writer and as a reader; and nothing stands out."""
    for person, text in ((ada, "The chairs are glued and sanded."), (ada, "Oil goes on today.")):
        person.publish("order-17", {"text": text})
    gone = ada.publish("order-17", "not for long")["seq"]
    ada.call("DELETE", f"/items/order-17/messages/{gone}")
    shop = await Shop.visited(windows, ada, color_scheme=scheme)
    style = f":root {{ color-scheme: {scheme} }}"
    page = await shop.show(SCRIPT + ELEMENT, style)
    await is_live(page)
    await say(page, "Delivery on Thursday still fine?\nOr rather Friday?")
    await say(page, "x\0")
    await expect(page.get_by_text("Not sent.")).to_be_visible()
    await expect(page.locator("[data-status=stored]")).to_have_count(4)
    assert await faults(page) == []
    await keep(page, f"element-{scheme}")
    reader = await (await Shop.visited(windows, bob)).show(SCRIPT + ELEMENT, style)
    await expect(reader.get_by_text("You can read here, but not write.")).to_be_visible()
    await expect(reader.get_by_role("textbox")).to_be_hidden()
    assert await faults(reader) == []
    await keep(reader, f"element-reader-{scheme}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_grows_and_stops(
    windows: Windows, ada: Person, bob: Person, scheme: str
) -> None:
    """In its row, which is read out when it is complete; who writes may stop it, who reads not."""
    message = {"text": "", "model": "m"}
    seq = ada.call("POST", "/items/order-17/messages", json={"body": message, "open": True})
    path = f"/items/order-17/messages/{seq.json()['seq']}"
    style = f":root {{ color-scheme: {scheme} }}"
    page = await (await Shop.visited(windows, ada, color_scheme=scheme)).show(
        SCRIPT + ELEMENT, style
    )
    reader = await (await Shop.visited(windows, bob)).show(SCRIPT + ELEMENT)
    for one in (page, reader):
        await expect(one.locator(".message")).to_have_attribute("aria-busy", "true")
    stop = page.get_by_role("button", name="Stop")
    await stop.evaluate("(button) => globalThis.known = button")
    text = ""
    for word in ("Four ", "\N{GRINNING FACE} ", "chairs"):
        ada.call("POST", f"{path}/append", json={"at": len(text), "text": word})
        text += word
        for one in (page, reader):
            await expect(one.locator(".text")).to_have_text(text.strip())
    assert await page.evaluate("known.isConnected"), "a pressed button would be lost"
    assert await faults(page) == []
    await keep(page, f"element-writing-{scheme}")
    await expect(reader.locator(".end")).to_have_text("writing…")
    await expect(reader.get_by_role("button", name="Stop")).to_have_count(0)
    await stop.click()
    for one in (page, reader):
        await expect(one.locator(".end")).to_have_text("stopping…")
    ada.call("POST", f"{path}/finish", json={"state": "stopped"})
    for one in (page, reader):
        await expect(one.locator(".end")).to_have_text("stopped")
        await expect(one.locator(".message")).to_have_attribute("aria-busy", "false")
        await expect(one.locator(".message")).to_have_count(1)


async def test_faults_within_the_element_are_found(windows: Windows, ada: Person) -> None:
    """The judge sees into the shadow: a box without a label, and a button without a name."""
    page = await (await Shop.visited(windows, ada)).show(SCRIPT + ELEMENT)
    await is_live(page)
    await page.locator("label").evaluate("(label) => label.replaceWith(label.lastChild)")
    await page.locator(".send").evaluate("(button) => button.replaceChildren()")
    found = "\n".join(await faults(page))
    assert "label at" in found
    assert "button-name at" in found


async def test_what_is_sent_is_shown_at_once(windows: Windows, ada: Person) -> None:
    """It becomes what is stored in its place: nothing that was read out is put in anew."""
    shop = await Shop.visited(windows, ada)
    gate = Gate()
    await gate.before(shop.page)
    page = await shop.show(SCRIPT + ELEMENT)
    await is_live(page)
    await say(page, "mine")
    row = page.locator(".message")
    await expect(row).to_have_attribute("data-status", "pending")
    await row.evaluate("(row) => { globalThis.known = [row, row.querySelector('.text')] }")
    gate.open()
    await expect(row).to_have_attribute("data-status", "stored")
    assert await page.evaluate("known.map((part) => part.isConnected)") == [True, True]


async def test_what_was_refused_can_be_sent_again_or_discarded(
    windows: Windows, ada: Person
) -> None:
    """By its buttons; whoever presses them goes on in the box."""
    page = await (await Shop.visited(windows, ada)).show(SCRIPT + ELEMENT)
    await is_live(page)
    await say(page, "never\0")
    await page.get_by_role("button", name="Send again").click()
    await expect(page.get_by_text("Not sent.")).to_have_count(1)
    box = page.get_by_role("textbox", name="Message")
    await expect(box).to_be_focused()
    discard = page.get_by_role("button", name="Discard")
    await discard.focus()
    await discard.press("Enter")
    await expect(page.locator(".message")).to_have_count(0)
    await expect(box).to_be_focused()


async def test_an_enter_sends_but_with_shift_or_within_a_composition(
    windows: Windows, ada: Person
) -> None:
    """Then it is a new line, or picks a word; and nothing is nothing to send."""
    page = await (await Shop.visited(windows, ada)).show(SCRIPT + ELEMENT)
    await is_live(page)
    box = page.get_by_role("textbox", name="Message")
    await box.press("Enter")
    await box.press_sequentially("one")
    await box.press("Shift+Enter")
    await box.press_sequentially("two")
    await box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    await expect(page.locator(".message")).to_have_count(0)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".text")).to_have_text("one\ntwo")
    await expect(box).to_have_value("")


async def test_elements_of_one_item_share_a_socket_also_while_they_move(
    windows: Windows, ada: Person
) -> None:
    """The last that is taken away closes it; another item is another room."""
    ada.create("order-18")
    shop = await Shop.visited(windows, ada)
    page = await shop.show(f"{SCRIPT}<div>{ELEMENT}</div>")
    await is_live(page)
    elements = page.locator("itemroom-room")
    await elements.evaluate("(element) => document.querySelector('main').append(element)")
    await is_live(page)
    await elements.evaluate("(element) => element.after(element.cloneNode())")
    await expect(page.get_by_text("Live", exact=True)).to_have_count(2)
    assert len(shop.sockets) == 1
    await elements.first.evaluate("(element) => element.setAttribute('item', 'order-18')")
    await expect(page.get_by_role("region", name="order-18")).to_be_visible()
    await is_live(page)
    await shop.has_open(2)
    for _ in range(2):
        await elements.first.evaluate("(element) => element.remove()")
    await shop.has_open(0)


async def test_a_page_changes_its_looks(windows: Windows, ada: Person) -> None:
    """By properties and parts, as the manual shows; without, it follows the page's scheme."""
    ada.publish("order-17", "hello")
    (style,) = blocks(README, "css", "page")
    page = await (await Shop.visited(windows, ada)).show(SCRIPT + ELEMENT, style)
    await is_live(page)
    send = page.get_by_role("button", name="Send")
    assert await send.evaluate(BACKGROUND) == "rgb(122, 31, 92)"
    await expect(page.locator(".author")).to_have_css("text-transform", "uppercase")
    await expect(page.locator("itemroom-room")).to_have_css("height", "480px")
    await page.emulate_media(color_scheme="dark")
    section = page.locator("section")
    assert await section.evaluate(BACKGROUND) == "rgb(255, 255, 255)", "the page knows no dark"
    dark = await (await Shop.visited(windows, ada, color_scheme="dark")).show(
        SCRIPT + ELEMENT, ":root { color-scheme: light dark }"
    )
    await is_live(dark)
    assert await dark.locator("section").evaluate(BACKGROUND) == "rgb(27, 29, 32)"


async def test_a_function_for_credentials_counts_whenever_it_is_set(
    windows: Windows, ada: Person
) -> None:
    """Before the script has come, as a framework may do it, and after."""
    shop = await Shop.visited(windows, ada)
    await shop.context.clear_cookies()
    page = await shop.show("<itemroom-room></itemroom-room>")
    await page.evaluate(
        """async (token) => {
            const element = document.querySelector("itemroom-room");
            element.getToken = () => token;
            await import("/itemroom-room.js");
            element.setAttribute("item", "order-17");
        }""",
        ada.token,
    )
    await is_live(page)
    windows.tolerate(r"^WebSocket connection to|/tickets")
    await page.evaluate("""() => {
        const element = document.querySelector("itemroom-room");
        element.getToken = () => "no.such.token";
        element.room.reconnect();
    }""")
    await expect(page.get_by_role("status")).to_have_text(re.compile(r"^Not let in\. \w+"))
    await expect(page.get_by_role("textbox")).to_be_hidden()


async def test_a_bundle_of_the_package_has_the_element(
    windows: Windows, ada: Person, project: Path
) -> None:
    """Although nothing of it is used by name: what it does by being imported stays."""
    program = build(
        project,
        "shop",
        shop='import "@itemroom/client/itemroom-room";\n'
        'const element = document.createElement("itemroom-room");\n'
        'element.setAttribute("item", "order-17");\n'
        f'element.setAttribute("token", {json.dumps(ada.token)});\n'
        'document.getElementById("root").append(element);\n',
    )
    shop = await Shop.visited(windows, ada)
    await shop.context.clear_cookies()
    page = await shop.run(program)
    await is_live(page)
    await expect(page.get_by_role("region", name="Four oak chairs")).to_be_visible()
