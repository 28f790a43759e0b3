"""Naming members: offered behind an @, chosen by key, click or touch, and mentioned."""

import re

import pytest
from playwright.async_api import Locator, expect

from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

NAMED = ("@bo.cleo", "@bob", "@dan")
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def people(server: LiveServer) -> dict[str, Person]:
    """Ada, whose item has three more members."""
    names = {"ada": "Ada", "bob": "Bob", "bo.cleo": "Cleo", "dan": "Daniel Boone"}
    people = {username: server.person(username, name) for username, name in names.items()}
    people["ada"].create("order-17", **dict.fromkeys(("bob", "bo.cleo", "dan"), "writer"))
    return people


async def begin(visit: Visit, people: dict[str, Person], **look: object) -> tuple[Tab, Locator]:
    """Ada's room, and the box that she writes in."""
    ada = people["ada"]
    tab = await visit(ada.server, **look)
    await tab.arrive(ada, "order-17")
    box = tab.page.locator(".composer textarea")
    await box.focus()
    return tab, box


def options(tab: Tab) -> Locator:
    return tab.page.get_by_role("listbox", name="Members").get_by_role("option")


async def test_keys_choose_whom_to_name(visit: Visit, people: dict[str, Person]) -> None:
    """Arrows, Enter and Tab; the focus stays in the box, and screen readers hear of each."""
    tab, box = await begin(visit, people)
    await box.press_sequentially("hello @bo")
    await expect(options(tab)).to_have_text([re.compile(name) for name in NAMED])
    combobox = tab.page.get_by_role("combobox", name="Message", expanded=True)
    await expect(combobox).to_be_focused()
    selected = tab.page.get_by_role("option", selected=True)
    for key, name in (("ArrowDown", "@bob"), ("ArrowUp", "@bo.cleo"), ("ArrowUp", "@dan")):
        await box.press(key)
        await expect(selected).to_contain_text(name)
        active = await box.get_attribute("aria-activedescendant")
        assert active == await selected.get_attribute("id")
    await box.press("ArrowUp")
    await box.press("Enter")
    await expect(box).to_have_value("hello @bob ")
    await expect(options(tab)).to_have_count(0)
    await box.press_sequentially("and @dani")
    await expect(options(tab)).to_have_count(1)
    await box.press("Tab")
    await expect(box).to_have_value("hello @bob and @dan ")
    await expect(box).to_be_focused()
    await box.press("Enter")
    await expect(tab.message("hello @bob and @dan")).to_have_attribute(
        "data-seq", re.compile("[0-9]")
    )
    (sent,) = people["ada"].call("GET", "/items/order-17/messages").json()["messages"]
    assert sent["body"]["mentions"] == ["bob", "dan"]


async def test_escape_closes_the_list_until_another_is_begun(
    visit: Visit, people: dict[str, Person]
) -> None:
    """And what is written is sent as it is."""
    tab, box = await begin(visit, people)
    await box.press_sequentially("@b")
    await expect(options(tab)).to_have_count(3)
    await box.press("Escape")
    await expect(options(tab)).to_have_count(0)
    await box.press_sequentially("o")
    await expect(options(tab)).to_have_count(0)
    await expect(tab.page.get_by_role("textbox", name="Message", exact=True)).to_be_focused()
    await box.press_sequentially(" @x")
    await expect(options(tab)).to_have_count(0)
    await box.press("Backspace")
    await expect(options(tab)).to_have_count(3)
    await box.press("ArrowLeft")
    await expect(options(tab)).to_have_count(0)
    await box.press("End")
    await expect(options(tab)).to_have_count(3)
    await box.press("Escape")
    await box.press("Enter")
    await expect(tab.message("@bo @")).to_be_visible()


async def test_message_that_is_changed_names_whom_it_names_then(
    visit: Visit, people: dict[str, Person]
) -> None:
    """Whoever was named by mistake is not called."""
    tab, box = await begin(visit, people)
    await box.fill("@bob come")
    await box.press("Escape")
    await box.press("Enter")
    # What is not stored yet cannot be changed.
    await expect(tab.message("@bob come")).to_have_attribute("data-seq", re.compile("[0-9]"))
    await box.press("ArrowUp")
    editor = tab.page.get_by_role("textbox", name="Edit message")
    await editor.fill("@dan come")
    await editor.press("Enter")
    await tab.message("@dan come").wait_for()
    inbox = {name: people[name].call("GET", "/inbox").json()["items"] for name in ("bob", "dan")}
    assert [(name, item["mentions"]) for name, (item,) in inbox.items()] == [("bob", 0), ("dan", 1)]


async def test_what_was_chosen_can_be_undone(visit: Visit, people: dict[str, Person]) -> None:
    """As anything else that was typed."""
    _, box = await begin(visit, people)
    await box.press_sequentially("@bob")
    await box.press("Enter")
    await expect(box).to_have_value("@bob ")
    await box.press("ControlOrMeta+z")
    await expect(box).to_have_value("@bob")


async def test_list_looks_and_reads_well(visit: Visit, people: dict[str, Person]) -> None:
    """In light and dark; who is here is said so, and a finger chooses."""
    tab, box = await begin(visit, people, **PHONE)
    async with people["bob"].room("order-17"):
        await expect(tab.page.get_by_role("button", name="2 here")).to_be_visible()
        await box.press_sequentially("@")
        await expect(options(tab).first).to_have_text(re.compile("@bob.*here"))
        for scheme in ("light", "dark"):
            await tab.page.emulate_media(color_scheme=scheme)
            await keep(tab.page, f"mentions-{scheme}")
            assert await faults(tab.page) == []
        await options(tab).last.tap()
    await expect(box).to_have_value("@dan ")
    await expect(box).to_be_focused()
