"""A socket on a transport, both of them in hand: what a network does too rarely to wait for."""

import asyncio
from typing import Any, cast

import pytest
from uvicorn.server import ServerState

from api.rooms.protocol import Frame, Frames
from api.settings import Settings
from api.wire.framing import BINARY, CLOSE, PING, PONG, TEXT, close_frame, server_frame
from api.wire.websocket import Wire, WireSocket
from tests.wire.test_framing import masked

pytestmark = pytest.mark.anyio


class FakeTransport(asyncio.Transport):
    """Takes everything at once, or nothing; `taken` is what the peer has."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""
        self.waiting = b""
        self.stuck = False
        self.reading = True
        self.ended = ""
        self.fails = False

    def write(self, data: object) -> None:
        if self.fails:
            raise RuntimeError("a transport that fails")
        self.waiting += cast(bytes, data)
        self.move()

    def move(self) -> None:
        """The peer takes what waits, unless it is stuck."""
        if not self.stuck:
            self.taken, self.waiting = self.taken + self.waiting, b""

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del high, low

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_protocol(self, protocol: object) -> None:
        del protocol

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def write_eof(self) -> None:
        self.taken += b"<eof>"


class FakeClient:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.fails = False

    def received(self, data: bytes, *, is_text: bool) -> None:
        if self.fails:
            raise RuntimeError("a handler that fails")
        self.told.append((data, is_text))

    def drained(self) -> None:
        self.told.append("drained")

    def failed(self, failure_id: str) -> None:
        self.told.append(("failed", len(failure_id)))

    def broke(self, code: str) -> None:
        self.told.append(("broke", code))

    def lost(self) -> None:
        self.told.append("lost")


class Line:
    """A socket, its transport, its client, and the wire that they share with others."""

    def __init__(self, wire: Wire, *, early: bytes = b"") -> None:
        self.wire = wire
        self.transport = FakeTransport()
        self.client = FakeClient()
        self.state = ServerState()
        self.socket = WireSocket(wire, self.transport, self.state, early)
        self.socket.begin(self.client)

    async def send(self, data: bytes = b"x") -> None:
        """Give the socket a frame, and let the turn of the loop end."""
        self.socket.send(Frames([Frame(data, is_text=False)]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture
def wire(settings: Settings) -> Wire:
    """With a write buffer of a kilobyte."""
    return Wire(settings.model_copy(update={"write_buffer_bytes": 1024}))


@pytest.fixture
async def line(wire: Wire) -> Line:
    """A client that has just been let in."""
    return Line(wire)


async def test_what_is_sent_in_one_turn_leaves_in_one_write(line: Line) -> None:
    """Frames of one turn are joined, in their order."""
    line.socket.data_received(masked(0x82, b"in"))
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


async def test_full_transport_takes_no_commands_until_it_has_drained(line: Line) -> None:
    """Who does not read is not read from."""
    line.transport.stuck = True
    await line.send(b"x" * 2000)
    line.socket.pause_writing()
    assert (line.socket.is_full, line.transport.reading) == (True, False)
    line.transport.stuck = False
    line.transport.move()
    line.socket.resume_writing()
    assert (line.socket.is_full, line.transport.reading) == (False, True)
    assert "drained" in line.client.told


async def test_transport_that_drains_while_it_closes_tells_nobody(line: Line) -> None:
    """There is nothing left to give."""
    line.socket.pause_writing()
    line.transport.close()
    line.socket.resume_writing()
    assert line.client.told == []


async def test_close_of_a_full_socket_listens_for_the_answer(line: Line) -> None:
    """Reading was stopped while it was full; the peer's close frame must still be heard."""
    line.socket.pause_writing()
    line.socket.close(1013, "slow_consumer")
    line.socket.close(1000, "twice")
    assert line.transport.reading
    assert line.transport.taken == close_frame(1013, "slow_consumer")
    line.socket.pause_writing()
    assert line.transport.reading
    line.socket.data_received(masked(0x80 | CLOSE, b"\x03\xf5"))
    assert line.transport.ended == "closed"


