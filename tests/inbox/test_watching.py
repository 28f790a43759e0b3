"""Whoever watches knows what their items are, whatever happens and whenever they are away."""

import asyncio
import random

import pytest

from api.accounts.identity import identify_token
from api.errors import Refusal
from api.history.events import UserRenamed
from api.live import inboxes as watching
from api.live.inboxes import Inboxes
from api.state import State
from tests.deadlines import scaled
from tests.inbox.conftest import Cast, FakeWatcher, inboxes_of, watch
from tests.people import People

pytestmark = pytest.mark.anyio
DOC = "/items/doc/messages"


async def test_changes_are_told_as_states(state: State, cast: Cast) -> None:
    """Messages, a marker, a role, a title, a removal, an invite; to whom it concerns."""
    eve, mallory = await watch(state, cast.reader), await watch(state, cast.stranger)
    assert eve.told == []
    seq = (await cast.writer.do("POST", DOC, json={"body": "hi"}))["seq"]
    assert (await eve.hears("doc", unread=1))["head"] == seq
    await cast.reader.do("PUT", "/items/doc/read", json={"seq": seq})
    await eve.hears("doc", unread=0, read_seq=seq)
    await cast.admin.do("PUT", "/items/doc/members/eve", json={"role": "writer"})
    await eve.hears("doc", role="writer")
    await cast.admin.do("PATCH", "/items/doc", json={"title": "Another"})
    await eve.hears("doc", item={"id": "doc", "title": "Another"})
    await cast.admin.do("DELETE", "/items/doc/members/eve")
    gone = await eve.hears("doc", role=None)
    assert (gone["item"]["title"], gone["last"], gone["head"]) == ("", None, 0)
    await cast.admin.do("PUT", "/items/doc/members/mallory", json={"role": "reader"})
    await mallory.hears("doc", role="reader")
    await cast.admin.do("DELETE", "/items/doc/members/mallory")
    await mallory.hears("doc", role=None)
    invite = await cast.admin.do("POST", "/items/doc/invites", json={"role": "writer"})
    await cast.stranger.do("POST", "/invites/accept", json={"token": invite["token"]})
    await mallory.hears("doc", role="writer")
    await cast.stranger.do("POST", "/items", json={"id": "own"})
    await mallory.hears("own", role="admin")
    await cast.admin.do("DELETE", "/items/doc")
    await mallory.hears("doc", role=None)
    assert len(inboxes_of(state)) == 2


async def test_default_role_that_ends_takes_the_item(state: State, cast: Cast) -> None:
    """From whoever has only read it."""
    await cast.admin.do("PATCH", "/items/doc", json={"default_role": "reader"})
    await cast.stranger.do("PUT", "/items/doc/read", json={"seq": 1})
    mallory = await watch(state, cast.stranger)
    await cast.admin.do("PATCH", "/items/doc", json={"default_role": None})
    await mallory.hears("doc", role=None)


