"""Joins and leaves as others see them: few frames, no noise, nothing left behind."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.history.entries import Author
from api.live.encoding import Fields
from api.live.presence import MAX_LISTED, Presence
from tests.live.fakes import ADA, BOB, JumpingLoop, run_jumping


class Watched(Presence):
    """A presence with three seconds of grace that notes what it says, and when."""

    def __init__(self, *, grace: float = 3) -> None:
        self.said: list[Fields] = []
        self.at: list[float] = []
        self.emptied = 0
        super().__init__(grace=grace, interval=0.2, announce=self._say, emptied=self._empty)

    def _say(self, frame: Fields) -> None:
        self.said.append(frame)
        self.at.append(round(asyncio.get_running_loop().time(), 3))

    def _empty(self) -> None:
        self.emptied += 1


def person(number: int) -> Author:
    return Author(number, f"u{number}", f"User {number}")


def names(said: Fields, what: str) -> list[str]:
    return [user["name"] for user in said[what]]


def jumping(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        run_jumping(lambda _: test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@jumping
async def test_joins_and_leaves_in_one_interval_are_one_frame() -> None:
    """What happens within the interval is told together, with the count that it led to."""
    presence = Watched(grace=0)
    presence.join(ADA)
    await asyncio.sleep(1)
    presence.join(BOB)
    presence.leave(ADA)
    await asyncio.sleep(1)
    first, second = presence.said
    assert first == {"type": "presence", "count": 1, "join": [public(ADA)], "leave": []}
    assert second == {"type": "presence", "count": 1, "join": [public(BOB)], "leave": [public(ADA)]}
    assert presence.at == [0.2, 1.2]


@jumping
async def test_new_name_is_told_by_another_join() -> None:
    """Under the same id, of whoever is here; who has gone has no name any more."""
    presence = Watched(grace=0)
    presence.join(ADA)
    presence.join(BOB)
    await asyncio.sleep(1)
    presence.rename(ADA.key, "Countess")
    presence.leave(BOB)
    presence.rename(BOB.key, "Robert")
    await asyncio.sleep(1)
    renamed = {"id": ADA.id, "name": "Countess"}
    assert presence.said[1:] == [
        {"type": "presence", "count": 1, "join": [renamed], "leave": [public(BOB)]}
    ]
    assert presence.summary()["users"] == [renamed]


def public(user: Author) -> dict[str, str]:
    return {"id": user.id, "name": user.name}


@jumping
async def test_reconnect_within_the_grace_is_no_news() -> None:
    """A phone in a tunnel does not make the room flicker."""
    presence = Watched()
    presence.join(ADA)
    await asyncio.sleep(1)
    presence.leave(ADA)
    await asyncio.sleep(2.9)
    presence.join(ADA)
    await asyncio.sleep(10)
    assert [names(said, "join") for said in presence.said] == [["Ada"]]
    assert presence.summary()["count"] == 1


@jumping
async def test_nobody_back_within_the_grace_is_a_leave() -> None:
    """After the grace the user has left, and the room is empty once."""
    presence = Watched()
    presence.join(ADA)
    await asyncio.sleep(1)
    presence.leave(ADA)
    await asyncio.sleep(10)
    assert presence.at == [0.2, 4.2]
    assert names(presence.said[1], "leave") == ["Ada"]
    assert (presence.emptied, presence.is_empty) == (1, True)


@jumping
async def test_at_once_waits_for_nobody() -> None:
    """Whoever was removed has left now."""
    presence = Watched()
    presence.join(ADA)
    presence.join(BOB)
    await asyncio.sleep(1)
    presence.leave(BOB, at_once=True)
    assert presence.summary() == {"count": 1, "users": [public(ADA)]}
    await asyncio.sleep(1)
    assert names(presence.said[-1], "leave") == ["Bob"]


@jumping
async def test_second_connection_of_a_user_is_no_news() -> None:
    """A user is here with the first connection, until after the last."""
    presence = Watched(grace=0)
    for _ in range(3):
        presence.join(ADA)
    presence.leave(ADA)
    presence.leave(ADA)
    await asyncio.sleep(1)
    assert [said["count"] for said in presence.said] == [1]
    presence.leave(ADA)
    await asyncio.sleep(1)
    assert [said["count"] for said in presence.said] == [1, 0]


@jumping
async def test_came_and_gone_within_the_interval_is_no_news() -> None:
    """Neither a join and leave nor a leave and join of the same user in one frame."""
    presence = Watched(grace=0)
    presence.join(BOB)
    await asyncio.sleep(1)
    presence.join(ADA)
    presence.leave(ADA)
    presence.leave(BOB)
    presence.join(BOB)
    await asyncio.sleep(1)
    assert len(presence.said) == 1
    assert presence.version == 5


@jumping
async def test_change_that_a_newcomer_has_seen_is_not_kept_from_it() -> None:
    """Whoever was welcomed with a list must hear of everybody on it who goes."""
    presence = Watched(grace=0)
    presence.join(ADA)
    presence.join(BOB)
    assert presence.summary()["count"] == 2
    presence.leave(ADA)
    await asyncio.sleep(1)
    assert (names(presence.said[0], "join"), names(presence.said[0], "leave")) == (["Bob"], ["Ada"])


@jumping
async def test_crowd_is_only_counted() -> None:
    """Up to 200 users are listed, beyond them only `count` is told; and listed again below."""
    presence = Watched(grace=0)
    for number in range(MAX_LISTED):
        presence.join(person(number))
    await asyncio.sleep(1)
    assert len(presence.said[-1]["join"]) == len(presence.summary()["users"]) == MAX_LISTED
    presence.join(person(MAX_LISTED))
    await asyncio.sleep(1)
    assert presence.said[-1] == {"type": "presence", "count": MAX_LISTED + 1}
    assert presence.summary() == {"count": MAX_LISTED + 1}
    presence.leave(person(0))
    await asyncio.sleep(1)
    assert names(presence.said[-1], "leave") == ["User 0"]


def test_close_leaves_no_timer() -> None:
    """Whatever was pending, nothing fires after the close."""

    async def act(loop: JumpingLoop) -> None:
        presence = Watched()
        presence.join(ADA)
        presence.join(BOB)
        presence.leave(ADA)
        assert len(loop.timers) == 2
        presence.close()
        assert loop.timers == []
        presence.close()
        await asyncio.sleep(10)
        assert presence.said == []

    run_jumping(act)


@pytest.mark.parametrize("grace", [0, 0.1, 3])
@given(steps=st.lists(st.tuples(st.sampled_from("+-~."), st.integers(0, 3)), max_size=40))
def test_any_coming_and_going_told_adds_up(grace: float, steps: list[tuple[str, int]]) -> None:
    """Whoever applies the frames knows who is here; no frame has a user twice or for nothing."""

    async def act(_: JumpingLoop) -> None:
        presence = Watched(grace=grace)
        connections = dict.fromkeys(range(4), 0)
        for step, number in steps:
            if step == "+":
                connections[number] += 1
                presence.join(person(number))
            elif step == ".":
                await asyncio.sleep(0.07 * (number + 1))
            elif connections[number]:
                connections[number] -= 1
                presence.leave(person(number), at_once=step == "~")
        await asyncio.sleep(10)
        here: set[str] = set()
        for said in presence.said:
            join, leave = set(names(said, "join")), set(names(said, "leave"))
            assert join | leave
            assert not join & here
            assert leave <= here
            here = here - leave | join
            assert said["count"] == len(here)
        assert here == {person(number).name for number, count in connections.items() if count}
        presence.close()

    run_jumping(act)


@given(steps=st.lists(st.tuples(st.sampled_from("+-.?"), st.integers(0, 3)), max_size=40))
def test_whoever_comes_in_between_agrees_in_the_end(steps: list[tuple[str, int]]) -> None:
    """A summary at any moment, and the frames after it, lead to who is here."""

    async def act(_: JumpingLoop) -> None:
        presence = Watched(grace=0.1)
        newcomers: list[tuple[set[str], int]] = []
        connections = dict.fromkeys(range(4), 0)
        for step, number in steps:
            if step == "+":
                connections[number] += 1
                presence.join(person(number))
            elif step == ".":
                await asyncio.sleep(0.07 * (number + 1))
            elif step == "?":
                newcomers.append((set(names(presence.summary(), "users")), len(presence.said)))
            elif connections[number]:
                connections[number] -= 1
                presence.leave(person(number))
        await asyncio.sleep(10)
        there = set(names(presence.summary(), "users"))
        for here, heard in newcomers:
            for said in presence.said[heard:]:
                here.difference_update(names(said, "leave"))
                here.update(names(said, "join"))
            assert here == there
        presence.close()

    run_jumping(act)


@jumping
async def test_user_at_several_servers_is_one_user() -> None:
    """Who is elsewhere neither comes nor goes here; and who goes from everywhere has left."""
    presence = Watched(grace=0)
    presence.join(ADA)
    presence.elsewhere([ADA, BOB])
    await asyncio.sleep(1)
    presence.leave(ADA)
    presence.elsewhere([ADA, BOB])
    await asyncio.sleep(1)
    assert [(said["count"], said["join"]) for said in presence.said] == [
        (2, [public(ADA), public(BOB)])
    ]
    assert (presence.emptied, presence.is_empty) == (1, True)
    presence.join(BOB)
    presence.elsewhere([ADA])
    presence.elsewhere([])
    await asyncio.sleep(1)
    assert (presence.said[-1]["count"], presence.said[-1]["leave"]) == (1, [public(ADA)])
    assert presence.summary() == {"count": 1, "users": [public(BOB)]}


@jumping
async def test_name_that_changed_elsewhere_is_told() -> None:
    """Unless the user is here, too: then it is told by whoever knows it first."""
    presence = Watched(grace=0)
    presence.join(ADA)
    presence.elsewhere([ADA, BOB])
    await asyncio.sleep(1)
    presence.elsewhere([replace(ADA, name="Other"), replace(BOB, name="Rob")])
    await asyncio.sleep(1)
    assert names(presence.said[-1], "join") == ["Rob"]
    assert (presence.here(), presence.said[-1]["count"]) == ({ADA.key: (1, 1)}, 2)