async def test_nothing_follows_our_close(line: Line) -> None:
    """Neither frames nor pongs."""
    line.socket.close(1008, "removed")
    said = line.transport.taken
    await line.send()
    line.socket.data_received(masked(0x80 | PING, b"x"))
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
    line.socket.data_received(masked(0x80 | CLOSE, payload))
    assert line.transport.taken == answer
    assert line.transport.ended == "closed"


async def test_ping_of_the_peer_is_answered(line: Line) -> None:
    """With its own payload, once a turn."""
    line.socket.data_received(masked(0x80 | PING, b"a") + masked(0x80 | PING, b"b"))
    await asyncio.sleep(0)
    assert line.transport.taken == server_frame(PONG, b"a") + server_frame(PONG, b"b")


async def test_peer_that_answers_pings_stays(line: Line) -> None:
    """And one that does not is dropped."""
    assert line.socket.ping()
    line.socket.data_received(masked(0x80 | PONG))
    assert line.socket.check_pong()
    assert line.socket.ping()
    assert not line.socket.check_pong()
    assert line.transport.ended == "aborted"


async def test_full_peer_must_take_something_between_pings(line: Line) -> None:
    """It cannot answer, since it is not read from: that it takes something is its answer."""
    line.transport.stuck = True
    await line.send(b"x" * 2000)
    line.socket.pause_writing()
    assert line.socket.ping()
    line.transport.taken, line.transport.waiting = b"x", line.transport.waiting[1:]
    assert line.socket.check_pong()
    assert line.socket.ping()
    assert not line.socket.check_pong()


async def test_frames_before_the_answer_are_heard_after_it(wire: Wire) -> None:
    """RFC 6455, section 4.1: a client waits for the answer. Nothing is lost if it does not."""
    early = Line(wire, early=masked(0x81, b"first") + masked(0x81, b"second")[:3])
    assert early.client.told == [(b"first", True)]
    early.socket.data_received(masked(0x81, b"second")[3:])
    assert early.client.told[1:] == [(b"second", True)]


async def test_handler_that_fails_is_told_with_an_id(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """1011 with an id that is also in the log, where uvicorn would end with a bare 1006."""
    line.client.fails = True
    line.socket.data_received(masked(0x81, b"x"))
    assert line.client.told == [("failed", 8)]
    assert "could not be handled" in caplog.text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(0x81, b"\xff"), "bad_utf8"),
        (masked(0x80 | CLOSE, b"\x03\xe8\xff"), "bad_utf8"),
        (masked(0x83), "bad_framing"),
    ],
)
async def test_fault_is_told_and_nothing_more_is_heard(line: Line, data: bytes, code: str) -> None:
    """The rest is read and thrown away, so that no reset overtakes our last words."""
    line.socket.data_received(data + masked(0x81, b"x"))
    line.socket.data_received(masked(0x81, b"y"))
    assert line.client.told == [("broke", code)]
    assert line.transport.taken == b"<eof>"


async def test_fault_on_a_closing_transport_is_only_told(line: Line) -> None:
    """There is nobody to say goodbye to."""
    line.transport.close()
    line.socket.data_received(masked(0x83))
    assert line.transport.taken == b""


async def test_lost_connection_is_told_once_and_leaves_the_list(line: Line) -> None:
    """And whatever still comes in is nobody's."""
    assert len(line.state.connections) == 1
    line.socket.connection_lost(None)
    line.socket.connection_lost(None)
    line.socket.data_received(masked(0x81, b"x") + masked(0x83))
    assert line.client.told == ["lost"]
    assert not line.state.connections
    assert not line.socket.eof_received()


async def test_shutdown_drops_whoever_is_left(line: Line) -> None:
    """Rooms were drained before."""
    line.socket.shutdown()
    assert line.transport.ended == "aborted"


async def test_lost_client_is_not_told_of_a_drain(line: Line) -> None:
    """The drain was due in the next turn, and the connection has ended in this one."""
    line.socket.send(Frames([Frame(b"x" * 2000, is_text=False)]))
    line.socket.flush()
    line.socket.connection_lost(None)
    await asyncio.sleep(0)
    assert line.client.told == ["lost"]
