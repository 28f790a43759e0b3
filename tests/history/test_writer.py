"""The writer: batches, their order, its queue and its end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest

from api.errors import Refusal
from api.history.commands import Call
from api.history.commits import Commits
from api.history.events import EntryStored, Event
from api.history.writer import Writer
from api.rights.access import Access
from api.settings import Settings
from tests.deadlines import scaled
from tests.history.writing import append, held, refusal_of
from tests.stores import Store

pytestmark = pytest.mark.anyio


@pytest.mark.sqlite
async def test_commands_that_wait_stored_in_one_transaction(store: Store, access: Access) -> None:
    """Group commit: what queued up meanwhile shares one BEGIN IMMEDIATE and one COMMIT."""
    with held(store):
        publishes = [asyncio.create_task(store.publish(access)) for _ in range(20)]
        await asyncio.sleep(0)
        seen = store.statements()
    stored = await asyncio.gather(*publishes)
    assert [one.seq for one in stored] == list(range(1, 21))
    assert store.batches[-1] == 20
    assert seen.count("BEGIN IMMEDIATE") == 1


async def test_commands_of_one_turn_share_a_commit(store: Store, access: Access) -> None:
    """An idle writer does not start with the first of a burst and leave the others waiting."""
    del store.batches[:]
    assert len(await asyncio.gather(*(store.publish(access) for _ in range(20)))) == 20
    assert store.batches == [20]


async def test_command_of_the_turn_that_ends_the_writer_is_answered(store: Store) -> None:
    """It may come too late for the thread, but not into nothing."""
    call = asyncio.create_task(store.writer.call(lambda _: 7))
    loop = asyncio.get_running_loop()
    loop.call_soon(store.writer.finish)  # After the submit, before the end of its turn.
    assert (await refusal_of(call)).code == "draining"


async def test_batch_bounded_by_the_setting(settings: Settings, store: Store) -> None:
    """No transaction takes more commands than `writer_batch`."""
    small = Writer(await store.released(), Commits(), store.observe, max_queue=100, max_batch=8)
    done: list[int | None] = []
    finished = asyncio.Event()

    def note(result: int | None, _: BaseException | None) -> None:
        done.append(result)
        if len(done) == 20:
            finished.set()

    small.start(asyncio.get_running_loop())
    for number in range(20):
        small.submit(
            Call(lambda _, number=number: number),  # type: ignore[misc] # mypy cannot infer it
            note,
        )
    del store.batches[:]
    await finished.wait()
    await asyncio.to_thread(small.finish)
    assert done == list(range(20))
    assert store.batches == [8, 8, 4]


@pytest.mark.parametrize(("patience", "told"), [(0, [8, 8, 4]), (60, [20])])
async def test_commits_under_way_are_told_together_if_that_may_wait(
    store: Store, access: Access, patience: float, told: list[int]
) -> None:
    """News that may wait a minute come with the last commit, after which nothing is under way."""
    heard: list[int] = []
    commits = Commits()
    commits.listen(lambda events: heard.append(len(events)))
    writer = Writer(
        await store.released(),
        commits,
        store.observe,
        max_queue=100,
        max_batch=8,
        patience=lambda _: patience,
    )
    writer.start(asyncio.get_running_loop())
    async with asyncio.timeout(scaled(10)):
        seqs = await asyncio.gather(*(writer.call(partial(append, access)) for _ in range(20)))
    await asyncio.to_thread(writer.finish)
    assert seqs == list(range(1, 21))
    assert heard == told


@pytest.mark.sqlite
async def test_every_write_begins_immediate(store: Store, access: Access) -> None:
    """E8: a deferred transaction that turns into a write fails at once with SQLITE_BUSY."""
    seen = store.statements()
    await store.publish(access)
    await store.writer.call(partial(append, access))
    await refusal_of(store.edit(access, 9, b"1"))
    begins = [statement for statement in seen if statement.startswith("BEGIN")]
    assert begins == ["BEGIN IMMEDIATE"] * 3


async def test_events_delivered_before_the_command_is_done(store: Store, access: Access) -> None:
    """Whoever waits for a commit finds the live side told already, in the order of the log."""
    seen: list[tuple[int | None, int]] = []

    def note(seq: int | None, _: BaseException | None) -> None:
        seen.append((seq, len(store.events)))

    for _ in range(3):
        store.writer.submit(Call(partial(append, access)), note)
    await store.writer.call(lambda _: None)
    seqs = [event.entry.seq for event in store.events if isinstance(event, EntryStored)]
    assert seqs == [1, 2, 3]
    assert all(told >= (seq or 0) for seq, told in seen)
    assert len(seen) == 3


async def test_queue_full_refused_at_once(store: Store) -> None:
    """A writer that cannot keep up says `busy` instead of growing."""
    writer = Writer(await store.released(), Commits(), store.observe, max_queue=2, max_batch=8)
    writer.start(asyncio.get_running_loop())
    done: list[object] = []
    for _ in range(2):
        writer.submit(Call(lambda _: None), lambda _result, error: done.append(error))
    with pytest.raises(Refusal, match="busy"):
        writer.submit(Call(lambda _: None), lambda _result, error: done.append(error))
    await asyncio.to_thread(writer.finish)


async def test_finish_stores_what_was_queued_and_takes_no_more(
    store: Store, access: Access
) -> None:
    """A draining writer loses nothing that it took."""
    with held(store):
        publishes = [asyncio.create_task(store.publish(access)) for _ in range(5)]
        await asyncio.sleep(0)
        finishing = asyncio.create_task(asyncio.to_thread(store.writer.finish))
        while not store.writer._handover.is_ending:
            await asyncio.sleep(0)
        assert (await refusal_of(store.publish(access))).code == "draining"
    await finishing
    assert [stored.seq for stored in await asyncio.gather(*publishes)] == [1, 2, 3, 4, 5]


async def test_cancelled_wait_stores_all_the_same(store: Store, access: Access) -> None:
    """Cancelling forgets the answer, not the command."""
    with held(store):
        publish = asyncio.create_task(store.publish(access))
        await asyncio.sleep(0)
        publish.cancel()
    assert (await store.publish(access)).seq == 2


@pytest.fixture
async def deaf(store: Store) -> AsyncIterator[Writer]:
    """A writer whose live side fails."""

    def fail(_: Sequence[Event]) -> None:
        raise RuntimeError("the live side has a bug")

    commits = Commits()
    commits.listen(fail)
    writer = Writer(await store.released(), commits, store.observe, max_queue=10, max_batch=10)
    writer.start(asyncio.get_running_loop())
    yield writer
    await asyncio.to_thread(writer.finish)


async def test_live_side_that_fails_leaves_nobody_waiting(
    store: Store, access: Access, deaf: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    """What is stored is acknowledged, whatever becomes of the fan-out; the log tells of it."""
    assert await asyncio.wait_for(deaf.call(partial(append, access)), scaled(5)) == 1
    assert "the live side has a bug" in caplog.text


async def test_caller_that_fails_leaves_the_others_their_answers(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """One broken connection must not swallow the acks of a whole batch."""

    def fail(_result: None, _error: BaseException | None) -> None:
        raise RuntimeError("a connection has a bug")

    with held(store):
        store.writer.submit(Call(lambda _: None), fail)
        other = asyncio.create_task(store.writer.call(lambda _: 7))
        await asyncio.sleep(0)
    assert await asyncio.wait_for(other, scaled(5)) == 7
    assert "a connection has a bug" in caplog.text
