"""The hook, in React and a browser, built by a bundler from the package as it is published."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser import Windows
from tests.clients.javascript.conftest import SOURCES
from tests.clients.javascript.shop import Gate, Shop, build
from tests.console.pictures import keep
from tests.deadlines import scaled
from tests.docs.reading import blocks
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

README = (SOURCES / "README.md").read_text(encoding="utf-8")
STAGE = (Path(__file__).parent / "stage.jsx").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def talk() -> str:
    """The manual's component."""
    (talk,) = blocks(README, "jsx", "talk")
    return talk


@pytest.fixture(scope="session")
def manual(project: Path, talk: str) -> str:
    """The manual's program."""
    (main,) = blocks(README, "jsx", "main")
    return build(project, "main", main=main, talk=talk)


@pytest.fixture(scope="session")
def stage(project: Path, talk: str) -> str:
    """A program that shows the manual's component where a test says."""
    return build(project, "stage", stage=STAGE, talk=talk)


@pytest.fixture
def ada(server: LiveServer) -> Person:
    """Somebody with a room that Bob reads."""
    ada = server.person("ada", "Ada")
    server.person("bob", "Bob")
    ada.create("order-17", bob="reader")
    return ada


async def say(talk: Locator, text: str) -> None:
    """Send a message."""
    box = talk.get_by_label("Message")
    await box.fill(text)
    await box.press("Enter")


def talk_of(page: Page, item: str = "order-17") -> Locator:
    """The component of an item."""
    return page.get_by_role("region", name=item)


async def test_text_is_shown_as_it_grows(windows: Windows, ada: Person, manual: str) -> None:
    """One entry, which says while there is more to come."""
    talk = talk_of(await (await Shop.visited(windows, ada)).run(manual))
    await expect(talk.get_by_role("status")).to_have_text("live")
    begun = ada.call("POST", "/items/order-17/messages", json={"body": "", "open": True})
    path = f"/items/order-17/messages/{begun.json()['seq']}"
    said, text = talk.locator("li.stored"), ""
    for word in ("Hel", "lo"):
        ada.call("POST", f"{path}/append", json={"at": len(text), "text": word})
        text += word
        await expect(said).to_have_text(f"Ada {text} writing…")
    ada.call("POST", f"{path}/finish", json={"state": "done"})
    await expect(said).to_have_text("Ada Hello")


async def test_the_program_of_the_manual_talks_over_one_socket(
    windows: Windows, ada: Person, manual: str
) -> None:
    """What is stored, what is said here and what others say; StrictMode mounts it twice."""
    ada.publish("order-17", {"text": "before"})
    shop = await Shop.visited(windows, ada)
    talk = talk_of(await shop.run(manual))
    await expect(talk.get_by_role("status")).to_have_text("live")
    await expect(talk.get_by_text("Here: Ada")).to_be_visible()
    await say(talk, "<b>mine</b>")
    ada.publish("order-17", "from elsewhere")
    lines = talk.get_by_role("listitem")
    await expect(lines).to_have_text(["Ada before", "Ada <b>mine</b>", "Ada from elsewhere"])
    await expect(talk.locator(".stored")).to_have_count(3)
    assert len(shop.sockets) == 1
    await keep(shop.page, "react")


INBOX = """
import { createRoot } from "react-dom/client";
import { StrictMode } from "react";
import { Session } from "@itemroom/client";
import { Desk } from "./inbox.jsx";

const desk = <StrictMode><Desk session={new Session("/")} /></StrictMode>;
createRoot(document.getElementById("root")).render(desk);
"""


