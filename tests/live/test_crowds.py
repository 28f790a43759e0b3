"""A crowd is told of commits that follow closely together: what its members see of that."""

import pytest

from api.live import hub
from tests.live.world import Talker, World

pytestmark = pytest.mark.anyio
LONG = 60.0  # seconds


async def publish_both(world: World, ada: Talker, bob: Talker) -> None:
    """Two commits, each with a message, of which the event loop hears in one turn."""
    world.news.hold = True
    ada.publishes("one", "r1")
    await world.on_disk(1)
    bob.publishes("two", "r2")
    await world.on_disk(2)
    world.news.release()


async def test_crowd_hears_two_commits_in_one_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every entry once and in order, and an author's own before its ack."""
    monkeypatch.setattr(hub, "CROWD", 3)
    monkeypatch.setattr(hub, "WRITE_SECONDS", LONG)
    ada, bob, eve = [await world.live(name) for name in ("ada", "bob", "eve")]
    await publish_both(world, ada, bob)
    for talker, ref, seq in ((ada, "r1", 1), (bob, "r2", 2)):
        assert (await talker.answer(ref))["seq"] == seq
        assert talker.types[-3:] == ["message", "message", "ack"]
    assert eve.socket.seqs == [1, 2]
    assert eve.socket.sends[-1] == 2


async def test_few_hear_of_each_commit_when_it_is_done(world: World) -> None:
    """Nobody waits where little is to be gained."""
    ada, bob, eve = [await world.live(name) for name in ("ada", "bob", "eve")]
    await publish_both(world, ada, bob)
    await bob.answer("r2")
    assert ada.types[-3:] == ["message", "ack", "message"]
    assert eve.socket.seqs == [1, 2]
    assert eve.socket.sends[-2:] == [1, 1]


async def test_removal_does_not_wait_for_a_crowd(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no right any more is out at once, though the next commit takes its time."""
    monkeypatch.setattr(hub, "CROWD", 3)
    monkeypatch.setattr(hub, "WRITE_SECONDS", LONG)
    ada, bob, _ = [await world.live(name) for name in ("ada", "bob", "eve")]
    world.news.hold = True
    ada.publishes("one", "r1")
    await world.on_disk(1)
    world.send_off(world.set_role("bob", None))
    await world.on_disk(2)
    world.send_off(lambda _: None)
    world.news.release()
    assert (await bob.is_closed())["reason"] == "removed"
    assert bob.socket.seqs == [1, 2]
