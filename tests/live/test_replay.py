"""Pages that are read once for several: who may have which."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.history.extent import Extent
from api.live.encoding import Frame
from api.live.replay import Page, Replay
from tests.deadlines import scaled
from tests.live.test_feed import empty_room
from tests.live.world import FROM_START, Talker, World, settled

pytestmark = pytest.mark.anyio


def page_at(head: int) -> Page:
    return Page(None, Extent(head, 1, "e1"))


def unread() -> Page:
    raise AssertionError("it was read already")


def test_page_is_read_once_for_all_who_may_have_it() -> None:
    """Also for those who were judged by a later moment than it is of."""
    replay, page = Replay(), page_at(5)
    assert replay.page(5, lambda: page, since=5) is page
    assert replay.page(5, unread, since=5) is page
    assert replay.page(7, unread, since=4) is page


def test_page_older_than_what_whoever_asks_was_told_is_not_theirs() -> None:
    """A message of it may have been deleted by then."""
    replay, page = Replay(), page_at(6)
    replay.page(5, lambda: page_at(5), since=5)
    assert replay.page(6, lambda: page, since=6) is page
    assert replay.page(6, unread, since=6) is page


def test_page_newer_than_the_rights_of_whoever_asks_is_not_theirs() -> None:
    """Between the two somebody may have been removed, and said things behind their back."""
    replay, theirs = Replay(), page_at(4)
    replay.page(5, lambda: page_at(5), since=5)
    assert replay.page(4, lambda: theirs, since=4) is theirs


def test_page_that_could_not_be_read_is_read_by_the_next() -> None:
    """Whatever kept one from it is the trouble of that one."""
    replay, page = Replay(), page_at(5)
    with pytest.raises(AssertionError):
        replay.page(5, unread, since=5)
    assert replay.page(5, lambda: page, since=5) is page


def test_thread_that_comes_while_a_page_is_read_waits_for_it() -> None:
    """Or else all threads would read the same."""
    replay, begun, go_on = Replay(), threading.Event(), threading.Event()

    def read() -> Page:
        begun.set()
        assert go_on.wait(scaled(10))
        return page_at(5)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(replay.page, 5, read, since=5)
        assert begun.wait(scaled(10))
        second = threads.submit(replay.page, 5, unread, since=5)
        go_on.set()
        assert first.result() is second.result()


def test_page_is_forgotten_with_the_last_who_waits_for_it() -> None:
    """It is no cache: nothing of the log stays in memory."""
    room = empty_room()
    replay = room.replay(3)
    assert room.replay(3) is replay
    assert room.replay(4) is not replay
    del replay
    assert not list(room._replays)


async def test_page_from_before_a_commit_is_nothing_for_who_comes_after_it(world: World) -> None:
    """They would have to read on at once, and those after them too."""
    await world.fill(1)
    ada = await world.live("ada")
    replay = ada.seat._room.replay(0)
    await world.fill(1)
    await settled(world)
    assert ada.seat._room.replay(0) is not replay


async def test_several_who_missed_the_same_are_given_one_page(world: World) -> None:
    """Each is judged by itself, by what is on the disk: nobody has heard of it."""
    await world.fill(3)
    access = {name: await world.access(world.people[name], "doc") for name in ("ada", "bob", "eve")}
    world.held.hold = "start"
    talkers = {name: Talker(world, access[name]) for name in access}
    for talker in talkers.values():
        talker.opens(FROM_START)
    world.held.release(go_on=False)
    for talker in talkers.values():
        await talker.hears("welcome")
    world.news.hold = True
    world.send_off(world.set_role("bob", None))
    await world.on_disk(4)
    world.held.release()
    assert (await talkers["bob"].is_closed())["reason"] == "item_not_found"
    assert talkers["bob"].socket.seqs == []
    for name in ("ada", "eve"):
        await talkers[name].hears("live")
        assert talkers[name].socket.seqs == [1, 2, 3, 4]
    first, second = (entries_of(talkers[name]) for name in ("ada", "eve"))
    assert all(one is other for one, other in zip(first, second, strict=True))


def entries_of(talker: Talker) -> list[Frame]:
    kind = b'{"type":"message"'
    return [frame for frame in talker.socket.frames if frame.data.startswith(kind)]
