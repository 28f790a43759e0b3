"""Items over HTTP: made, listed, changed, deleted; read markers and presence."""

import asyncio
import re
from functools import partial
from typing import Any

import pytest

from api.accounts.identity import identify_token
from api.errors import Refusal
from api.history.commits import Commits
from api.history.events import DefaultRoleChanged, EntryStored, Event, ItemDeleted, ReadMoved
from api.items.cursors import Cursor
from api.items.listing import UNREAD_WINDOW, list_items, show_item
from api.items.members import list_members
from api.items.schemas import NewItem
from api.items.service import create_item
from api.limits import Buckets
from api.rights.access import Role, grant
from api.rights.standing import load_standing
from api.state import State
from tests.items.conftest import Cast
from tests.people import People, Person
from tests.stores import explain, full_scans

pytestmark = pytest.mark.anyio


@pytest.fixture
def events(state: State, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the live side is told from now on."""
    told: list[Event] = []
    commits = Commits()
    commits.listen(told.extend)
    monkeypatch.setattr(state.writer, "_commits", commits)
    return told


async def test_item_created_with_its_creator_as_admin(people: People) -> None:
    """201, where it is, and an empty log."""
    ada = await people.add("ada")
    wanted = {"id": "order-17", "title": "Order 17", "default_role": "reader"}
    answer = await ada.call("POST", "/items", json=wanted)
    assert answer.status_code == 201
    assert answer.headers["location"] == "/items/order-17"
    made = answer.json()
    assert made["created_at"] == made.pop("active_at")
    assert re.fullmatch(r"[0-9a-f]{16}", made.pop("epoch"))
    del made["created_at"]
    assert made == wanted | {
        "role": "admin",
        "retention_days": None,
        "head": 0,
        "oldest": 1,
        "read_seq": 0,
        "unread": 0,
    }


async def test_new_items_of_a_user_are_limited(state: State, people: People) -> None:
    """An id is used for ever; what there is already, and others, are not concerned."""
    state.new_items = Buckets(0.1, 2)
    ada, bob = await people.add("ada"), await people.add("bob")
    for item_id in ("one", "two"):
        await ada.do("POST", "/items", json={"id": item_id})
    refused = await ada.call("POST", "/items", json={"id": "three"})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 5 < refused.json()["retry_after"] <= 10
    assert (await ada.do("GET", "/items/one"))["id"] == "one"
    await bob.do("POST", "/items", json={"id": "three"})


async def test_item_without_id_gets_one(people: People) -> None:
    """Two of them get two, which sort by age."""
    ada = await people.add("ada")
    first, second = [await ada.do("POST", "/items", json={}) for _ in range(2)]
    assert first["id"] < second["id"]
    assert (await ada.do("GET", f"/items/{first['id']}"))["title"] == ""


@pytest.mark.parametrize("state_of_it", ["own", "foreign", "deleted"])
async def test_id_that_was_ever_used_taken(cast: Cast, state_of_it: str) -> None:
    """B8: a deleted id never comes back either."""
    if state_of_it == "deleted":
        await cast.admin.do("DELETE", "/items/doc")
    person = cast.admin if state_of_it == "own" else cast.stranger
    answer = await person.call("POST", "/items", json={"id": "doc"})
    assert (answer.status_code, answer.json()["code"]) == (409, "taken")


async def test_id_wanted_by_two_at_once_goes_to_one(people: People) -> None:
    """One 201, one 409."""
    persons = [await people.add(name) for name in ("ada", "bob")]
    calls = [person.code("POST", "/items", json={"id": "x"}) for person in persons]
    assert sorted(await asyncio.gather(*calls)) == ["ok", "taken"]


NO_ITEMS: list[object] = [
    {"id": ""},
    {"id": "-a"},
    {"id": "a b"},
    {"id": "a/b"},
    {"id": "é"},
    {"id": "a\n"},
    {"id": "x" * 129},
    {"id": 17},
    {"title": "x" * 201},
    {"title": "a\nb"},
    {"title": "a\0b"},
    {"title": "\N{RIGHT-TO-LEFT OVERRIDE}evil"},
    {"title": None},
    {"default_role": "admin"},
    {"default_role": "owner"},
    {"owner": "me"},
    [],
    "x",
]


async def test_item_that_cannot_be_refused(people: People) -> None:
    """Every value is checked, and unknown fields are no fields."""
    ada = await people.add("ada")
    codes = [await ada.code("POST", "/items", json=body) for body in NO_ITEMS]
    assert codes == ["bad_request"] * len(NO_ITEMS)


async def test_title_with_a_lone_surrogate_refused(people: People) -> None:
    """Such text could be stored and never be sent again."""
    ada = await people.add("ada")
    content = b'{"title": "\\ud800"}'
    assert await ada.code("POST", "/items", content=content) in ("bad_request", "malformed")


@pytest.mark.parametrize(
    ("items", "body", "code"),
    [
        ({"order-*": "admin"}, {"id": "order-1"}, "ok"),
        ({"order-1": "admin"}, {"id": "order-1"}, "ok"),
        ({"order-*": "writer"}, {"id": "order-1"}, "forbidden"),
        ({"order-*": "admin"}, {"id": "doc-1"}, "forbidden"),
        ({"order-*": "admin"}, {}, "forbidden"),
        ({"*": "admin"}, {}, "ok"),
        ({"doc": "reader"}, {"id": "doc"}, "forbidden"),
    ],
)
async def test_limited_token_creates_what_it_administers(
    people: People, cast: Cast, items: dict[str, Any], body: object, code: str
) -> None:
    """A token for some items makes no others, and learns nothing of which there are."""
    limited = await people.limited(cast.stranger, items)
    assert await limited.code("POST", "/items", json=body) == code


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


async def test_change_stored_and_told_in_one_entry(cast: Cast, events: list[Event]) -> None:
    """What members see is an entry; retention is none."""
    change = {"title": "New", "default_role": "writer", "retention_days": 30}
    shown = await cast.admin.do("PATCH", "/items/doc", json=change)
    assert {name: shown[name] for name in change} == change
    stored, changed = events
    assert isinstance(stored, EntryStored)
    fields = stored.entry.fields()
    assert (fields["type"], fields["title"], fields["default_role"]) == ("item", "New", "writer")
    assert changed == DefaultRoleChanged(stored.entry.item_key, Role.WRITER)
    assert await cast.stranger.code("POST", "/items/doc/messages", json={"body": 1}) == "ok"


@pytest.mark.parametrize(
    "change",
    [{}, {"title": "The document"}, {"default_role": None}, {"retention_days": None}],
    ids=str,
)
async def test_change_of_nothing_tells_nobody(
    cast: Cast, events: list[Event], change: object
) -> None:
    """What is so already is no news."""
    await cast.admin.do("PATCH", "/items/doc", json=change)
    assert events == []


async def test_retention_changed_without_an_entry(cast: Cast, events: list[Event]) -> None:
    """It can be set and taken back."""
    shown = await cast.admin.do("PATCH", "/items/doc", json={"retention_days": 1})
    assert shown["retention_days"] == 1
    shown = await cast.admin.do("PATCH", "/items/doc", json={"retention_days": None})
    assert shown["retention_days"] is None
    assert events == []


NO_CHANGES: list[object] = [
    {"title": None},
    {"id": "other"},
    {"retention_days": 0},
    {"retention_days": 1.5},
    {"retention_days": "7"},
    {"retention_days": True},
    {"retention_days": 36_501},
    {"default_role": "admin"},
]


async def test_change_that_cannot_be_refused(cast: Cast) -> None:
    """Nothing of a refused change is stored."""
    codes = [await cast.admin.code("PATCH", "/items/doc", json=change) for change in NO_CHANGES]
    assert codes == ["bad_request"] * len(NO_CHANGES)
    assert (await cast.admin.do("GET", "/items/doc"))["title"] == "The document"


async def test_item_deleted_is_gone_with_its_log(
    people: People, cast: Cast, events: list[Event]
) -> None:
    """B8: nobody finds it, nothing of it is left but the id."""
    await cast.writer.do("POST", "/items/doc/messages", json={"body": "secret"})
    await cast.admin.do("POST", "/items/doc/tickets")
    answer = await cast.admin.call("DELETE", "/items/doc")
    assert (answer.status_code, answer.content) == (204, b"")
    assert events[-1] == ItemDeleted(1)
    assert await cast.admin.code("GET", "/items/doc") == "item_not_found"
    assert await cast.admin.code("DELETE", "/items/doc") == "item_not_found"
    for table in ("entry", "reaction", "membership", "ticket"):
        assert await people.rows(f"SELECT * FROM {table}") == []
    assert await people.rows("SELECT id, title FROM item") == [("doc", "")]


@pytest.mark.parametrize(
    ("seqs", "marker", "moves"),
    [([1], 1, 1), ([2, 1], 2, 1), ([1, 2], 2, 2), ([99], 2, 1), ([0], 0, 0), ([2, 2], 2, 1)],
    ids=str,
)
async def test_read_marker_moves_forward_up_to_the_head(
    cast: Cast, events: list[Event], seqs: list[int], marker: int, moves: int
) -> None:
    """Two tabs may report in any order; the others hear of moves alone."""
    for seq in seqs:
        answer = await cast.reader.call("PUT", "/items/doc/read", json={"seq": seq})
        assert answer.status_code == 204
    assert (await cast.reader.do("GET", "/items/doc"))["read_seq"] == marker
    moved = [event for event in events if isinstance(event, ReadMoved)]
    assert len(moved) == moves
    assert not moved or moved[-1].seq == marker


async def test_read_position_that_cannot_be_refused(cast: Cast) -> None:
    """Integers only, and no larger than JavaScript can count."""
    for seq in (-1, 2**53 + 1, "1", 1.5, True, None):
        body = {"seq": seq}
        assert await cast.reader.code("PUT", "/items/doc/read", json=body) == "bad_request"


async def test_marker_without_membership_kept(people: People, cast: Cast) -> None:
    """Who is let in by the default role has a marker too, which makes them no member."""
    await cast.admin.do("PATCH", "/items/doc", json={"default_role": "reader"})
    await cast.stranger.do("PUT", "/items/doc/read", json={"seq": 2})
    await cast.stranger.do("PUT", "/items/doc/read", json={"seq": 1})
    assert (await cast.stranger.do("GET", "/items/doc"))["read_seq"] == 2
    assert await people.rows("SELECT role FROM membership WHERE read_seq > 0") == [(None,)]


async def test_presence_of_an_empty_room_empty(cast: Cast) -> None:
    """Nobody is connected."""
    assert await cast.reader.do("GET", "/items/doc/presence") == {"count": 0, "users": []}


ODD_IDS = [
    "-1",
    "_a",
    "a b",
    "%20a",
    "a%00",
    "٣",
    "%FF",
    "a%0A",
    "x" * 129,
    "x" * 5000,
    "nowhere",
    "0",
    "01",
    "9223372036854775808",
]


async def test_id_that_cannot_exist_refused_as_unknown(cast: Cast) -> None:
    """A15, B1: the same answer, byte by byte, as for an item that is somebody else's."""
    expected = await cast.stranger.call("GET", "/items/doc")
    assert expected.json()["code"] == "item_not_found"
    for item_id in ODD_IDS:
        answer = await cast.stranger.call("GET", f"/items/{item_id}")
        assert (answer.status_code, answer.content) == (expected.status_code, expected.content)


async def test_creator_disabled_meanwhile_makes_nothing(people: People, state: State) -> None:
    """Who may make items is judged where the item is made."""
    ada = await people.add("ada")
    principal = await identify_token(state, ada.token)
    await people.change("UPDATE user SET disabled = 1")
    with pytest.raises(Refusal, match="auth_revoked"):
        await state.writer.call(partial(create_item, principal=principal, wanted=NewItem()))


async def test_item_deleted_between_admission_and_reading_not_found(
    people: People, state: State, cast: Cast
) -> None:
    """The second read of a request finds what the first one saw gone."""
    principal = await identify_token(state, cast.admin.token)
    access = grant(principal, await state.readers.read(load_standing, principal, "doc"))
    await people.change("UPDATE item SET deleted_at = 1")
    with pytest.raises(Refusal, match="item_not_found"):
        await state.readers.read(show_item, access)


async def test_lists_read_through_indexes_alone(people: People, state: State, cast: Cast) -> None:
    """A list costs what its user has, not what there is."""
    principal = await identify_token(state, cast.admin.token)
    read = state.readers.read
    for after in (None, Cursor(2**50, "x")):
        plans = await read(partial(explain, list_items), principal, after, 50)
        assert plans
        assert not full_scans(plans)
    plans = await read(partial(explain, list_members), 1, "a", 50)
    assert not full_scans(plans)


async def test_list_with_a_slash_at_its_end_unknown(people: People) -> None:
    """A path has one spelling."""
    ada = await people.add("ada")
    assert await ada.code("GET", "/items/") == "not_found"
