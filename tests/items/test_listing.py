"""Which items are listed, for whom, in what order, and what is unread in them."""

from functools import partial
from typing import Any

import pytest

from api.accounts.identity import identify_token
from api.inbox.counts import UNREAD_WINDOW
from api.items.cursors import Cursor
from api.items.listing import list_inbox, list_items
from api.items.members import list_members
from api.state import State
from tests.items.conftest import Cast
from tests.people import People, Person
from tests.stores import explain, full_scans

pytestmark = pytest.mark.anyio
NO_PLACES: list[Any] = [
    {"after": "x"},
    {"after": "1"},
    {"after": "1."},
    {"after": "1.-"},
    {"after": "-1.a"},
    {"after": f"{2**70}.a"},
    {"after": "٣.a"},
    {"limit": 0},
    {"limit": 101},
    {"limit": "x"},
]


async def test_items_listed_newest_activity_first(people: People, cast: Cast) -> None:
    """Each page begins where the last one ended, and the last one says so."""
    for number in range(4):
        await cast.admin.do("POST", "/items", json={"id": f"item-{number}"})
    # Times of one millisecond are ordered by id.
    await people.change("UPDATE item SET active_at = 1000 WHERE id LIKE 'item-%'")
    await people.change("UPDATE item SET active_at = 999 WHERE id = 'item-3'")
    pages, after = [], None
    while True:
        params = {"limit": 2} | ({} if after is None else {"after": after})
        page = await cast.admin.do("GET", "/items", params=params)
        pages.append([item["id"] for item in page["items"]])
        after = page["next"]
        if after is None:
            break
    assert pages == [["doc", "item-2"], ["item-1", "item-0"], ["item-3"]]


async def test_items_listed_are_the_callers(people: People, cast: Cast) -> None:
    """Memberships, and what was read by the default role; nothing else, nothing deleted."""

    async def listed(person: Person) -> list[tuple[str, str]]:
        page = await person.do("GET", "/items")
        return [(item["id"], item["role"]) for item in page["items"]]

    await cast.admin.do("POST", "/items", json={"id": "open", "default_role": "reader"})
    await cast.admin.do("POST", "/items/open/messages", json={"body": 1})
    assert await listed(cast.reader) == [("doc", "reader")]
    await cast.reader.do("PUT", "/items/open/read", json={"seq": 1})
    assert await listed(cast.reader) == [("open", "reader"), ("doc", "reader")]
    await cast.admin.do("PATCH", "/items/open", json={"default_role": None})
    assert await listed(cast.reader) == [("doc", "reader")]
    await cast.admin.do("DELETE", "/items/doc")
    assert await listed(cast.reader) == []
    assert await listed(cast.admin) == [("open", "admin")]


async def test_items_of_a_limited_token_listed_alone(people: People, cast: Cast) -> None:
    """What a token does not reach is not listed, and pages go on behind it."""
    for number in range(3):
        await cast.admin.do("POST", "/items", json={"id": f"item-{number}"})
    limited = await people.limited(cast.admin, {"doc": "reader", "item-1": "writer"})
    first = await limited.do("GET", "/items", params={"limit": 2})
    assert [(item["id"], item["role"]) for item in first["items"]] == [("item-1", "writer")]
    rest = await limited.do("GET", "/items", params={"limit": 2, "after": first["next"]})
    assert [(item["id"], item["role"]) for item in rest["items"]] == [("doc", "reader")]
    assert rest["next"] is None


async def test_list_parameter_that_nobody_gave_malformed(people: People) -> None:
    """Cursors and limits are checked, not guessed."""
    ada = await people.add("ada")
    codes = [await ada.code("GET", "/items", params=params) for params in NO_PLACES]
    assert codes == ["malformed"] * len(NO_PLACES)


async def test_unread_counts_messages_of_others_after_the_marker(cast: Cast) -> None:
    """Not one's own, not deleted ones, nothing but messages."""
    for person in (cast.admin, cast.admin, cast.admin, cast.writer):
        await person.do("POST", "/items/doc/messages", json={"body": 1})
    shown = await cast.writer.do("GET", "/items/doc")
    # The two members who were added are entries, and no messages.
    assert (shown["head"], shown["unread"]) == (6, 3)
    await cast.writer.do("PUT", "/items/doc/read", json={"seq": 3})
    await cast.admin.do("DELETE", "/items/doc/messages/5")
    shown = await cast.writer.do("GET", "/items/doc")
    assert (shown["read_seq"], shown["unread"]) == (3, 1)
    (listed,) = (await cast.writer.do("GET", "/items"))["items"]
    assert listed == shown


async def test_unread_counted_among_the_newest_entries(people: People, cast: Cast) -> None:
    """An item that nobody reads costs no more than its newest entries."""
    await people.change(
        "WITH RECURSIVE n(seq) AS (SELECT 3 UNION ALL SELECT seq + 1 FROM n WHERE seq < 1500) "
        "INSERT INTO entry (item_key, seq, kind, author_key, at, body) "
        "SELECT 1, seq, 'message', 1, 0, '1' FROM n"
    )
    await people.change("UPDATE item SET head = 1500")
    shown = await cast.reader.do("GET", "/items/doc")
    assert shown["unread"] == UNREAD_WINDOW
    await cast.reader.do("PUT", "/items/doc/read", json={"seq": 1400})
    assert (await cast.reader.do("GET", "/items/doc"))["unread"] == 100


@pytest.mark.sqlite
async def test_unread_counted_where_entries_wait_for_their_places(
    people: People, cast: Cast
) -> None:
    """Some are in their places, some came a moment ago: both are unread."""
    before = (await cast.reader.do("GET", "/items/doc"))["unread"]
    for table, seq in [("entry", 101), ("pile", 102), ("pile", 103)]:
        await people.change(
            f"INSERT INTO {table} (item_key, seq, kind, author_key, at, body) "
            f"VALUES (1, {seq}, 'message', 1, 0, '1')"
        )
    await people.change("UPDATE item SET head = 103")
    assert (await cast.reader.do("GET", "/items/doc"))["unread"] == before + 3


@pytest.mark.sqlite
async def test_lists_read_through_indexes_alone(people: People, state: State, cast: Cast) -> None:
    """A list costs what its user has, not what there is."""
    principal = await identify_token(state, cast.admin.token)
    read = state.readers.read
    for after in (None, Cursor(2**50, "x")):
        plans = await read(partial(explain, list_items), principal, after, 50)
        assert plans
        assert not full_scans(plans)
    for after in (None, Cursor(2**50, "x")):
        plans = await read(partial(explain, list_inbox), principal, after, 50)
        assert plans
        assert not full_scans(plans)
    plans = await read(partial(explain, list_members), 1, "a", 50)
    assert not full_scans(plans)


async def test_list_with_a_slash_at_its_end_unknown(people: People) -> None:
    """A path has one spelling."""
    ada = await people.add("ada")
    assert await ada.code("GET", "/items/") == "not_found"
