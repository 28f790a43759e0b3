"""What a text in the making takes on the disk when it is finished."""

import pytest

from api.settings import Settings
from tests.databases import rows
from tests.serving import LiveServer, Person
from tests.streams.test_streams import call, start

pytestmark = pytest.mark.anyio

TOKEN = "word "
COUNT = 4  # Streams, one after the other: pages are filled up together.
MOST = 1.3  # Times its text.


def used(settings: Settings) -> int:
    """Bytes of all pages in which something is."""
    (pages, free, size) = (
        rows(settings, f"PRAGMA {what}")[0][0]
        for what in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


@pytest.mark.sqlite
async def test_finished_text_is_stored_about_once(server: LiveServer) -> None:
    """Its pieces are gone, and it is in the message alone."""
    ada = server.person("ada")
    ada.create("order-17")
    await stream(ada, 0, 1_000)
    settings = server.settings
    for tokens in (2_000, 8_000):
        before = used(settings)
        for number in range(COUNT):
            await stream(ada, tokens + number, tokens)
        ratio = (used(settings) - before) / (COUNT * tokens * len(TOKEN))
        print(f"{tokens} tokens: {ratio:.2f}")
        assert ratio <= MOST
    assert rows(settings, "SELECT count(*) FROM stream_piece") == [(0,)]


async def stream(author: Person, number: int, tokens: int) -> None:
    """One from its beginning to its end, in pieces of a thousand tokens."""
    async with author.room("order-17") as talk:
        target = await start(talk, {"text": ""}, ref=f"s{number}")
        for at in range(0, tokens * len(TOKEN), 1000 * len(TOKEN)):
            more = {"at": at, "text": TOKEN * 1000}
            grown = await call(author, "POST", f"/messages/{target}/append", **more)
            assert grown == {"length": at + 1000 * len(TOKEN)}
        await call(author, "POST", f"/messages/{target}/finish", state="done")
