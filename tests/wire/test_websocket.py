"""What a client is told, on a transport in hand: what a network does too rarely to wait for."""

import asyncio
import gc

import pytest
from uvicorn.server import ServerState

from api.live.encoding import Frame, Frames
from api.wire.framing import BINARY, CLOSE, PING, PONG, TEXT, close_frame, on_the_wire, server_frame
from api.wire.shared import Wire
from api.wire.websocket import MAX_PONGS, WireSocket
from tests.wire.line import FakeClient, FakeTransport, Line
from tests.wire.test_framing import masked

pytestmark = pytest.mark.anyio


async def test_what_is_sent_in_one_turn_leaves_in_one_write(line: Line) -> None:
    """Frames of one turn are joined, in their order."""
    line.ear.hear(masked(0x82, b"in"))
    assert line.client.told == [(b"in", False)]
    frames = Frames([Frame(b"a", is_text=True), Frame(b"b", is_text=False)])
    line.socket.send(frames)
    line.socket.send(frames)
    assert line.transport.taken == b""
    await asyncio.sleep(0)
    assert line.transport.taken == (server_frame(TEXT, b"a") + server_frame(BINARY, b"b")) * 2
    assert line.socket.sent_bytes == len(line.transport.taken)


async def test_one_transport_that_fails_keeps_nobody_waiting(
    line: Line, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """It is dropped, and the others get what they were given."""
    other = Line(wire)
    line.transport.fails = True
    line.socket.send(Frames([Frame(b"x", is_text=True)]))
    await other.send()
    assert other.transport.taken == server_frame(BINARY, b"x")
    assert line.transport.ended == "aborted"
    assert "could not be written to" in caplog.text


async def test_kernel_that_takes_all_at_once_is_a_drain(line: Line) -> None:
    """More than the buffer in one turn: full, and empty again without the transport's word."""
    await line.send(b"x" * 2000)
    await asyncio.sleep(0)
    assert line.client.told == ["drained"]


async def test_full_socket_takes_no_offer(line: Line) -> None:
    """Neither when the transport is stuck nor when too much was given in one turn."""
    small, large = (Frames([Frame(b"x" * size, is_text=False)]) for size in (1, 2000))
    assert line.socket.offer(small)
    assert line.socket.offer(large)
    assert not line.socket.offer(small)
    await asyncio.sleep(0)
    line.ear.pause_writing()
    assert not line.socket.offer(small)
    line.ear.resume_writing()
    assert line.socket.offer(small)
    await asyncio.sleep(0)
    assert (
        line.transport.taken == on_the_wire(Frames([*small.frames, *large.frames])) + b"\x82\x01x"
    )


async def test_nothing_offered_is_nothing_written(line: Line) -> None:
    """A frame that a subprotocol does not show, and any after our close, count as taken."""
    line.transport.fails = True
    assert line.socket.offer(Frames([]))
    await asyncio.sleep(0)
    assert line.transport.ended == ""
    line.transport.fails = False
    line.socket.close(1008, "removed")
    said = line.transport.taken
    assert line.socket.offer(Frames([Frame(b"x", is_text=False)]))
    await asyncio.sleep(0)
    assert line.transport.taken == said


async def test_close_of_a_full_socket_waits_for_the_end(line: Line) -> None:
    """Reading was stopped while it was full; the end of the peer's half must still be seen."""
    line.ear.pause_writing()
    line.socket.close(1013, "slow_consumer")
    line.socket.close(1000, "twice")
    assert line.transport.reading
    assert line.transport.taken == close_frame(1013, "slow_consumer") + b"<eof>"
    line.ear.pause_writing()
    assert line.transport.reading
    line.ear.resume_writing()
    assert line.client.told == []


async def test_nothing_follows_our_close(line: Line) -> None:
    """Neither frames nor pongs."""
    line.socket.close(1008, "removed")
    said = line.transport.taken
    await line.send()
    line.ear.hear(masked(0x80 | PING, b"x"))
    await asyncio.sleep(0)
    assert line.transport.taken == said
    assert not line.socket.ping()
    assert not line.socket.check_pong()


@pytest.mark.parametrize(
    ("payload", "answer"),
    [(b"", server_frame(CLOSE, b"")), (b"\x03\xe8bye", close_frame(1000, ""))],
)
async def test_peer_that_closes_is_answered_with_its_code(
    line: Line, payload: bytes, answer: bytes
) -> None:
    """RFC 6455, section 5.5.1."""
    line.ear.hear(masked(0x80 | CLOSE, payload))
    assert line.transport.taken == answer
    assert line.transport.ended == "closed"


async def test_ping_of_the_peer_is_answered(line: Line) -> None:
    """With its own payload, once a turn."""
    line.ear.hear(masked(0x80 | PING, b"a") + masked(0x80 | PING, b"b"))
    await asyncio.sleep(0)
    assert line.transport.taken == server_frame(PONG, b"a") + server_frame(PONG, b"b")


async def test_pings_beyond_a_few_in_one_turn_get_the_newest_pong(line: Line) -> None:
    """RFC 6455, section 5.5.3: what is owed does not pile up."""
    for number in range(MAX_PONGS + 5):
        line.ear.hear(masked(0x80 | PING, b"%d" % number))
    await asyncio.sleep(0)
    answered = [*range(MAX_PONGS), MAX_PONGS + 4]
    pongs = b"".join(server_frame(PONG, b"%d" % number) for number in answered)
    assert line.transport.taken == pongs
    assert line.socket.sent_bytes == len(pongs)
    line.ear.hear(masked(0x80 | PING, b"again"))
    await asyncio.sleep(0)
    assert line.transport.taken == pongs + server_frame(PONG, b"again")


async def test_peer_that_answers_pings_stays(line: Line) -> None:
    """And one that does not is dropped."""
    assert line.socket.ping()
    line.ear.hear(masked(0x80 | PONG))
    assert line.socket.check_pong()
    assert line.socket.ping()
    assert not line.socket.check_pong()
    assert line.transport.ended == "aborted"


async def test_full_peer_must_take_something_between_pings(line: Line) -> None:
    """It cannot answer, since it is not read from: that it takes something is its answer."""
    line.transport.stuck = True
    await line.send(b"x" * 2000)
    line.ear.pause_writing()
    assert line.socket.ping()
    line.transport.taken, line.transport.waiting = b"x", line.transport.waiting[1:]
    assert line.socket.check_pong()
    assert line.socket.ping()
    assert not line.socket.check_pong()


async def test_socket_closed_before_it_began_only_waits_for_the_end(wire: Wire) -> None:
    """What came early is not handled any more."""
    transport, client = FakeTransport(), FakeClient()
    socket = WireSocket(wire, transport, ServerState(), masked(0x81, b"early"))
    transport.pause_reading()
    socket.close(1008, "too_many_connections")
    socket.begin(client)
    assert (client.told, transport.reading) == ([], True)


async def test_close_on_a_closing_transport_sends_nothing(line: Line) -> None:
    """There is nobody to say goodbye to."""
    line.transport.close()
    line.socket.close(1008, "removed")
    assert line.transport.taken == b""


async def test_shutdown_drops_whoever_is_left(line: Line) -> None:
    """Rooms were drained before."""
    line.socket.shutdown()
    assert line.transport.ended == "aborted"


async def test_socket_begun_after_its_end_hears_nobody(line: Line) -> None:
    """Its transport is gone, and with it whatever was to be heard."""
    line.ear.connection_lost(None)
    late = FakeClient()
    line.socket.begin(late)
    line.socket.deafen()
    assert (late.told, line.transport.protocol) == ([], line.ear)


async def test_lost_socket_and_its_ear_keep_nothing_alive(line: Line) -> None:
    """They know each other until the end; a circle of thousands would wait for the collector."""
    assert line.ear in gc.get_referents(line.socket)
    line.ear.connection_lost(None)
    assert line.ear not in gc.get_referents(line.socket)
