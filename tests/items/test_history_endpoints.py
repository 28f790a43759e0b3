"""Messages and the log over HTTP."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from api.items.history_schemas import LogPage, MessagePage
from tests.people import People, Person

pytestmark = pytest.mark.anyio

MESSAGES = "/items/doc/messages"


@dataclass
class Room:
    """An item's admin, and a writer in it; the writer's membership is seq 1."""

    admin: Person
    writer: Person


@pytest.fixture
async def room(people: People) -> Room:
    admin, writer = await people.add("root"), await people.add("ada")
    await admin.do("POST", "/items", json={"id": "doc"})
    await admin.do("PUT", "/items/doc/members/ada", json={"role": "writer"})
    return Room(admin, writer)


async def publish(person: Person, body: object = "hi", **more: object) -> int:
    return int((await person.do("POST", MESSAGES, json={"body": body} | more))["seq"])


async def test_message_published_and_shown(room: Room) -> None:
    """201 with the place in the log; the page has the message and where to go on."""
    answer = await room.writer.call("POST", MESSAGES, json={"body": {"text": "hi"}, "ref": "r"})
    assert answer.status_code == 201
    stored = answer.json()
    assert set(stored) == {"seq", "at"}
    page = await room.admin.do("GET", MESSAGES)
    assert re.fullmatch(r"[0-9a-f]{16}", page.pop("epoch"))
    assert page == {
        "messages": [
            {
                "type": "message",
                "seq": 2,
                "at": stored["at"],
                "by": {"id": "u-ada", "name": "Ada"},
                "ref": "r",
                "body": {"text": "hi"},
                "reactions": {},
            }
        ],
        "head": 2,
        "oldest": 1,
    }


async def test_ref_repeated_answers_200_with_the_first_seq(room: Room) -> None:
    """D6: a retry stores nothing, and the same ref with another body is a conflict."""
    first = await room.writer.do("POST", MESSAGES, json={"body": 1, "ref": "r"})
    again = await room.writer.call("POST", MESSAGES, json={"body": 1, "ref": "r"})
    assert (again.status_code, again.json()) == (200, first | {"duplicate": True})
    assert await room.writer.code("POST", MESSAGES, json={"body": 2, "ref": "r"}) == "ref_conflict"
    assert (await room.writer.do("GET", MESSAGES))["head"] == 2


BODIES = [None, True, 0, -1.5, "", "a\nb", [], {}, [1, [2]], {"a": {"b": None}}, 2**53, "\N{FIRE}"]


async def test_any_json_is_a_body(room: Room) -> None:
    """What is published comes back as it was."""
    for body in BODIES:
        await publish(room.writer, body)
    page = await room.writer.do("GET", MESSAGES)
    assert [message["body"] for message in page["messages"]] == BODIES


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"body": "\\u0000"}', "bad_message"),
        (b'{"body": {"\\u0000": 1}}', "bad_message"),
        (b'{"body": "\\ud800"}', "bad_message"),
        (b'{"body": 9007199254740993}', "bad_message"),
        (b'{"body": NaN}', "bad_message"),
        (b'{"body": 1e400}', "bad_message"),
        (b'{"body": ' + b"[" * 40 + b"]" * 40 + b"}", "bad_message"),
        (b'{"body": "' + b"x" * 17_000 + b'"}', "too_big"),
        (b'{"body": ' + b"9" * 5000 + b"}", "malformed"),
        (b'{"body": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "malformed"),
        (b'{"body": ', "malformed"),
        (b"{}", "bad_request"),
        (b'{"body": 1, "seq": 7}', "bad_request"),
        (b'{"body": 1, "by": "u-root"}', "bad_request"),
        (b'{"body": 1, "ref": ""}', "bad_request"),
        (b'{"body": 1, "ref": 7}', "bad_request"),
        (b'{"body": 1, "ref": "a\\u0000"}', "bad_request"),
        (b'{"body": 1, "ref": "' + b"x" * 65 + b'"}', "bad_request"),
        (b"[]", "bad_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[:30]!r}-{len(value)}",
)
async def test_message_that_cannot_be_refused(room: Room, content: bytes, code: str) -> None:
    """B7, C3: nothing of it is stored, and what is stored can be sent to everybody."""
    answer = await room.writer.call("POST", MESSAGES, content=content)
    assert answer.json()["code"] == code
    assert (await room.writer.do("GET", MESSAGES))["head"] == 1


async def test_message_edited_and_deleted_shows_what_is_left(room: Room) -> None:
    """The page has the present body, then a tombstone; each act tells its own seq."""
    seq = await publish(room.writer, "old")
    edited = await room.writer.do("PATCH", f"{MESSAGES}/{seq}", json={"body": "new", "ref": "e"})
    assert edited["seq"] == 3
    again = await room.writer.do("PATCH", f"{MESSAGES}/{seq}", json={"body": "new", "ref": "e"})
    assert again == edited | {"duplicate": True}
    (shown,) = (await room.admin.do("GET", MESSAGES))["messages"]
    assert (shown["body"], shown["edited_seq"]) == ("new", 3)
    assert (await room.admin.do("DELETE", f"{MESSAGES}/{seq}"))["seq"] == 4
    (shown,) = (await room.admin.do("GET", MESSAGES))["messages"]
    assert shown["deleted_seq"] == 4
    assert "body" not in shown
    assert await room.admin.code("DELETE", f"{MESSAGES}/{seq}") == "not_found"


async def test_reaction_put_on_and_taken_back(room: Room) -> None:
    """Putting it on twice is once; taking back what is not there is refused."""
    path = f"{MESSAGES}/{await publish(room.writer)}/reactions/👩‍💻"
    first = await room.admin.do("PUT", path)
    assert await room.admin.do("PUT", path) == first | {"duplicate": True}
    (shown,) = (await room.writer.do("GET", MESSAGES))["messages"]
    assert shown["reactions"] == {"👩‍💻": ["u-root"]}
    assert await room.writer.code("DELETE", path) == "not_found"
    assert (await room.admin.do("DELETE", path))["seq"] == 4
    (shown,) = (await room.writer.do("GET", MESSAGES))["messages"]
    assert shown["reactions"] == {}


@pytest.mark.parametrize("value", ["a/b", "x" * 32, "%2F"])
async def test_reaction_is_any_short_text(room: Room, value: str) -> None:
    """Also with a slash in it."""
    seq = await publish(room.writer)
    await room.writer.do("PUT", f"{MESSAGES}/{seq}/reactions/{value}")
    (shown,) = (await room.writer.do("GET", MESSAGES))["messages"]
    assert list(shown["reactions"]) == [value.replace("%2F", "/")]


async def test_reaction_that_cannot_be_refused(room: Room) -> None:
    """No controls, no turned text, not long, not empty."""
    seq = await publish(room.writer)
    for value in ("", "x" * 33, "%00", "%0A", "%E2%80%AE"):
        path = f"{MESSAGES}/{seq}/reactions/{value}"
        assert await room.writer.code("PUT", path) == "not_found"


@pytest.mark.parametrize(
    "seq", ["0", "-1", "+2", "02", "2.0", "2_0", "%202", "٢", "x", str(2**53 + 1), "9" * 5000]
)
async def test_seq_of_no_message_not_found(room: Room, seq: str) -> None:
    """A15: what cannot be a seq is refused like one that does not exist."""
    await publish(room.writer)
    path = f"{MESSAGES}/{seq}"
    assert await room.writer.code("PATCH", path, json={"body": 1}) == "not_found"
    assert await room.writer.code("DELETE", path) == "not_found"
    assert await room.writer.code("PUT", f"{path}/reactions/x") == "not_found"
    assert await room.writer.code("DELETE", f"{path}/reactions/x") == "not_found"


async def test_pages_of_messages_followed_both_ways(room: Room) -> None:
    """From the newest back with `before`, from a place on with `after`."""
    for number in range(5):
        await publish(room.writer, number)

    async def seqs(**params: Any) -> list[int]:
        page = await room.writer.do("GET", MESSAGES, params=params)
        return [message["seq"] for message in page["messages"]]

    assert await seqs() == [2, 3, 4, 5, 6]
    assert await seqs(limit=2) == [5, 6]
    assert await seqs(limit=2, before=5) == [3, 4]
    assert await seqs(limit=2, after=0) == [2, 3]
    assert await seqs(limit=2, after=2, before=6) == [4, 5]


async def test_log_shows_every_entry(room: Room) -> None:
    """Raw entries in seq order: a message as it stands now, and what happened to it."""
    seq = await publish(room.writer, "old")
    await room.writer.do("PATCH", f"{MESSAGES}/{seq}", json={"body": "new"})
    await room.admin.do("PATCH", "/items/doc", json={"title": "T"})
    log = await room.writer.do("GET", "/items/doc/log")
    assert [entry["type"] for entry in log["entries"]] == ["member", "message", "edit", "item"]
    assert log["entries"][1]["body"] == log["entries"][2]["body"] == "new"
    assert (log["head"], log["oldest"]) == (4, 1)
    rest = await room.writer.do("GET", "/items/doc/log", params={"after": 2, "limit": 1})
    assert [entry["seq"] for entry in rest["entries"]] == [3]


@pytest.mark.parametrize("path", [MESSAGES, "/items/doc/log"])
async def test_page_parameter_that_is_no_number_malformed(room: Room, path: str) -> None:
    """Digits only, within what a seq can be."""
    for value in ("x", "-1", "+1", "1.0", "1_0", " 1", "", "٣", str(2**53 + 1), "9" * 5000):
        assert await room.writer.code("GET", path, params={"after": value}) == "malformed"
        assert await room.writer.code("GET", path, params={"limit": value}) == "malformed"
    assert await room.writer.code("GET", path, params={"limit": 0}) == "malformed"


@pytest.mark.parametrize("settings", [{"page_max": 3}], indirect=True)
async def test_page_bounded_by_the_operator(room: Room) -> None:
    """More than the setting allows does not come, whatever is asked for."""
    for _ in range(5):
        await publish(room.writer)
    params = {"limit": 10_000}
    assert len((await room.writer.do("GET", MESSAGES, params=params))["messages"]) == 3
    assert len((await room.writer.do("GET", "/items/doc/log", params=params))["entries"]) == 3


@pytest.mark.parametrize("settings", [{"publish_rate": 0.001, "publish_burst": 3}], indirect=True)
async def test_publishes_beyond_the_rate_refused(room: Room) -> None:
    """Each user has a bucket of their own, for all that they store, and is told when to return."""
    for _ in range(3):
        await publish(room.writer)
    answer = await room.writer.call("POST", MESSAGES, json={"body": 1})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) > 900
    for method, path in (("PATCH", "/2"), ("DELETE", "/2"), ("PUT", "/2/reactions/x")):
        assert await room.writer.code(method, MESSAGES + path, json={"body": 1}) == "rate_limited"
    assert await room.admin.code("POST", MESSAGES, json={"body": 1}) == "ok"


async def test_answers_fit_their_documentation(room: Room) -> None:
    """What is spliced together as bytes is what the OpenAPI page promises."""
    seq = await publish(room.writer, {"a": 1}, ref="r")
    await room.admin.do("PUT", f"{MESSAGES}/{seq}/reactions/x")
    await room.writer.do("PATCH", f"{MESSAGES}/{seq}", json={"body": 2})
    await room.writer.do("DELETE", f"{MESSAGES}/{seq}")
    await room.admin.do("PATCH", "/items/doc", json={"title": "T", "default_role": "reader"})
    for path, model in ((MESSAGES, MessagePage), ("/items/doc/log", LogPage)):
        answer = await room.writer.call("GET", path)
        assert answer.headers["content-type"] == "application/json"
        shown = model.model_validate_json(answer.content, extra="forbid")
        assert shown.model_dump(exclude_unset=True) == answer.json()
