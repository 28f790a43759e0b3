"""When what comes for a message in the making is stored: by a clock that a test moves."""

import random
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from api.history.streams import Append
from api.live.appending import INTERVAL, SLACK, Appending
from api.live.client_frames import AppendFrame
from api.rights.access import Access
from tests.conftest import make_settings
from tests.live.test_frames import ACCESS


class Timer:
    """Something that is due."""

    def __init__(self, at: float, act: Callable[[], None]) -> None:
        self.at, self.act = at, act
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Clock:
    """A loop that has a time and timers."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, act: Callable[[], None]) -> Timer:
        self._timers.append(Timer(self.now + delay, act))
        return self._timers[-1]

    def until(self, then: float) -> None:
        """Let time pass, and what is due happen."""
        while due := [one for one in self._timers if one.at <= then]:
            first = min(due, key=lambda one: one.at)
            self._timers.remove(first)
            if not first.is_cancelled:
                self.now = first.at
                first.act()
        self.now = then


class Adder:
    """Notes what is stored, and when; answers after a while."""

    def __init__(self, clock: Clock) -> None:
        self.access: Access = ACCESS
        self.stored: list[tuple[float, str]] = []
        self.took = 0.001
        self._clock = clock

    def submit(self, command: Append, done: Any) -> None:
        self.stored.append((self._clock.now, command.text))
        self._clock.call_later(self.took, partial(done, None, None))

    @property
    def pauses(self) -> list[float]:
        """Seconds from each to the next."""
        return [b - a for (a, _), (b, _) in pairwise(self.stored)]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> tuple[Clock, Adder, Appending]:
    """Somebody's text, and its time."""
    clock = Clock()
    monkeypatch.setattr("asyncio.get_running_loop", lambda: clock)
    adder = Adder(clock)
    settings = make_settings(tmp_path, append_rate=0, append_bytes_rate=0)
    return clock, adder, Appending(adder, settings)  # type: ignore[arg-type] # nothing is answered


def said(stage: tuple[Clock, Adder, Appending], times: list[float]) -> list[float]:
    """A letter at each of these times; how long each waited until it was stored."""
    clock, adder, text = stage
    for at, time in enumerate(times):
        clock.until(time)
        text.add(AppendFrame(type="append", target=1, at=at, text="x"))
    clock.until(times[-1] + 1)
    stored = [time for time, text in adder.stored for _ in text]
    return [then - time for time, then in zip(times, stored, strict=True)]


def test_what_comes_all_the_time_is_stored_twenty_times_a_second(
    stage: tuple[Clock, Adder, Appending],
) -> None:
    """Joined, in order, and nothing waits for longer than that takes."""
    waits = said(stage, [n / 500 for n in range(5_000)])
    assert 195 <= len(stage[1].stored) <= 202
    assert max(waits) <= INTERVAL + 1e-9
    assert min(stage[1].pauses) >= INTERVAL - SLACK - 1e-9


def test_who_says_something_twenty_times_a_second_does_not_wait(
    stage: tuple[Clock, Adder, Appending],
) -> None:
    """Although no timer is exact."""
    dice = random.Random(7)
    waits = said(stage, [n * INTERVAL + dice.uniform(0, SLACK / 3) for n in range(200)])
    assert len(stage[1].stored) == 200
    assert max(waits) == 0


@pytest.mark.parametrize(("took", "pause"), [(0.004, INTERVAL), (0.01, 0.1), (1.0, 0.125)])
def test_more_comes_together_where_storing_takes_long(
    stage: tuple[Clock, Adder, Appending], took: float, pause: float
) -> None:
    """Which costs less; but what is read still grows before the eyes."""
    stage[1].took = took
    said(stage, [n / 500 for n in range(5_000)])
    assert stage[1].pauses[-2] == pytest.approx(pause)
