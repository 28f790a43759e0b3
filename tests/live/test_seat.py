"""A seat by itself: what it says to whatever carries it, and what it leaves to that."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from api.errors import Refusal
from api.history.commands import Command
from api.history.events import UserRenamed
from api.live.codecs import DEFAULT_CODEC
from api.live.encoding import Frames, Notice
from api.live.frames import ServerFrame, Welcome, pong
from api.live.hub import Moment
from api.live.item_connection import ItemConnection
from api.live.seat import Seat
from api.live.services import Services
from api.rights.access import Access
from tests.live.fakes import FakeSocket
from tests.live.test_expiry import ending
from tests.live.world import Talker, World, settled

pytestmark = pytest.mark.anyio
T = TypeVar("T")
# For a connection with its seat, by what Python allocates; without the transport below it.
MOST_BYTES = 1350
CROWD = 500


class ManyLine:
    """A line that has any number of seats, as one socket for many items would."""

    id = "line"
    encoder = DEFAULT_CODEC
    is_shared = True
    is_open = True

    def __init__(self, services: Services) -> None:
        self.services = services
        self.socket = FakeSocket()
        self.said: list[ServerFrame] = []
        self.reasons: list[str] = []

    def begin(self, welcome: Welcome) -> None:
        self.said.append(welcome)

    def send(self, frame: ServerFrame) -> None:
        self.said.append(frame)

    def refuse(
        self, refusal: Refusal, ref: str | None = None, *, target: int | None = None
    ) -> None:
        raise NotImplementedError

    def take_publish(self) -> None:
        raise NotImplementedError

    def take_light(self) -> None:
        raise NotImplementedError

    def submit(
        self, command: Command[T], done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        raise NotImplementedError

    def answered(self) -> None:
        raise NotImplementedError

    def renewed(self, access: Access, *, is_shown: bool) -> None:
        raise NotImplementedError

    def read_in_turn(self, begin: Callable[[], None]) -> None:
        begin()

    def read_over(self) -> None:
        pass

    def stalled(self) -> None:
        self.reasons.append("stalled")

    def left(self, refusal: Refusal) -> None:
        self.reasons.append(refusal.code)


async def test_seat_that_ends_says_so_and_leaves_the_socket_alone(world: World) -> None:
    """One of two seats of a line is removed: it is told why, and the other one goes on."""
    line = ManyLine(Talker(world, await world.access(world.people["ada"], "doc")).services)
    seats = {}
    for name in ("ada", "bob"):
        arrival = await world.arrive(name)
        seats[name] = Seat(line, arrival.access)
        seats[name].open(arrival)
    await world.writer.call(world.set_role("ada", None))
    await settled(world)
    assert line.reasons == ["removed"]
    assert (line.socket.closed, line.socket.is_deaf) == (None, False)
    seats["ada"].leave(at_once=True)
    seats["ada"].leave(at_once=True)
    await world.writer.call(world.say("bob", "later"))
    await settled(world)
    assert world.hub.members() == [seats["bob"]]
    # The entry of the removal went to both, the message after it to the one who stays.
    assert line.socket.seqs == [1, 1, 2]
    seats["bob"].leave(at_once=False)


async def test_seat_that_is_not_taken_says_nothing(world: World) -> None:
    """Before it is welcomed it has nothing to give, and nothing ends it after it was left."""
    line = ManyLine(Talker(world, await world.access(world.people["ada"], "doc")).services)
    arrival = await world.arrive()
    world.held.hold = "answer"
    seat = Seat(line, arrival.access)
    seat.open(replace(arrival, moment=Moment(rights=-1, commits=-1)))
    seat.drained()
    seat.tell(Notice(pong(1)))
    seat.tell_text(None)
    seat.leave(at_once=False)
    seat.end("internal")
    seat.stalled()
    world.held.release()
    await settled(world)
    assert (line.said, line.socket.frames, line.reasons) == ([], [], [])


async def test_user_who_is_renamed_signals_by_the_new_name(world: World) -> None:
    """From the commit on, without coming in again."""
    ada, bob = await world.live("ada"), await world.live("bob")
    key = world.people["ada"].user_key
    await world.writer.call(lambda tx: tx.emit(UserRenamed(key, "Countess")))
    await settled(world)
    ada.says("signal", name="typing", body=None)
    assert (await bob.hears("signal"))["by"] == {"id": "u-ada", "name": "Countess"}


class DeepSocket:
    """Takes everything and keeps nothing."""

    __slots__ = ()
    is_full = False
    sent_bytes = 0

    def send(self, frames: Frames) -> None:
        pass

    def offer(self, frames: Frames) -> bool:
        raise NotImplementedError

    def deafen(self) -> None:
        pass

    def close(self, code: int, reason: str) -> None:
        pass


async def test_idle_connection_is_small(world: World) -> None:
    """With its seat, its place in the hub, and a credential that ends."""
    services = Talker(world, await world.access(world.people["ada"], "doc")).services
    arrival = await world.arrive()
    principal = ending(arrival.access.principal, 3600)
    socket = DeepSocket()
    crowd: list[ItemConnection | None] = [None] * CROWD

    def come(number: int) -> None:
        crowd[number] = connection = ItemConnection(services, socket, DEFAULT_CODEC, principal)
        connection.open(arrival)

    come(0)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(1, CROWD):
        come(number)
    await asyncio.sleep(0)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    for connection in filter(None, crowd):
        connection.lost()
    assert len(world.hub.guests) == 0
    assert grown / (CROWD - 1) < MOST_BYTES
