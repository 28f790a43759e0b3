"""What is new in a user's items, as one list."""

from typing import Any

import pytest

from api.inbox.state import PREVIEW, preview_of
from tests.items.conftest import Cast
from tests.people import People

pytestmark = pytest.mark.anyio


async def inbox(person: Any, **params: Any) -> Any:
    return await person.do("GET", "/inbox", params=params)


async def test_inbox_shows_what_is_new(cast: Cast) -> None:
    """Each item as it stands for whoever asks."""
    for name in ("eve", "ada"):
        body = {"text": "x" * 200, "mentions": [name]}
        await cast.admin.do("POST", "/items/doc/messages", json={"body": body})
    (shown,) = (await inbox(cast.reader))["items"]
    last = shown.pop("last")
    assert last.pop("at") == shown.pop("active_at")
    assert last == {
        "seq": 4,
        "by": {"id": "u-root", "name": "Root"},
        "kind": "message",
        "preview": "x" * PREVIEW,
    }
    assert shown == {
        "item": {"id": "doc", "title": "The document"},
        "role": "reader",
        "head": 4,
        "read_seq": 0,
        "unread": 2,
        "mentions": 1,
    }
    await cast.reader.do("PUT", "/items/doc/read", json={"seq": 3})
    await cast.admin.do("DELETE", "/items/doc/messages/4")
    (shown,) = (await inbox(cast.reader))["items"]
    assert (shown["unread"], shown["mentions"], shown["last"]["seq"]) == (0, 0, 3)


async def test_item_without_messages_has_no_last_one(cast: Cast) -> None:
    """Changes of members are entries, and nothing to show."""
    (shown,) = (await inbox(cast.reader))["items"]
    assert (shown["last"], shown["head"]) == (None, 2)


async def test_inbox_paged_as_the_list_of_items(people: People, cast: Cast) -> None:
    """The same items in the same order, and those that a limited token reaches."""
    for number in range(3):
        await cast.admin.do("POST", "/items", json={"id": f"item-{number}"})
    first = await inbox(cast.admin, limit=3)
    rest = await inbox(cast.admin, limit=3, after=first["next"])
    listed = (await cast.admin.do("GET", "/items"))["items"]
    shown = first["items"] + rest["items"]
    assert [one["item"]["id"] for one in shown] == [one["id"] for one in listed]
    assert rest["next"] is None
    assert await inbox(await people.add("carl")) | {"at": ""} == {
        "items": [],
        "next": None,
        "at": "",
    }
    limited = await people.limited(cast.admin, {"doc": "reader"})
    (one,) = (await inbox(limited))["items"]
    assert (one["item"]["id"], one["role"]) == ("doc", "reader")


async def test_mentions_without_end_counted_so_far(people: People, cast: Cast) -> None:
    """Whoever is named again and again does not pay for it with each look."""
    await people.change(
        "WITH RECURSIVE n(seq) AS (SELECT 3 UNION ALL SELECT seq + 1 FROM n WHERE seq < 1500) "
        "INSERT INTO mention (item_key, seq, user_key) "
        "SELECT 1, seq, (SELECT key FROM \"user\" WHERE username = 'eve') FROM n"
    )
    (shown,) = (await inbox(cast.reader))["items"]
    assert shown["mentions"] == 1000


@pytest.mark.parametrize(
    ("body", "preview"),
    [
        (b'"text"', "text"),
        (b'{"text":"text"}', "text"),
        (b'{"text":7}', ""),
        (b"7", ""),
        (None, ""),
        (b'["text"]', ""),
    ],
    ids=str,
)
def test_preview_is_what_people_read(body: bytes | None, preview: str) -> None:
    """What is no text is not shown."""
    assert preview_of(body) == preview
