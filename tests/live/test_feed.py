"""One client's way through the log: what it waits for, when it is live, when it is cut."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from api.history.entries import Entry
from api.history.extent import MAX_PAGE_BYTES, Extent
from api.live.codecs import CODECS, DEFAULT_CODEC
from api.live.encoding import Burst, Codec
from api.live.feed import Feed
from api.live.presence import Presence
from api.live.replay import Page
from api.live.room import Room
from tests.live.fakes import FakeSocket, JumpingLoop, entry, run_jumping

pytestmark = pytest.mark.anyio


@dataclass
class Told:
    """What a feed asked for and said."""

    reads: list[tuple[int, Callable[[Page], None]]] = field(default_factory=list)
    asked_drafts: list[Callable[[Sequence[Entry]], None]] = field(default_factory=list)
    cursors: list[int] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def read_page(self, after: int, page_read: Callable[[Page], None]) -> None:
        self.reads.append((after, page_read))

    def read_drafts(self, drafts_read: Callable[[Sequence[Entry]], None]) -> None:
        self.asked_drafts.append(drafts_read)

    def caught_up(self, cursor: int) -> None:
        self.cursors.append(cursor)

    def stalled(self) -> None:
        self.cut.append("stalled")

    def end(self, code: str) -> None:
        self.cut.append(code)


def empty_room() -> Room:
    presence = Presence(grace=0, interval=0, announce=lambda _: None, emptied=lambda: None)
    room = Room(1, recent_entries=4, presence=presence)
    room.drafts.learn(())
    return room


class Client:
    """A feed with a socket that records."""

    def __init__(self, cursor: int = 0, codec: Codec = DEFAULT_CODEC, known: int = 0) -> None:
        self.room, self.socket, self.told = empty_room(), FakeSocket(), Told()
        self.feed = Feed(
            self.told, self.room, self.socket, codec, cursor=cursor, known=known, stall_timeout=10
        )

    def hear(self, *seqs: int) -> None:
        """The room hears of a commit, and so does the feed."""
        entries = [entry(seq) for seq in seqs]
        self.room.store(entries)
        self.feed.deliver(Burst(entries))

    def answer(self, *seqs: int, head: int, oldest: int = 1) -> None:
        """The read that was asked for last gives these entries."""
        burst = Burst([entry(seq) for seq in seqs]) if seqs else None
        page = Page(burst, Extent(head, oldest, "e1"))
        self.told.reads[-1][1](page)


def live_at(seq: int) -> Client:
    client = Client(cursor=seq)
    client.room.learn_head(seq)
    client.feed.advance()
    assert client.feed.is_live
    return client


async def test_nothing_to_replay_is_live_at_once() -> None:
    """No read when the room knows that there is nothing more."""
    client = live_at(5)
    assert (client.told.reads, client.told.cursors) == ([], [5])
    client.hear(6, 7)
    assert client.socket.seqs == [6, 7]
    assert client.feed.cursor == 7


async def test_pages_are_read_one_at_a_time_until_the_head() -> None:
    """Each answer asks for the next; what is committed meanwhile waits in the log."""
    client = Client()
    client.feed.advance()
    client.feed.advance()
    client.hear(7)
    client.answer(1, 2, 3, head=6)
    assert [after for after, _ in client.told.reads] == [0, 3]
    client.answer(4, 5, 6, head=6)
    assert client.socket.seqs == [1, 2, 3, 4, 5, 6, 7]
    assert client.told.cursors == [7]


async def test_log_is_read_where_another_server_has_stored_more_than_was_told() -> None:
    """What is remembered here may have been deleted there; then all goes on as it was told."""
    client = Client(known=3)
    client.hear(1, 2)
    client.feed.advance()
    client.answer(1, 2, 3, head=3)
    assert client.feed.is_live
    client.hear(3)
    client.hear(4)
    assert client.socket.seqs == [1, 2, 3, 4]


async def test_log_that_has_less_than_was_known_is_asked_once() -> None:
    """A failover has lost it: who is at the end of what there is, is live."""
    client = Client(cursor=2, known=3)
    client.hear(1, 2)
    client.room.learn_head(3)
    client.feed.advance()
    client.answer(head=2)
    assert (client.feed.is_live, len(client.told.reads)) == (True, 1)
    client.hear(3)
    assert client.socket.seqs == [3]


async def test_commit_read_before_its_news_is_given_once() -> None:
    """The reader sees a commit as soon as it is on disk, the event loop hears of it later."""
    client = Client()
    client.feed.advance()
    client.answer(1, 2, 3, head=3)
    assert client.feed.is_live
    client.hear(2, 3, 4)
    client.hear(5)
    assert client.socket.seqs == [1, 2, 3, 4, 5]


async def test_news_of_what_was_read_leaves_a_full_socket_alone() -> None:
    """Nothing new came: the client is not behind."""
    client = live_at(3)
    client.socket.is_full = True
    client.feed.deliver(Burst([entry(3)]))
    assert client.feed.is_live


async def test_full_socket_is_left_alone_until_it_drains() -> None:
    """Behind, nothing is written; drained, memory gives what came meanwhile, in order."""

    async def act(_: JumpingLoop) -> None:
        client = live_at(0)
        client.socket.is_full = True
        client.hear(1)
        client.hear(2)
        client.feed.advance()
        assert client.socket.seqs == []
        assert not client.feed.is_live
        client.socket.is_full = False
        client.feed.drained()
        client.feed.drained()
        assert client.socket.seqs == [1, 2]
        assert client.told.cursors == [0, 2]

    await asyncio.to_thread(run_jumping, act)


def test_client_too_far_behind_for_memory_reads_the_log() -> None:
    """The way on is the same: read from the cursor."""

    async def act(_: JumpingLoop) -> None:
        client = live_at(0)
        client.socket.is_full = True
        client.hear(1, 2, 3, 4, 5, 6)
        client.socket.is_full = False
        client.feed.drained()
        client.answer(1, 2, head=6)
        assert client.socket.seqs == [1, 2, 3, 4, 5, 6]

    run_jumping(act)


def test_client_standing_still_is_cut() -> None:
    """Ten seconds without a byte taken: from full to cut, not from the first entry."""

    async def act(loop: JumpingLoop) -> None:
        client = live_at(0)
        await asyncio.sleep(60)
        client.socket.is_full = True
        client.hear(1)
        await asyncio.sleep(9.9)
        assert client.told.cut == []
        await asyncio.sleep(0.2)
        assert client.told.cut == ["stalled"]
        client.feed.stop()

    run_jumping(act)


def test_client_that_moves_slowly_is_kept() -> None:
    """One byte within each period is enough; then standing still is not."""

    async def act(loop: JumpingLoop) -> None:
        client = live_at(0)
        client.socket.is_full = True
        client.hear(1)
        for _ in range(12):
            await asyncio.sleep(9)
            client.socket.sent_bytes += 1
        assert client.told.cut == []
        await asyncio.sleep(20.1)
        assert client.told.cut == ["stalled"]
        client.feed.stop()
        assert loop.timers == []

    run_jumping(act)


def test_drained_in_time_starts_the_stall_anew() -> None:
    """The period runs from the last time that the socket became full."""

    async def act(_: JumpingLoop) -> None:
        client = live_at(0)
        for seq in range(1, 6):
            client.socket.is_full = True
            client.hear(seq)
            await asyncio.sleep(9)
            client.socket.is_full = False
            client.feed.drained()
        assert client.told.cut == []
        assert client.socket.seqs == [1, 2, 3, 4, 5]

    run_jumping(act)


async def test_retention_that_overtakes_cuts_instead_of_skipping() -> None:
    """A hole is never given in silence."""
    client = Client(cursor=3)
    client.feed.advance()
    client.answer(6, 7, head=7, oldest=6)
    assert (client.told.cut, client.socket.seqs) == (["slow_consumer"], [])


async def test_retention_up_to_the_cursor_is_no_hole() -> None:
    """Everything that the client has not had is still there."""
    client = Client(cursor=3)
    client.feed.advance()
    client.answer(4, head=4, oldest=4)
    assert (client.told.cut, client.socket.seqs, client.feed.is_live) == ([], [4], True)


async def test_empty_log_is_live_after_one_read() -> None:
    """Nothing was ever said here."""
    client = Client()
    client.feed.advance()
    client.answer(head=0)
    assert (client.told.cursors, client.socket.frames) == ([0], [])


def test_stopped_feed_gives_nothing_more() -> None:
    """Neither what is delivered, nor on draining, nor what is stored while a timer ran."""

    async def act(loop: JumpingLoop) -> None:
        client = live_at(0)
        client.socket.is_full = True
        client.hear(1)
        client.feed.stop()
        assert loop.timers == []
        client.socket.is_full = False
        client.feed.drained()
        client.hear(2)
        client.feed.stop()
        assert client.socket.seqs == []

    run_jumping(act)


async def test_large_entries_are_given_a_page_at_a_time() -> None:
    """What is in memory may be more than a socket should be given at once."""
    client = Client()
    body = b'"%s"' % (b"x" * (MAX_PAGE_BYTES // 2))
    client.room.store([entry(seq, body=body) for seq in range(1, 5)])
    client.feed.advance()
    assert client.socket.sends == [2, 2]
    assert client.socket.seqs == [1, 2, 3, 4]


async def test_entry_that_a_subprotocol_does_not_show_still_counts() -> None:
    """The cursor moves past it."""
    client = Client(codec=CODECS["itemroom.v1.text"])
    hidden = entry(2)
    hidden.forms["itemroom.v1.text"] = None
    client.room.store([entry(1), hidden])
    client.feed.advance()
    assert [frame.text for frame in client.socket.frames] == ["Ada: 1"]
    assert client.feed.cursor == 2
