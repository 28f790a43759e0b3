"""One timer for many sockets: what is due, in its order, and nothing for who has gone."""

import asyncio
from dataclasses import dataclass, field

import pytest

from api.wire.clock import Clock
from tests.live.world import until

pytestmark = pytest.mark.anyio


@dataclass(eq=False)
class FakeSocket:
    """Answers as it is told to, and keeps what it was asked."""

    is_open: bool = True
    answers: bool = True
    in_time: bool = True
    asked: list[str] = field(default_factory=list)

    def ping(self) -> bool:
        self.asked.append("ping")
        return self.is_open

    def check_pong(self) -> bool:
        self.asked.append("pong")
        return self.answers

    def check_message(self, limit: float) -> bool:
        self.asked.append("message")
        assert limit < asyncio.get_running_loop().time()
        return self.in_time

    def abort(self) -> None:
        self.asked.append("abort")


@pytest.fixture
async def clock() -> Clock:
    """With waits of a few milliseconds."""
    return Clock(ping_interval=0.01, ping_timeout=0.01, message_timeout=0.01, close_timeout=0.01)


async def test_socket_that_answers_is_pinged_again(clock: Clock) -> None:
    """Ping, pong, ping, for as long as it is there."""
    socket = FakeSocket()
    clock.begin(socket)
    await until(lambda: len(socket.asked) >= 4)
    assert socket.asked[:4] == ["ping", "pong", "ping", "pong"]
    socket.is_open = False
    asked = len(socket.asked)
    await until(lambda: len(socket.asked) > asked)


async def test_socket_that_has_gone_or_does_not_answer_is_asked_no_more(clock: Clock) -> None:
    """The others are."""
    gone, silent, present = FakeSocket(is_open=False), FakeSocket(answers=False), FakeSocket()
    for socket in (gone, silent, present):
        clock.begin(socket)
    await until(lambda: len(present.asked) >= 4)
    present.is_open = False
    assert gone.asked == ["ping"]
    assert silent.asked == ["ping", "pong"]


async def test_close_that_nobody_answers_ends_in_an_abort(clock: Clock) -> None:
    """Once."""
    socket = FakeSocket()
    clock.close_begun(socket)
    await until(lambda: bool(socket.asked))
    assert socket.asked == ["abort"]


async def test_message_is_watched_until_it_has_ended(clock: Clock) -> None:
    """Asked at each tick, until it is over or was cut."""
    ended, cut = FakeSocket(), FakeSocket()
    clock.message_begun(ended)
    clock.message_begun(cut)
    await until(lambda: len(ended.asked) >= 2)
    clock.message_ended(ended)
    cut.in_time = False
    asked = len(ended.asked), len(cut.asked)
    await until(lambda: len(cut.asked) > asked[1])
    await asyncio.sleep(0.02)
    assert (len(ended.asked), len(cut.asked)) == (asked[0], asked[1] + 1)
