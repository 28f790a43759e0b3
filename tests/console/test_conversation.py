"""Two people in two browsers, from signing up to the end of a membership."""

import re

import pytest
from playwright.async_api import expect

from tests.console.conftest import Visit
from tests.console.tab import Tab
from tests.deadlines import scaled
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio


async def meet(visit: Visit, server: LiveServer) -> tuple[Tab, Tab]:
    """Ada makes an item and lets Bob in, who opens it."""
    ada, bob = await visit(server), await visit(server)
    await ada.sign_up("ada")
    await bob.sign_up("bob")
    await ada.create("order-17", "Four chairs")
    members = await ada.dialog("Members", "Members and settings")
    await members.get_by_label("Username").fill("bob")
    await members.get_by_label("Role", exact=True).select_option("writer")
    await members.get_by_role("button", name="Add member").click()
    await expect(members.get_by_role("combobox", name="Role of bob")).to_have_value("writer")
    await ada.page.keyboard.press("Escape")
    await bob.enter("order-17")
    return ada, bob


async def pair(visit: Visit, server: LiveServer) -> tuple[Tab, Tab]:
    """Two members of an item, both in its room."""
    people = server.person("ada"), server.person("bob")
    people[0].create("order-17", bob="writer")
    tabs = await visit(server), await visit(server)
    for tab, person in zip(tabs, people, strict=True):
        await tab.arrive(person, "order-17")
    return tabs


async def test_two_people_talk_edit_react_and_delete(visit: Visit, server: LiveServer) -> None:
    """Each sees what the other does, at once and in the same order."""
    ada, bob = await meet(visit, server)
    await expect(ada.page.get_by_role("button", name="2 here")).to_be_visible()
    here = await ada.dialog("2 here", "Who is here")
    await expect(here.get_by_role("list", name="People here")).to_contain_text("Bob")
    await ada.page.keyboard.press("Escape")

    await bob.page.get_by_role("textbox", name="Message", exact=True).press_sequentially("I a")
    typing = ada.page.get_by_role("status", name="Typing")
    await expect(typing).to_have_text("Bob is typing…")
    await bob.say("I am here")
    await expect(ada.message("I am here").locator(".author")).to_have_text("Bob")
    await expect(typing).to_have_text("")

    await ada.say("hello")
    await ada.say("oak or beach?")
    await expect(bob.message("oak or beach?")).to_be_visible()
    await ada.act("oak or beach?", "Edit")
    editor = ada.page.get_by_role("textbox", name="Edit message")
    await editor.fill("oak or beech?")
    await editor.press("Enter")
    edited = bob.message("oak or beech?")
    await expect(edited).to_contain_text("edited")

    await bob.act("oak or beech?", "React")
    choices = bob.page.get_by_role("group", name="Reactions to choose")
    await choices.get_by_role("button", name="👍").click()
    reaction = ada.message("oak or beech?").get_by_role("button", name="👍, 1: Bob")
    await reaction.click()
    await expect(edited.get_by_role("button", name="👍, 2")).to_have_attribute(
        "aria-pressed", "true"
    )

    await ada.act("hello", "Delete")
    await ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    for tab in (ada, bob):
        await expect(tab.page.get_by_text("Message deleted")).to_be_visible()
    seen = await bob.screen()
    assert [text for _, text in seen] == ["I am here", "Message deleted", "oak or beech?"]
    assert await ada.screen() == seen


async def test_dropped_connection_resumes_with_what_was_missed(
    visit: Visit, server: LiveServer
) -> None:
    """The button shows it: state, place, and how much came meanwhile."""
    ada, bob = await pair(visit, server)
    await bob.say("before")
    await expect(ada.message("before")).to_be_visible()
    await ada.page.get_by_role("button", name="Drop my connection").click()
    await expect(ada.page.get_by_role("status", name="Resume")).to_contain_text("Resumed at ")
    await ada.is_live()
    await bob.say("after")
    await expect(ada.message("after")).to_be_visible()
    assert await ada.screen() == await bob.screen()


async def test_who_left_the_item_open_elsewhere_sees_what_is_new(
    visit: Visit, server: LiveServer
) -> None:
    """Unread counts in the list, and a line above what came since."""
    ada, bob = await pair(visit, server)
    await bob.say("one")
    await expect(ada.message("one")).to_be_visible()
    await ada.create("order-18", "A table")
    await bob.say("two")
    await bob.say("three")
    await expect(bob.message("three")).to_have_attribute("data-seq", re.compile("[0-9]"))
    await ada.say("meanwhile")  # What happens here has the list asked for news.
    link = ada.page.get_by_role("link", name="order-17")
    await expect(link).to_have_accessible_name(re.compile("2 unread"))
    await link.click()
    await expect(ada.message("three")).to_be_visible()
    new = ada.page.get_by_role("listitem").filter(has_text="New since you left")
    await expect(new).to_be_visible()


async def test_removed_member_is_told_at_once(visit: Visit, server: LiveServer) -> None:
    """With the reason, and without a chance to go on typing into nothing."""
    ada, bob = await pair(visit, server)
    members = await ada.dialog("Members", "Members and settings")
    await members.get_by_role("button", name="Remove bob").click()
    question = ada.page.get_by_role("dialog", name="Remove bob?")
    await question.get_by_role("button", name="Remove", exact=True).click()
    await expect(bob.connection).to_have_attribute("data-reason", "removed", timeout=scaled(2000))
    await expect(bob.connection).to_contain_text("You were removed from this item.")
    await expect(bob.connection).to_have_attribute("data-state", "refused")
