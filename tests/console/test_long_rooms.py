"""A room with ten thousand messages: little of it is in the document, and reading does not jump."""

import itertools

import pytest
from playwright.async_api import Page, expect

from tests.conftest import Serve
from tests.console.conftest import Visit
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

MESSAGES = 10_000
IN_FLIGHT = 200
MOST_NODES = 2_000  # Of the whole document; a row has about ten.
# Where each row is that is drawn: by seq, in pixels.
PLACES = """() => Object.fromEntries([...document.querySelectorAll(".row-message[data-seq]")]
  .map((row) => [row.dataset.seq, Math.round(row.getBoundingClientRect().top)]))"""
# Turns the wheel by so much, draws, and tells by how much the rows moved that stayed. At the top
# a reader waits for what is being loaded: there the wheel turns for nothing.
SCROLL = f"""async (by) => {{
  const places = {PLACES};
  const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const region = document.querySelector('[role="region"][aria-label="Conversation"]');
  while (region.scrollTop + by < 0) await drawn();
  const before = places();
  region.scrollBy(0, by);
  await drawn();
  await drawn();
  const after = places();
  return Object.entries(before).filter(([seq, top]) => top > 100 && top < 300 && seq in after)
    .map(([seq, top]) => after[seq] - top);
}}"""


async def fill(person: Person, item_id: str) -> None:
    """Publish them all, many at a time."""
    numbers = range(1, MESSAGES + 1)
    async with person.room(item_id, tail=0) as talk:
        for first in numbers[::IN_FLIGHT]:
            for number in range(first, first + IN_FLIGHT):
                text = f"{number} " + "words " * (number % 40)
                await talk.send("publish", ref=f"r{number}", body=text)
            for _ in range(IN_FLIGHT):
                assert (await talk.get("ack", "error"))["type"] == "ack"
            talk.seen.clear()


async def nodes(page: Page) -> int:
    """How many elements the document has."""
    count: int = await page.evaluate("() => document.querySelectorAll('*').length")
    return count


async def first_row(page: Page) -> int:
    """The oldest message that is drawn."""
    return min(int(seq) for seq in await page.evaluate(PLACES))


async def test_ten_thousand_messages_scroll_without_jumping(visit: Visit, serve: Serve) -> None:
    """Older ones are loaded on the way up; what is read stays under the reader's eyes."""
    server: LiveServer = serve(publish_rate=0)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    await fill(ada, "order-17")
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    page = tab.page
    await expect(tab.message(f"{MESSAGES}")).to_be_visible()
    assert await nodes(page) < MOST_NODES
    for turn in itertools.count():
        moves = await page.evaluate(SCROLL, -400)
        assert moves, "nothing stayed on the screen"
        assert all(abs(move - 400) <= 2 for move in moves), (turn, moves)
        assert await nodes(page) < MOST_NODES
        if await first_row(page) < MESSAGES - 600:
            break
        assert turn < 200
    latest = page.get_by_role("button", name="Jump to latest")
    oldest = await first_row(page)
    bob.publish("order-17", "meanwhile")
    await expect(latest).to_have_accessible_name("Jump to latest, 1 new")
    assert await first_row(page) == oldest
    await latest.click()
    await expect(tab.message("meanwhile")).to_be_in_viewport()
    assert await nodes(page) < MOST_NODES
