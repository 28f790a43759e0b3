"""Items over HTTP: made, listed, changed, deleted; read markers and presence."""

import asyncio
import re
from functools import partial
from typing import Any

import pytest

from api.accounts.identity import identify_token
from api.errors import Refusal
from api.history.events import DefaultRoleChanged, EntryStored, Event, ItemDeleted
from api.items.listing import show_item
from api.items.schemas import NewItem
from api.items.service import create_item
from api.limits import Buckets
from api.rights.access import Role, grant
from api.rights.standing import load_standing
from api.state import State
from tests.items.conftest import Cast
from tests.people import People

pytestmark = pytest.mark.anyio


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
    await people.change('UPDATE "user" SET disabled = ?', True)
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
