"""What becomes of a client that sends too much, too fast, or nothing but errors."""

import asyncio

import pytest

from tests.live.fakes import Fields
from tests.live.world import World

pytestmark = pytest.mark.anyio


async def test_publishing_too_fast_is_refused_with_a_time(world: World) -> None:
    """A burst passes, the next one waits; signals count as well."""
    ada = await world.live(publish_rate=2, publish_burst=3)
    ada.publishes("one", "r1")
    ada.says("signal", name="typing")
    ada.says("signal", name="typing")
    ada.publishes("four", "r4")
    error = ada.socket.said_of("error")[0]
    assert (error["code"], error["ref"]) == ("rate_limited", "r4")
    assert 0 < error["retry_after"] <= 0.5
    ada.says("ping")
    assert ada.socket.said[-1]["type"] == "pong"
    await asyncio.sleep(error["retry_after"] + 0.01)
    ada.publishes("four", "r4again")
    assert (await ada.answer("r4again"))["type"] == "ack"


@pytest.mark.parametrize(
    "fields", [{"type_": "ping"}, {"type_": "presence"}, {"type_": "read", "seq": 1}]
)
async def test_light_frames_too_fast_are_refused_then_cut(world: World, fields: Fields) -> None:
    """They store nothing, and cost all the same: all of them together have a rate of their own."""
    ada = await world.live(light_rate=0.001, light_burst=3, error_rate=0.001, error_burst=2)
    for _ in range(3):
        ada.says(**fields)
    assert ada.socket.said_of("error") == []
    for _ in range(9):
        ada.says("auth", token="x")
    assert [error["code"] for error in ada.socket.said_of("error")] == ["rate_limited"] * 3
    assert (await ada.is_closed())["reason"] == "rate_limited"


@pytest.mark.parametrize(
    ("frame", "reason"), [("hunter2", "too_many_errors"), ("publish", "rate_limited")]
)
async def test_client_that_only_errs_is_cut(world: World, frame: str, reason: str) -> None:
    """After a burst of errors, with a time to come back; others do not notice."""
    ada, bob = (
        await world.live("ada", publish_rate=0.001, publish_burst=1, error_rate=0.001),
        await world.live("bob"),
    )
    for _ in range(30):
        ada.says(frame, body="x")
    closing = await ada.is_closed()
    assert (closing["reason"], closing["code"], closing["retry"]) == (reason, 1008, "later")
    assert closing["retry_after"] > 0
    assert len(ada.socket.said_of("error")) == 21
    assert bob.connection.is_open


async def test_errors_now_and_then_are_forgiven(world: World) -> None:
    """A rate of 0 is no limit at all."""
    ada = await world.live(error_rate=0)
    for _ in range(100):
        ada.says("hunter2")
    assert len(ada.socket.said_of("error")) == 100
    assert ada.socket.closed is None


async def test_too_many_commands_in_flight_are_busy(world: World) -> None:
    """One client cannot fill the writer's queue; what it took is acked."""
    ada = await world.live(commands_in_flight=2)
    world.news.hold = True
    for number in range(4):
        ada.publishes("x", f"r{number}")
    ada.says("read", seq=1)
    errors = ada.socket.said_of("error")
    assert [error.get("ref") for error in errors] == ["r2", "r3", None]
    assert {(error["code"], error["retry_after"]) for error in errors} == {("busy", 1)}
    await world.on_disk(2)
    world.news.release()
    assert (await ada.answer("r1"))["type"] == "ack"
    ada.publishes("x", "again")
    assert (await ada.answer("again"))["type"] == "ack"


@pytest.mark.parametrize("world", [{"writer_queue": 1, "writer_batch": 1}], indirect=True)
async def test_writer_that_is_full_or_ends_refuses_with_its_code(world: World) -> None:
    """`busy` while the queue is full, `draining` at the end; a client is cut for neither."""
    ada = await world.live(error_burst=1, error_rate=0.001)
    entered, gate = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def stay() -> None:
        entered.set()
        await gate.wait()

    world.send_off(lambda _: asyncio.run_coroutine_threadsafe(stay(), loop).result())
    await entered.wait()
    ada.publishes("queued", "r1")
    ada.publishes("too many", "r2")
    error = await ada.answer("r2")
    assert (error["code"], error["retry_after"]) == ("busy", 1)
    gate.set()
    assert (await ada.answer("r1"))["type"] == "ack"
    await asyncio.to_thread(world.writer.finish)
    ada.publishes("too late", "r3")
    assert (await ada.answer("r3"))["code"] == "draining"
    assert ada.socket.closed is None
