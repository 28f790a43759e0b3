"""The way from the event loop to a thread: whole turns, in order, bounded, none behind the end."""

import asyncio

import pytest

from api.errors import Refusal
from api.history.handover import Handover
from tests.deadlines import scaled

pytestmark = pytest.mark.anyio


class Site:
    """A handover of numbers; the test is both of its ends."""

    def __init__(self, max_waiting: int = 100) -> None:
        self.late: list[int] = []
        self.handover: Handover[int] = Handover(max_waiting=max_waiting, late=self.late.extend)
        self.handover.begin(asyncio.get_running_loop())

    def submit(self, *numbers: int) -> None:
        for number in numbers:
            self.handover.submit(number)

    def take(self, most: int = 10) -> list[int] | None:
        return self.handover.take(most, wait=0.001)


@pytest.fixture
async def site() -> Site:
    """One that takes enough."""
    return Site()


async def test_what_a_turn_brings_comes_together_at_its_end(site: Site) -> None:
    """The thread does not see the first of a burst before the last is there."""
    site.submit(1, 2, 3)
    assert site.take() == []
    await asyncio.sleep(0)
    site.submit(4)
    assert site.take() == [1, 2, 3]
    await asyncio.sleep(0)
    assert site.take() == [4]


async def test_turns_that_wait_are_taken_together_up_to_a_bound(site: Site) -> None:
    """What is too much for one transaction is the beginning of the next."""
    for numbers in ((1, 2, 3), (4, 5), (6,)):
        site.submit(*numbers)
        await asyncio.sleep(0)
    assert [site.take(4), site.take(4), site.take(4)] == [[1, 2, 3, 4], [5, 6], []]


async def test_thread_that_waits_wakes_for_a_turn(site: Site) -> None:
    """It does not sleep until its time is over."""
    taking = asyncio.create_task(asyncio.to_thread(site.handover.take, 10, wait=scaled(600)))
    await asyncio.sleep(0)
    site.submit(1, 2)
    assert await taking == [1, 2]


async def test_more_than_may_wait_is_busy_until_some_is_taken() -> None:
    """Handed over or not, it counts."""
    site = Site(max_waiting=3)
    site.submit(1, 2)
    await asyncio.sleep(0)
    site.submit(3)
    with pytest.raises(Refusal, match="busy"):
        site.submit(4)
    assert site.take(1) == [1]
    site.submit(4)
    await asyncio.sleep(0)
    assert site.take() == [2, 3, 4]


async def test_end_comes_behind_what_was_handed_over(site: Site) -> None:
    """Nothing that was taken is lost; nothing more is taken. It may be said twice."""
    site.submit(1, 2, 3)
    await asyncio.sleep(0)
    site.handover.end()
    site.handover.end()
    with pytest.raises(Refusal, match="draining"):
        site.submit(4)
    assert [site.take(2), site.take(2), site.take(2)] == [[1, 2], [3], None]
    assert site.late == []


async def test_turn_that_ends_after_the_end_is_given_back(site: Site) -> None:
    """The thread may be gone: whoever waits is told instead of left."""
    site.submit(1, 2)
    site.handover.end()
    await asyncio.sleep(0)
    assert site.take() is None
    assert site.late == [1, 2]
