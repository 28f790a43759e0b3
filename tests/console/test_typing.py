"""What people type, with whatever they type it."""

import pytest
from playwright.async_api import Locator, expect

from tests.console.tab import Tab

pytestmark = pytest.mark.anyio

# As Safari tells of the Enter that picks a word: `compositionend` came before it.
PICK = """(box) => box.dispatchEvent(new KeyboardEvent("keydown",
  { key: "Enter", keyCode: 229, bubbles: true, cancelable: true }))"""


async def compose(box: Locator, text: str) -> None:
    """Type with an input method, and pick the word."""
    await box.fill(text)
    await box.evaluate(PICK)


async def test_enter_that_picks_a_word_sends_nothing(tab: Tab) -> None:
    """In a message, an edit and a reaction: only the Enter after it does, and all of it."""
    box = tab.page.get_by_role("textbox", name="Message", exact=True)
    await compose(box, "日本")
    await expect(box).to_have_value("日本")
    await tab.say("日本語")
    await expect(tab.message("日本語")).to_be_visible()

    await tab.act("日本語", "Edit")
    editor = tab.page.get_by_role("textbox", name="Edit message")
    await compose(editor, "英")
    await expect(editor).to_have_value("英")
    await editor.fill("英語")
    await editor.press("Enter")
    await expect(tab.message("英語")).to_be_visible()

    await tab.act("英語", "React")
    other = tab.page.get_by_role("textbox", name="Other reaction")
    await compose(other, "好")
    await expect(other).to_have_value("好")
    await other.fill("好き")
    await other.press("Enter")
    await expect(tab.message("英語").get_by_role("button", name="好き, 1")).to_be_visible()
    assert [text for _, text in await tab.screen()] == ["英語"]
