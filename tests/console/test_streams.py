"""Messages in the making on the screen: one message that grows, until it ends."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


async def call(person: Person, path: str, **json: object) -> Any:
    url = f"/items/order-17/messages{path}"
    answer = await asyncio.to_thread(person.call, "POST", url, json=json)
    assert answer.is_success, answer.text
    return answer.json()


async def join(ada: Person, other: Person) -> None:
    path = f"/items/order-17/members/{other.username}"
    await asyncio.to_thread(ada.call, "PUT", path, json={"role": "writer"})


async def begin(person: Person, text: str = "") -> str:
    """A message in the making; its path."""
    return f"/{(await call(person, '', body={'text': text}, open=True))['seq']}"


async def test_text_grows_and_stops(
    visit: Visit, server: LiveServer, ada: Person, tab: Tab
) -> None:
    """It is read as it comes, read out when it is complete, and whoever writes may stop it."""
    bot, page = server.person("bot", "Bot"), tab.page
    await join(ada, bot)
    path = await begin(bot)
    row = page.locator(f".row-message[data-seq='{path[1:]}']")
    await expect(row).to_contain_text("writing…")
    await row.evaluate("row => globalThis.first = row")
    words = ["Hello, ", "w\N{GRINNING FACE}rld: ", "https://example.com/a", " and ", "more"]
    text = ""
    for word in words:
        await call(bot, f"{path}/append", at=len(text), text=word)
        text += word
    await expect(row.locator(".text")).to_have_text(text)
    assert await row.evaluate("row => row === globalThis.first"), "a pressed button would be lost"
    await expect(row.get_by_role("link")).to_have_text("https://example.com/a")
    announcer = page.locator("#announcer")
    await expect(announcer).to_have_text("Bot is writing…")
    late = await visit(server)
    await late.page.goto(f"{server.url}/#/items/order-17")
    await late.sign_in("bot")
    await late.is_live()
    await expect(late.page.locator(".row-message .text")).to_have_text(text)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        await keep(page, f"writing-{scheme}")
        assert await faults(page) == []
    await row.get_by_role("button", name="Stop").click()
    for one in (page, late.page):
        await expect(one.locator(".row-message")).to_contain_text("stopping…")
    grown = await call(bot, f"{path}/append", at=len(text), text="!")
    assert grown["stopped"]
    await call(bot, f"{path}/finish", state="stopped")
    for one in (page, late.page):
        await expect(one.locator(".row-message .text")).to_have_text(f"{text}!")
        await expect(one.locator(".row-message .edited")).to_have_text("stopped")
        await expect(one.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
        await expect(one.locator(".row-message")).to_have_count(1)
    await expect(announcer).to_have_text(f"Bot: {text}! (stopped)")
    for one in (page, late.page):
        await one.reload()
        await expect(one.locator(".row-message .edited")).to_have_text("stopped")


async def test_a_failure_is_shown(server: LiveServer, ada: Person, tab: Tab) -> None:
    """With what its author says of it; the text stays, or what takes its place."""
    path = await begin(ada, "Thin")
    await call(ada, f"{path}/append", at=4, text="king")
    await call(ada, f"{path}/finish", state="failed", error={"message": "No more tokens."})
    row = tab.page.locator(".row-message").last
    await expect(row).to_contain_text("Thinking failed")
    await expect(row).to_contain_text("No more tokens.")
    other = await begin(ada, "draft")
    await call(ada, f"{other}/finish", body={"text": "whole"})
    await expect(tab.page.locator(".row-message .text").last).to_have_text("whole")
    for scheme in ("light", "dark"):
        await tab.page.emulate_media(color_scheme=scheme)
        await keep(tab.page, f"failed-{scheme}")
        assert await faults(tab.page) == []


async def test_one_that_grew_is_one_unread_message(
    visit: Visit, server: LiveServer, ada: Person
) -> None:
    """However much it grew, and however it ended."""
    bob = server.person("bob")
    await join(ada, bob)
    ada.create("other", bob="writer")
    tab = await visit(server)
    await tab.arrive(bob, "other")
    path = await begin(ada)
    for at in range(5):
        await call(ada, f"{path}/append", at=at, text="x")
    await call(ada, f"{path}/stop")
    await call(ada, f"{path}/finish", state="stopped")
    link = tab.page.get_by_role("link", name=re.compile("order-17"))
    await expect(link).to_have_accessible_name(re.compile("1 unread"))