async def test_the_inbox_and_its_rooms_have_one_socket(
    windows: Windows, project: Path, talk: str, ada: Person
) -> None:
    """What is new is counted without being in a room; rooms come and go by the same socket."""
    ada.create("order-18", bob="writer")
    for item in ("order-17", "order-18"):
        ada.call("PATCH", f"/items/{item}", json={"title": f"Chairs of {item}"})
    (inbox,) = blocks(README, "jsx", "inbox")
    bob = Person(ada.server, "bob", "", "")
    shop = await Shop.visited(windows, bob)
    page = await shop.run(build(project, "desk", desk=INBOX, inbox=inbox, talk=talk))
    buttons = page.get_by_role("button")
    await expect(buttons).to_have_text(["Chairs of order-18 (0)", "Chairs of order-17 (0)"])
    ada.publish("order-17", "news")
    await expect(buttons).to_have_text(["Chairs of order-17 (1)", "Chairs of order-18 (0)"])
    await expect(page.get_by_role("navigation")).to_have_accessible_name("Unread: 1")
    for item, text in (("order-17", "Ada news"), ("order-18", "Bob mine")):
        await page.get_by_role("button", name=item).click()
        await expect(talk_of(page, item).get_by_role("status")).to_have_text("live")
        if item == "order-18":
            await say(talk_of(page, item), "mine")
        await expect(talk_of(page, item).get_by_role("listitem")).to_have_text([text])
    assert len(shop.sockets) == 1


SHOW = "(talks) => show(talks)"


async def show(page: Page, **items: Any) -> None:
    """Render components, each by a key: an item, or an item and options."""
    props = {
        key: {"item": item} if isinstance(item, str) else {"item": item[0], "options": item[1]}
        for key, item in items.items()
    }
    await page.evaluate(SHOW, props)


async def test_components_of_one_item_share_a_socket_that_the_last_closes(
    windows: Windows, ada: Person, stage: str
) -> None:
    """Another item has one of its own, and so has another user."""
    ada.create("order-18")
    shop = await Shop.visited(windows, ada)
    page = await shop.run(stage)
    await show(page, a="order-17", b="order-17", c=("order-17", {"user": "ada"}), d="order-18")
    await expect(page.get_by_role("status")).to_have_text(["live"] * 4)
    assert await page.evaluate("mounts") == 2, "StrictMode does not mount twice: nothing is tested"
    assert len(shop.sockets) == 3
    await say(talk_of(page).first, "to both")
    await expect(talk_of(page).get_by_text("to both")).to_have_count(3)
    await show(page, b="order-17")
    await shop.has_open(1)
    await say(talk_of(page), "still here")
    await expect(talk_of(page).locator(".stored")).to_have_text(["Ada to both", "Ada still here"])
    await show(page, another="order-17")
    await say(talk_of(page), "and here")
    await expect(talk_of(page).locator(".stored")).to_have_count(3)
    await show(page)
    await shop.has_open(0)
    assert len(shop.sockets) == 3


async def test_a_component_that_gets_another_item_shows_nothing_of_the_one_before(
    windows: Windows, ada: Person, stage: str
) -> None:
    """Nor does it keep its socket."""
    ada.create("order-18")
    ada.publish("order-17", "of 17")
    ada.publish("order-18", "of 18")
    shop = await Shop.visited(windows, ada)
    page = await shop.run(stage)
    await page.evaluate("""() => {
        const seen = globalThis.seen = new Set();
        const look = () => {
          for (const section of document.querySelectorAll("section"))
            seen.add(section.ariaLabel + ": " + section.querySelector("ul").innerText.trim());
        };
        const all = { subtree: true, childList: true, attributes: true };
        new MutationObserver(look).observe(document, all);
    }""")
    await show(page, a="order-17")
    await expect(page.get_by_text("of 17")).to_be_visible()
    await show(page, a="order-18")
    await expect(page.get_by_text("of 18")).to_be_visible()
    seen = await page.evaluate("[...seen]")
    assert set(seen) <= {"order-17: ", "order-17: Ada of 17", "order-18: ", "order-18: Ada of 18"}
    await shop.has_open(1)


