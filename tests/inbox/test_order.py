"""What a client is told last is newest, and it comes back by nothing that it was not told."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from api.accounts.identity import identify_token
from api.history.retention import trim
from api.inbox.changes import read_concerned, read_items
from api.live import inboxes as watching
from api.state import State
from tests.inbox.conftest import Cast, FakeWatcher, inboxes_of, watch
from tests.live.world import until
from tests.people import People

pytestmark = pytest.mark.anyio
DOC = "/items/doc/messages"


@pytest.fixture(autouse=True)
def _alone(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a look finds of this server's own is told twice, and is not what is counted here."""
    monkeypatch.setattr(inboxes_of(state), "_looks", None)


async def watcher(state: State, cast: Cast) -> FakeWatcher:
    return FakeWatcher(await identify_token(state, cast.reader.token))


async def test_state_that_was_read_first_is_told_first(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long its answer takes: else it would stay, and be old."""
    read, late, is_read = state.readers.read, asyncio.Event(), asyncio.Event()

    async def held(act: Callable[..., Any], *arguments: object) -> Any:
        found = await read(act, *arguments)
        if act is read_items and not is_read.is_set():
            is_read.set()
            await late.wait()
        return found

    monkeypatch.setattr(state.readers, "read", held)
    eve, inboxes = await watcher(state, cast), inboxes_of(state)
    inboxes.watch(eve, 0)
    await is_read.wait()
    await cast.writer.do("POST", DOC, json={"body": "hi"})
    await until(lambda: not inboxes._dirty)
    # All that could be told meanwhile would have been told after as many reads.
    for _ in range(3):
        await read(lambda _: None)
    late.set()
    await eve.hears("doc", unread=1)
    await until(lambda: bool(eve.moments))
    assert [state["unread"] for state in eve.told] == sorted(s["unread"] for s in eve.told)


async def test_change_while_others_are_read_is_told_next(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That read may have been too early to see it."""
    eve = await watch(state, cast.reader)
    read, late, is_read = state.readers.read, asyncio.Event(), asyncio.Event()

    async def held(act: Callable[..., Any], *arguments: object) -> Any:
        found = await read(act, *arguments)
        if act in {read_concerned, read_items} and not is_read.is_set():
            is_read.set()
            await late.wait()
        return found

    monkeypatch.setattr(state.readers, "read", held)
    await cast.writer.do("POST", DOC, json={"body": "hi"})
    await is_read.wait()
    await cast.admin.do("PUT", "/items/doc/members/eve", json={"role": "admin"})
    await cast.admin.do("POST", "/items", json={"id": "two"})
    await cast.admin.do("PUT", "/items/two/members/eve", json={"role": "reader"})
    late.set()
    await eve.hears("doc", role="admin")
    await eve.hears("two", role="reader")


async def test_slow_client_is_answered_when_it_has_taken_all(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page after page: by that moment it would come back, and miss what it never got."""
    monkeypatch.setattr(watching, "PAGE", 1)
    for item in ("two", "three"):
        await cast.admin.do("POST", "/items", json={"id": item})
        await cast.admin.do("PUT", f"/items/{item}/members/eve", json={"role": "reader"})
    eve, inboxes = await watcher(state, cast), inboxes_of(state)
    eve.is_full = True
    inboxes.watch(eve, 0)
    inboxes.changed(1)
    await until(lambda: eve.turned_away >= 4)  # The beginning and the change, twice each.
    assert (eve.told, eve.moments) == ([], [])
    eve.is_full = False
    await until(lambda: bool(eve.moments))
    assert set(eve.states) == {"doc", "two", "three"}


async def test_what_is_kept_no_longer_is_unread_no_more(
    state: State, cast: Cast, people: People
) -> None:
    """Though no entry says so."""
    seq = (await cast.writer.do("POST", DOC, json={"body": "hi"}))["seq"]
    eve = await watch(state, cast.reader, 0)
    assert eve.states["doc"]["unread"] == 1
    await people.change("UPDATE item SET retention_days = 1")
    await people.change("UPDATE entry SET at = 1 WHERE seq <= ?", seq)
    await state.writer.call(partial(trim, item_key=1, limit=100))
    assert (await eve.hears("doc", unread=0))["last"] is None


async def test_who_asks_again_is_answered_once(state: State, cast: Cast) -> None:
    """What was asked before costs nothing more, nor does what somebody asked who has gone."""
    eve, inboxes = await watcher(state, cast), inboxes_of(state)
    for since in (0, 0, 2**60):
        inboxes.watch(eve, since)
    await until(lambda: bool(eve.moments))
    assert (eve.told, len(eve.moments)) == ([], 1)
    inboxes.watch(eve, 0)
    inboxes.unwatch(eve)
    for _ in range(3):
        await state.readers.read(lambda _: None)
    assert (eve.told, len(eve.moments)) == ([], 1)


async def test_who_is_let_in_no_more_does_not_hear_that_others_speak(
    state: State, cast: Cast
) -> None:
    """They are told once that it is gone; a marker of before is no membership."""
    await cast.admin.do("PATCH", "/items/doc", json={"default_role": "reader"})
    await cast.stranger.do("PUT", "/items/doc/read", json={"seq": 1})
    mallory, eve = await watch(state, cast.stranger), await watch(state, cast.reader)
    await cast.admin.do("PATCH", "/items/doc", json={"default_role": None})
    await mallory.hears("doc", role=None)
    told = len(mallory.told)
    await cast.writer.do("POST", DOC, json={"body": "hi"})
    await eve.hears("doc", unread=1)
    assert len(mallory.told) == told