async def test_many_changes_are_few_states(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at once, and one with the rest when an item may be told again."""
    monkeypatch.setattr(watching, "INTERVAL", 0.5)
    eve = await watch(state, cast.reader)
    await cast.writer.do("POST", DOC, json={"body": "first"})
    await eve.hears("doc", unread=1)
    for number in range(20):
        await cast.writer.do("POST", DOC, json={"body": number})
    await eve.hears("doc", unread=21)
    assert len(eve.told) <= 4


async def test_since_a_moment_all_that_changed_is_told(state: State, cast: Cast) -> None:
    """Before anything else; what went, too."""
    await cast.admin.do("POST", "/items", json={"id": "two"})
    for path in ("/items/two/members/eve", "/items/two/members/ada"):
        await cast.admin.do("PUT", path, json={"role": "reader"})
    await cast.admin.do("DELETE", "/items/two/members/eve")
    eve = await watch(state, cast.reader, since=0)
    assert {item: one["role"] for item, one in eve.states.items()} == {"doc": "reader", "two": None}
    later = await watch(state, cast.reader, since=2**60)
    assert later.told == []
    assert eve.moments[0] <= later.moments[0]


async def test_limited_token_is_not_told_of_others(state: State, cast: Cast) -> None:
    """Nor that they are gone: it never knew of them."""
    limited = await cast.reader.do(
        "POST", "/tokens", json={"name": "one", "items": {"two": "reader"}}
    )
    await cast.admin.do("POST", "/items", json={"id": "two"})
    await cast.admin.do("PUT", "/items/two/members/eve", json={"role": "reader"})
    eve = FakeWatcher(await identify_token(state, limited["token"]))
    inboxes_of(state).watch(eve, 0)
    await eve.hears("two", role="reader")
    await cast.writer.do("POST", DOC, json={"body": "hi"})
    await cast.admin.do("DELETE", "/items/doc/members/eve")
    await cast.admin.do("DELETE", "/items/two/members/eve")
    await eve.hears("two", role=None)
    assert set(eve.states) == {"two"}


async def test_client_that_takes_nothing_is_told_later(state: State, cast: Cast) -> None:
    """What it missed, as it is then."""
    eve = await watch(state, cast.reader)
    eve.is_full = True
    for number in range(3):
        await cast.writer.do("POST", DOC, json={"body": number})
    async with asyncio.timeout(scaled(10)):
        while not eve.turned_away:
            await asyncio.sleep(0.002)
    assert eve.told == []
    eve.is_full = False
    await eve.hears("doc", unread=3)


async def test_too_many_changes_are_found_anew(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not remembered any more is asked of the database."""
    monkeypatch.setattr(watching, "MAX_DIRTY", 1)
    eve = await watch(state, cast.reader)
    await cast.writer.do("POST", DOC, json={"body": "hi"})
    eve.told.clear()
    inboxes = inboxes_of(state)
    for key in range(900, 905):
        inboxes.changed(key)
    await eve.hears("doc", unread=1)


async def test_reads_that_fail_are_made_again(
    state: State, cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused or broken: what was to be told still is; who begins is refused."""
    eve = await watch(state, cast.reader)
    real = state.readers.read
    failures: list[Exception] = [Refusal("overloaded"), RuntimeError("a broken read")]

    async def read(*arguments: object) -> object:
        if failures:
            raise failures.pop(0)
        return await real(*arguments)  # type: ignore[arg-type] # of any function

    monkeypatch.setattr(state.readers, "read", read)
    inboxes_of(state).changed(1)
    await eve.hears("doc")
    assert "inboxes could not be told" in caplog.text
    failures.append(Refusal("overloaded"))
    late = FakeWatcher(eve.principal)
    inboxes_of(state).watch(late, 0)
    async with asyncio.timeout(scaled(10)):
        while not late.refused:
            await asyncio.sleep(0.002)
    assert (late.refused, late.moments) == (["overloaded"], [])


async def test_who_stops_watching_costs_nothing(state: State, cast: Cast) -> None:
    """Nobody is asked about, and nothing is remembered."""
    eve = await watch(state, cast.reader)
    inboxes = inboxes_of(state)
    inboxes.unwatch(eve)
    inboxes.unwatch(eve)
    await cast.writer.do("POST", DOC, json={"body": "hi"})
    bob = await watch(state, cast.writer)
    inboxes.committed([UserRenamed(99, "Somebody")])
    inboxes.unwatch(bob)
    assert (len(inboxes), inboxes._dirty) == (0, {})
    assert eve.told == []


async def test_stop_ends_those_who_have_just_begun(state: State, cast: Cast) -> None:
    """Whatever they were about to be told."""
    inboxes = Inboxes(state.readers, None)
    inboxes.start()
    eve = FakeWatcher(await identify_token(state, cast.reader.token))
    inboxes.watch(eve, 0)
    await inboxes.stop()
    assert eve.moments == []


async def act(dice: random.Random, cast: Cast, seqs: list[int]) -> None:
    """Something that may change what Eve's items are."""
    item = dice.choice(["doc", "two"])
    messages = f"/items/{item}/messages"
    names = dice.sample(["eve", "ada", "nobody"], dice.randrange(3))
    body = {"text": str(dice.random()), "mentions": names}
    match dice.randrange(8):
        case 0 | 1 | 2:
            answer = await cast.admin.do("POST", messages, json={"body": body})
            seqs.append(answer["seq"])
        case 3:
            path = f"{messages}/{dice.choice(seqs)}"
            await cast.admin.call("PATCH", path, json={"body": body})
        case 4:
            await cast.admin.call("DELETE", f"{messages}/{dice.choice(seqs)}")
        case 5:
            await cast.reader.call("PUT", f"/items/{item}/read", json={"seq": dice.choice(seqs)})
        case 6:
            role = dice.choice(["reader", "writer", "admin"])
            await cast.admin.do("PUT", f"/items/{item}/members/eve", json={"role": role})
        case _:
            await cast.admin.call("DELETE", f"/items/{item}/members/eve")


async def test_client_that_comes_and_goes_knows_the_truth(state: State, cast: Cast) -> None:
    """Whatever happened while it was away, and in whatever order."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    await cast.admin.do("POST", "/items", json={"id": "two"})
    known: dict[str, object] = {}
    since, seqs = 0, [1]
    inboxes = inboxes_of(state)
    for _ in range(12):
        eve = await watch(state, cast.reader, since)
        for _ in range(dice.randrange(6)):
            await act(dice, cast, seqs)
        if dice.random() < 0.5:
            await asyncio.sleep(0.03)
        inboxes.unwatch(eve)
        known |= eve.states
        # As a client that was cut: the newest moment that it was told.
        since = eve.moments[-1]
        for _ in range(dice.randrange(6)):
            await act(dice, cast, seqs)
    last = await watch(state, cast.reader, since)
    known |= last.states
    page = await cast.reader.do("GET", "/inbox")
    truth = {item["item"]["id"]: item for item in page["items"]}
    theirs = {item: one for item, one in known.items() if isinstance(one, dict) and one["role"]}
    assert theirs == truth


async def test_ten_thousand_items_cost_what_the_lively_ones_do(
    state: State, people: People, cast: Cast
) -> None:
    """A change is found without a look at the others."""
    await people.change(
        "INSERT INTO item (id, title, epoch, head, oldest, created_at, active_at) "
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000) "
        "SELECT 'many-' || n, '', 'e', 0, 1, 1, 1 FROM n"
    )
    await people.change(
        "INSERT INTO membership (item_key, user_key, role, read_seq, changed_at) "
        "SELECT i.key, u.key, 'reader', 0, 1 FROM item AS i, \"user\" AS u "
        "WHERE i.id LIKE 'many-%' AND u.username = 'eve'"
    )
    eve = await watch(state, cast.reader, since=20_000)
    assert set(eve.states) == {"doc"}
    eve.told.clear()
    await cast.writer.do("POST", DOC, json={"body": "hi"})
    await eve.hears("doc", unread=1)
    assert set(eve.states) == {"doc"}