async def test_what_is_published_is_shown_at_once_and_becomes_what_is_stored(
    windows: Windows, ada: Person, stage: str
) -> None:
    """In its place on the page: nothing is taken away and put there again."""
    shop = await Shop.visited(windows, ada)
    gate = Gate()
    await gate.before(shop.page)
    page = await shop.run(stage)
    await show(page, a="order-17")
    await expect(page.get_by_role("status")).to_have_text("live")
    await say(talk_of(page), "mine")
    line = page.get_by_role("listitem")
    await expect(line).to_have_class("pending")
    await expect(line).to_have_text("Ada mine")
    ada.publish("order-17", "meanwhile")
    await expect(line).to_have_text(["Ada meanwhile", "Ada mine"])
    await line.last.evaluate("(line) => { line.dataset.known = 'yes' }")
    gate.open()
    await expect(page.locator(".stored")).to_have_text(["Ada meanwhile", "Ada mine"])
    await expect(line.last).to_have_attribute("data-known", "yes")


async def test_what_is_published_is_stored_although_nobody_looks_on(
    windows: Windows, ada: Person, stage: str
) -> None:
    """The component is gone before the answer has come."""
    shop = await Shop.visited(windows, ada)
    gate = Gate()
    await gate.before(shop.page)
    page = await shop.run(stage)
    await show(page, a="order-17")
    await expect(page.get_by_role("status")).to_have_text("live")
    await say(talk_of(page), "and gone")
    await expect(page.locator(".pending")).to_have_count(1)
    await show(page)
    await expect(page.get_by_role("region")).to_have_count(0)
    gate.open()
    async with asyncio.timeout(scaled(10)), ada.room("order-17", after=0) as talk:
        assert (await talk.get("message"))["body"] == {"text": "and gone"}


async def test_what_was_refused_stays_with_its_error_and_can_be_sent_again(
    windows: Windows, ada: Person, server: LiveServer, stage: str
) -> None:
    """Bob may only read, until he may write."""
    shop = await Shop.visited(windows, Person(server, "bob", "", ""))
    page = await shop.run(stage)
    await show(page, a="order-17")
    talk = talk_of(page)
    await expect(talk.get_by_role("status")).to_have_text("live")
    for text in ("first", "second"):
        await say(talk, text)
    failed = page.locator(".failed")
    await expect(failed).to_have_text(
        [re.compile(r"^Bob first \(.+\)Send again"), re.compile("second")]
    )
    await failed.last.get_by_role("button", name="Discard").click()
    await expect(failed).to_have_count(1)
    members = "/items/order-17/members/bob"
    assert ada.call("PUT", members, json={"role": "writer"}).is_success
    await failed.get_by_role("button", name="Send again").click()
    await expect(page.locator(".stored")).to_have_text(["Bob first"])
    await expect(failed).to_have_count(0)


async def test_whoever_is_not_let_in_sees_why(windows: Windows, ada: Person, stage: str) -> None:
    """The status is the refusal's."""
    shop = await Shop.visited(windows, ada)
    windows.tolerate(r"^WebSocket connection to|/tickets")
    page = await shop.run(stage)
    await show(page, a="nowhere")
    await expect(page.get_by_role("status")).to_have_text("item_not_found")


async def test_a_function_for_credentials_may_be_another_in_each_render(
    windows: Windows, ada: Person, stage: str
) -> None:
    """One socket; and the newest is asked when it has to be opened again."""
    # It may be tried while there is no network, and then asks once more.
    windows.tolerate("ERR_INTERNET_DISCONNECTED")
    shop = await Shop.visited(windows, ada)
    await shop.context.clear_cookies()
    page = await shop.run(stage)
    ask = """(token) => {
        globalThis.asked = [];
        globalThis.by = (name) => show({ a: { item: "order-17", options: {
          getToken: () => asked.push(name) && token } } });
        by("first");
    }"""
    await page.evaluate(ask, ada.token)
    await expect(page.get_by_role("status")).to_have_text("live")
    await page.evaluate("by('second')")
    await page.evaluate("by('third')")
    assert await page.evaluate("asked") == ["first"]
    assert len(shop.sockets) == 1
    await shop.context.set_offline(True)
    await expect(page.get_by_role("status")).to_have_text("waiting")
    await shop.context.set_offline(False)
    await expect(page.get_by_role("status")).to_have_text("live")
    first, *others = await page.evaluate("asked")
    assert (first, set(others)) == ("first", {"third"})
