"""Replay to live and back, with commits, reads, news and the socket racing in any order.

The oracle: what a client was given has no hole and no double from its cursor on, and when
everything has come to rest it ends at the log's head. Two feeds with the mistakes that are
easiest to make show that it would see them.
"""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.history.entries import Entry
from api.history.extent import Extent
from api.live.codecs import DEFAULT_CODEC
from api.live.encoding import Burst
from api.live.feed import Feed
from api.live.replay import Page
from tests.live.fakes import FakeSocket, JumpingLoop, entry, run_jumping
from tests.live.test_feed import empty_room

STEPS = ("commit", "hear", "hear all", "look", "answer", "fill", "drain")
PAGE = 3


class Race:
    """A log, the news of it, one reader thread and one client; each moves when it is told to."""

    def __init__(self, feed: type[Feed], *, start: int) -> None:
        self.committed = start
        self.heard = start
        self.start = start
        self.room, self.socket = empty_room(), FakeSocket()
        self._asked: tuple[int, Callable[[Page], None]] | None = None
        self._page: Page | None = None
        self.feed = feed(
            self, self.room, self.socket, DEFAULT_CODEC, cursor=start // 2, stall_timeout=10
        )

    def read_page(self, after: int, page_read: Callable[[Page], None]) -> None:
        assert self._asked is None, "two reads at once"
        self._asked = (after, page_read)

    def read_drafts(self, drafts_read: Callable[[Sequence[Entry]], None]) -> None:
        pytest.fail("they are known")

    def caught_up(self, cursor: int) -> None:
        assert cursor <= self.committed

    def stalled(self) -> None:
        pytest.fail("nothing waits for the socket")

    def end(self, code: str) -> None:
        pytest.fail(code)

    def step(self, name: str) -> None:
        match name:
            case "commit":
                self.committed += 1
            case "hear" if self.heard < self.committed:
                self._hear(self.heard + 1)
            case "hear all" if self.heard < self.committed:
                self._hear(self.committed)
            case "look" if self._asked and not self._page:
                after = self._asked[0]
                seqs = range(after + 1, min(after + PAGE, self.committed) + 1)
                burst = Burst([entry(seq) for seq in seqs]) if seqs else None
                self._page = Page(burst, Extent(self.committed, 1, "e1"))
            case "answer" if self._asked and self._page:
                (_, answer), page = self._asked, self._page
                self._asked = self._page = None
                answer(page)
            case "fill":
                self.socket.is_full = True
            case "drain" if self.socket.is_full:
                self.socket.is_full = False
                self.feed.drained()

    def _hear(self, until: int) -> None:
        entries = [entry(seq) for seq in range(self.heard + 1, until + 1)]
        self.heard = until
        self.room.store(entries)
        self.feed.deliver(Burst(entries))

    def settle(self) -> None:
        """Let everything come to rest."""
        for _ in range(self.committed + 9):
            for name in ("hear all", "drain", "look", "answer"):
                self.step(name)

    def check(self) -> None:
        """Raise AssertionError for what a client must never see."""
        expected = list(range(self.start // 2 + 1, self.committed + 1))
        assert self.socket.seqs == expected[: len(self.socket.seqs)]


def play(feed: type[Feed], start: int, steps: Sequence[str]) -> None:
    async def act(_: JumpingLoop) -> None:
        race = Race(feed, start=start)
        race.feed.advance()
        for name in steps:
            race.step(name)
            race.check()
        race.settle()
        race.check()
        race.feed.stop()
        assert race.feed.cursor == race.committed
        assert len(race.socket.seqs) == race.committed - start // 2

    run_jumping(act)


@given(st.integers(0, 9), st.lists(st.sampled_from(STEPS), max_size=60))
@example(4, ["commit", "look", "answer", "hear"])
@example(4, ["look", "commit", "hear", "answer"])
def test_any_interleaving_gives_the_log_without_hole_or_double(
    start: int, steps: list[str]
) -> None:
    """Commits, their news, pages that are older or newer than the news, a socket that fills."""
    play(Feed, start, steps)


class EarlyFeed(Feed):
    """Wrong: live one step too early, before the page that it asked for has come."""

    def advance(self) -> None:
        super().advance()
        self.is_live = True


class TrustingFeed(Feed):
    """Wrong: believes that the news of a commit comes before anybody can read it."""

    def deliver(self, burst: Burst) -> None:
        if self.is_live and not self._socket.is_full:
            self._give(burst)


class ForgetfulFeed(Feed):
    """Wrong: what it could not send at once it never sends."""

    def drained(self) -> None:
        self.is_live = True
        super().drained()


@pytest.mark.parametrize("mistake", [EarlyFeed, TrustingFeed, ForgetfulFeed])
def test_oracle_sees_the_mistakes_that_are_easy_to_make(mistake: type[Feed]) -> None:
    """Negative control: random races find each of them, and none in the real feed."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    races = [(chance.randrange(9), chance.choices(STEPS, k=40)) for _ in range(300)]
    for start, steps in races:
        play(Feed, start, steps)
    assert any(_is_caught(mistake, start, steps) for start, steps in races)


def _is_caught(feed: type[Feed], start: int, steps: Sequence[str]) -> bool:
    try:
        play(feed, start, steps)
    except AssertionError:
        return True
    return False
