"""Answers to messages, the way to a message, links to it, and the keys."""

import re

import pytest
from playwright.async_api import expect

from tests.conftest import Serve
from tests.console.conftest import Visit
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio


async def test_answers_lead_to_what_they_answer(visit: Visit, serve: Serve) -> None:
    """Also to what is not loaded; so does an address, and `?` says which keys there are."""
    server = serve(publish_rate=0)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    for number in range(120):
        ada.publish("order-17", f"thought {number}")
    first = 2  # Behind the entry that made Bob a member.
    ada.publish("order-17", {"text": "as I said", "reply_to": first})
    tab = await visit(server)
    page = tab.page
    await tab.arrive(bob, "order-17")
    await tab.message("thought 119").hover()
    await page.get_by_role("button", name="Reply", exact=True).click()
    await expect(page.get_by_text("Replying to ada thought 119")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("Replying to")).to_be_hidden()
    await tab.message("thought 119").hover()
    await page.get_by_role("button", name="Reply", exact=True).click()
    await page.keyboard.type("quite so, @ada.")
    await page.keyboard.press("Enter")
    await expect(tab.message("quite so, @ada.")).to_contain_text("In reply to ada thought 119")
    newest = ada.call("GET", "/items/order-17/messages", params={"limit": 1}).json()
    said = {"text": "quite so, @ada.", "reply_to": 121, "mentions": ["ada"]}
    assert newest["messages"][0]["body"] == said
    await page.get_by_role("button", name="In reply to An earlier message").click()
    await expect(tab.message("thought 0")).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.goto(f"{server.url}/#/items/order-17/{first + 50}")
    await expect(tab.message("thought 50")).to_be_focused()
    await page.goto(f"{server.url}/#/items/order-17/9999")
    await expect(page.get_by_text("This message is not here.")).to_be_visible()
    await expect(page).to_have_url(re.compile("9999$"))


async def test_link_to_a_message_is_copied(visit: Visit, server: LiveServer) -> None:
    """Where the clipboard is the page's; elsewhere it is shown."""
    ada = server.person("ada")
    ada.create("order-17")
    ada.publish("order-17", "here")
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    await tab.message("here").hover()
    await tab.page.context.grant_permissions(["clipboard-write", "clipboard-read"])
    await tab.page.get_by_role("button", name="Copy link").click()
    await expect(tab.page.get_by_text("The link is copied.")).to_be_visible()
    copied = await tab.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{server.url}/#/items/order-17/1"
    await tab.page.evaluate(
        "void (navigator.clipboard.writeText = () => Promise.reject(new Error()))"
    )
    await tab.message("here").hover()
    await tab.page.get_by_role("button", name="Copy link").click()
    await expect(tab.page.get_by_text(f"{server.url}/#/items/order-17/1")).to_be_visible()
    await tab.page.get_by_label("Message", exact=True).fill("?")
    await tab.page.get_by_label("Message", exact=True).press("?")
    await expect(tab.page.get_by_role("dialog")).to_have_count(0)
