"""What a room knows of messages in the making, whichever news is first."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.errors import Refusal
from api.history.drafts import MAIN, Grown
from api.history.entries import Entry, Kind
from api.history.events import TextAdded
from api.history.streams import Append
from api.live import drafts as live
from api.live.appending import Appending
from api.live.client_frames import AppendFrame
from api.live.codecs import DEFAULT_CODEC
from api.live.drafts import Drafts
from api.live.encoding import Burst, Notice
from api.live.frames import append
from api.rights.access import Access
from tests.conftest import make_settings
from tests.live.fakes import WRITER, FakeMember, entry, fields_of
from tests.live.test_feed import empty_room, live_at

pytestmark = pytest.mark.anyio
ROLE = WRITER.member_role
assert ROLE is not None
ACCESS = Access(FakeMember().principal, 1, "doc", ROLE, WRITER)


def begun(seq: int, text: str = "") -> Entry:
    return entry(seq, body=orjson.dumps(text), lengths={MAIN: len(text)})


def added(target: int, at: int, text: str, part: int = MAIN) -> TextAdded:
    return TextAdded(1, target, part, at, text)


def finished(seq: int, target: int, text: str) -> Entry:
    body = orjson.dumps({"state": "done", "body": text})
    return entry(seq, Kind.FINISH, target=target, body=body)


def texts(drafts: Drafts) -> dict[int, Any]:
    return {one.entry.seq: orjson.loads(one.draft.json()) for one in drafts.makings}


def known() -> Drafts:
    drafts = Drafts()
    drafts.learn(())
    return drafts


def test_text_is_news_where_it_fits() -> None:
    """What is known already is none, and what lacks something before it has to be read."""
    drafts = known()
    assert not drafts
    drafts.store(begun(7))
    assert drafts.add(added(7, 0, "Hel"))
    assert not drafts.add(added(7, 0, "Hel"))
    assert not drafts.add(added(7, 1, "e"))
    assert not drafts.add(added(9, 0, "of another"))
    assert drafts
    assert texts(drafts) == {7: "Hel"}
    assert drafts.lengths == {7: {MAIN: 3}}
    assert not drafts.add(added(7, 5, "world"))
    assert not drafts.is_known
    assert drafts.lengths == {}


def test_news_that_comes_while_it_is_read_counts_on_top_of_that() -> None:
    """Begun, added to and finished between the read and its answer, or before."""
    drafts = Drafts()
    for news in (begun(7), begun(8), finished(10, 8, "x"), begun(9)):
        assert drafts.store(news) is news
    for more in (added(7, 0, "Hel"), added(7, 3, "lo"), added(9, 0, "a")):
        assert not drafts.add(more)
    drafts.learn([begun(7, "Hel"), begun(8)])
    assert texts(drafts) == {7: "Hello", 9: "a"}


def test_more_news_than_is_kept_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed."""
    monkeypatch.setattr(live, "MAX_WAITING", 2)
    drafts = Drafts()
    for number in range(5):
        drafts.add(added(7, number, "x"))
        drafts.store(begun(20 + number))
    drafts.learn([])
    assert not drafts.is_known
    drafts.learn([])
    assert texts(drafts) == {}


def test_end_is_told_with_the_text_to_those_who_lack_any() -> None:
    """And without it to those who have it all."""
    drafts = known()
    drafts.store(begun(7))
    drafts.add(added(7, 0, "Hello"))
    told = drafts.store(finished(8, 7, "Hello"))
    assert (told.is_told, "body" in told.fields()) == (True, False)
    drafts.store(begun(9))
    replaced = drafts.store(finished(10, 9, "another text"))
    assert replaced.fields()["body"] == "another text"
    assert drafts.store(finished(11, 1, "of before")).fields()["body"] == "of before"
    drafts.store(begun(12))
    drafts.store(entry(13, Kind.DELETE, target=12, body=None))
    assert drafts.makings == []


def test_whoever_has_some_is_given_the_rest() -> None:
    """Of one part as an addition, of several by the whole; nothing to who has it all."""
    drafts = known()
    body = orjson.dumps({"text": "", "parts": [{"text": ""}]})
    drafts.store(entry(7, body=body, lengths={MAIN: 0, 0: 0}))
    drafts.add(added(7, 0, "Hello"))
    (making,) = drafts.makings
    assert making.after({MAIN: 5, 0: 0}) is None
    rest = making.after({MAIN: 3, 0: 0})
    assert rest is not None
    assert rest.fields == {"type": "append", "target": 7, "at": 3, "text": "lo"}
    drafts.add(added(7, 0, "x", part=0))
    assert making.after({MAIN: 0, 0: 0}) is making.shown
    assert making.shown is making.shown
    assert making.shown.fields["type"] == "open"


async def test_member_who_fails_to_be_told_misses_nothing_more() -> None:
    """It is ended; others hear on. What was missed is said to all."""
    room, bad, good = empty_room(), FakeMember(), FakeMember()
    room.members |= {bad, good}
    room.store([begun(7)])
    bad.fails = True
    room.add_text(added(7, 0, "Hel"))
    assert bad.told[-1] == "internal"
    assert good.told[-1]["text"] == "Hel"
    room.add_text(added(7, 0, "Hel"))  # Known already.
    assert len(good.told) == 2
    room.add_text(added(7, 9, "x"))
    assert good.told[-1] == {"type": "missed"}


async def test_client_that_takes_no_more_is_given_what_it_lacks_later() -> None:
    """The whole, since nobody keeps account of what a slow client has."""
    client = live_at(6)
    client.room.store([begun(7)])
    client.feed.deliver(Burst([begun(7)]))
    more = added(7, 0, "Hel")
    client.room.add_text(more)
    client.socket.is_full = True
    client.feed.tell_text(Notice(append(more)).frames[DEFAULT_CODEC])
    assert not client.feed.is_live
    client.feed.tell_text(Notice(append(more)).frames[DEFAULT_CODEC])  # Not live: not told.
    client.socket.is_full = False
    client.feed.drained()
    said = [fields_of(frame) for frame in client.socket.frames]
    assert [(one["type"], one["body"]) for one in said] == [("message", ""), ("open", "Hel")]


async def test_client_that_missed_something_waits_for_a_read() -> None:
    """One read says it to all who wait: whose answer is second changes nothing."""
    client = live_at(6)
    client.room.drafts.forget()
    client.feed.tell_text(None)
    (read,) = client.told.asked_drafts
    client.room.drafts.learn([begun(7, "Hello")])
    read([begun(7, "Hel")])
    assert client.feed.is_live
    (said,) = (fields_of(frame) for frame in client.socket.frames)
    assert (said["type"], said["body"]) == ("open", "Hello")
    client.room.drafts.forget()
    client.feed.tell_text(None)
    client.told.asked_drafts[-1]([])
    assert client.room.drafts.is_known


class Adder:
    """A seat whose text is taken, or refused."""

    access = ACCESS

    def __init__(self) -> None:
        self.refusal: Refusal | None = None
        self.commands: list[Append] = []
        self.done: list[Any] = []
        self.said: list[Any] = []
        self.refused: list[tuple[str, int]] = []

    def submit(self, command: Append, done: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.commands.append(command)
        self.done.append(done)

    def say(self, frame: Any) -> None:
        self.said.append(frame)

    def refuse(self, refusal: Refusal, *, target: int) -> None:
        self.refused.append((refusal.code, target))


def text(at: int, text: str, target: int = 7, part: int | None = None) -> AppendFrame:
    return AppendFrame(type="append", target=target, at=at, text=text, part=part)


async def test_text_that_goes_on_is_stored_together(tmp_path: Path) -> None:
    """Of one message and part; what does not go on is a command of its own, in its order."""
    adder = Adder()
    appending = Appending(adder, make_settings(tmp_path))
    for frame in (text(0, "a"), text(1, "bc"), text(3, "d", part=0), text(9, "e"), text(10, "f")):
        appending.add(frame)
    assert adder.commands == []
    await asyncio.sleep(0.01)
    stored = [(one.at, one.text, one.part) for one in adder.commands]
    assert stored == [(0, "abc", MAIN), (3, "d", 0), (9, "ef", MAIN)]
    adder.done[0](Grown(3), None)
    adder.done[1](None, Refusal("bad_offset", length=0))
    adder.done[2](None, RuntimeError("the writer's own"))
    assert adder.said == [{"type": "appended", "target": 7, "length": 3}]
    assert adder.refused == [("bad_offset", 7)]
    adder.refusal = Refusal("busy")
    appending.add(text(11, "g"))
    appending.flush()
    assert adder.refused[-1] == ("busy", 7)
    appending.flush()  # Nothing waits.


async def test_text_is_bounded_in_number_and_size(tmp_path: Path) -> None:
    """What comes faster is refused, and comes again later."""
    few = make_settings(tmp_path, append_rate=1, append_burst=2)
    small = make_settings(tmp_path, append_bytes_rate=1, append_bytes_burst=2)
    for settings in (few, small):
        appending = Appending(Adder(), settings)
        appending.add(text(0, "a"))
        appending.add(text(1, "b"))
        with pytest.raises(Refusal, match="rate_limited"):
            appending.add(text(2, "c"))
        appending.flush()
