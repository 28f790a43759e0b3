"""A socket on a transport, both of them in hand: what a network does too rarely to wait for."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, cast

import pytest
from uvicorn.server import ServerState

from api.live.encoding import Frame, Frames
from api.settings import Settings
from api.wire.framing import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, server_frame
from api.wire.turns import INTAKE_BYTES, SHARE, WAITING_SHARE
from api.wire.websocket import MAX_PONGS, Wire, WireSocket
from tests.live.world import until
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
        self.retry_after: float | None = None

    def received(self, data: bytes, *, is_text: bool) -> None:
        if self.fails:
            raise RuntimeError("a handler that fails")
        self.told.append((data, is_text))

    def drained(self) -> None:
        self.told.append("drained")

    def failed(self, failure_id: str) -> None:
        self.told.append(("failed", len(failure_id)))

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        self.told.append(("broke", code))
        self.retry_after = retry_after

    def lost(self) -> None:
        self.told.append("lost")


def arrive(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """Bytes come, as a transport brings them."""
    buffer = protocol.get_buffer(-1)
    assert isinstance(buffer, memoryview)
    buffer[: len(data)] = data
    protocol.buffer_updated(len(data))


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


async def read_on(line: Line, each_turn: Callable[[], None] = lambda: None) -> None:
    """Let turns of the loop pass until the socket is read from again."""
    while not line.transport.reading:
        await asyncio.sleep(0)
        each_turn()


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
    line.socket.hear(masked(0x82, b"in"))
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


async def test_close_of_a_full_socket_waits_for_the_end(line: Line) -> None:
    """Reading was stopped while it was full; the end of the peer's half must still be seen."""
    line.socket.pause_writing()
    line.socket.close(1013, "slow_consumer")
    line.socket.close(1000, "twice")
    assert line.transport.reading
    assert line.transport.taken == close_frame(1013, "slow_consumer") + b"<eof>"
    line.socket.pause_writing()
    assert line.transport.reading
    line.socket.resume_writing()
    assert line.client.told == []


async def test_nothing_follows_our_close(line: Line) -> None:
    """Neither frames nor pongs."""
    line.socket.close(1008, "removed")
    said = line.transport.taken
    await line.send()
    line.socket.hear(masked(0x80 | PING, b"x"))
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
    line.socket.hear(masked(0x80 | CLOSE, payload))
    assert line.transport.taken == answer
    assert line.transport.ended == "closed"


async def test_ping_of_the_peer_is_answered(line: Line) -> None:
    """With its own payload, once a turn."""
    line.socket.hear(masked(0x80 | PING, b"a") + masked(0x80 | PING, b"b"))
    await asyncio.sleep(0)
    assert line.transport.taken == server_frame(PONG, b"a") + server_frame(PONG, b"b")


async def test_pings_beyond_a_few_in_one_turn_get_the_newest_pong(line: Line) -> None:
    """RFC 6455, section 5.5.3: what is owed does not pile up."""
    for number in range(MAX_PONGS + 5):
        line.socket.hear(masked(0x80 | PING, b"%d" % number))
    await asyncio.sleep(0)
    answered = [*range(MAX_PONGS), MAX_PONGS + 4]
    pongs = b"".join(server_frame(PONG, b"%d" % number) for number in answered)
    assert line.transport.taken == pongs
    assert line.socket.sent_bytes == len(pongs)
    line.socket.hear(masked(0x80 | PING, b"again"))
    await asyncio.sleep(0)
    assert line.transport.taken == pongs + server_frame(PONG, b"again")


async def test_peer_that_answers_pings_stays(line: Line) -> None:
    """And one that does not is dropped."""
    assert line.socket.ping()
    line.socket.hear(masked(0x80 | PONG))
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
    early.socket.hear(masked(0x81, b"second")[3:])
    assert early.client.told[1:] == [(b"second", True)]


async def test_more_than_a_share_waits_for_later_turns(line: Line) -> None:
    """Of many frames in one read a share is handled in each turn; nothing is read meanwhile."""
    frames = [b"%d" % number for number in range(3 * SHARE)]
    arrive(line.socket, b"".join(masked(0x81, frame) for frame in frames))
    handled = [len(line.client.told)]
    assert not line.transport.reading
    await read_on(line, lambda: handled.append(len(line.client.told)))
    assert handled[0] == SHARE
    assert max(after - before for before, after in itertools.pairwise(handled)) == SHARE
    assert line.client.told == [(frame, True) for frame in frames]


async def test_several_reads_of_one_turn_share_it(line: Line) -> None:
    """A transport may read more than once before anybody else is heard."""
    arrive(line.socket, masked(0x81, b"x") * (SHARE - 1))
    assert (len(line.client.told), line.transport.reading) == (SHARE - 1, True)
    arrive(line.socket, masked(0x81, b"y") * 2)
    assert len(line.client.told) == SHARE
    assert not line.transport.reading
    await read_on(line)
    assert len(line.client.told) == SHARE + 1


async def test_bytes_that_come_while_others_wait_wait_behind_them(line: Line) -> None:
    """A transport may have read them before it was paused; nothing overtakes."""
    arrive(line.socket, masked(0x81, b"x") * (SHARE + 1))
    arrive(line.socket, masked(0x81, b"last"))
    assert len(line.client.told) == SHARE
    await read_on(line)
    assert line.client.told[SHARE:] == [(b"x", True), (b"last", True)]


async def test_socket_of_nobody_tells_nobody(wire: Wire) -> None:
    """Between the hand-over and the close nobody has to be told of what comes."""
    transport = FakeTransport()
    socket = WireSocket(wire, transport, ServerState())
    socket.begin(None)
    socket.hear(masked(0x81, b"x") + masked(0x83))
    assert not transport.reading
    socket.close(1008, "removed")
    assert transport.taken == close_frame(1008, "removed") + b"<eof>"


async def test_socket_closed_before_it_began_only_waits_for_the_end(wire: Wire) -> None:
    """What came early is not handled any more."""
    transport, client = FakeTransport(), FakeClient()
    socket = WireSocket(wire, transport, ServerState(), masked(0x81, b"early"))
    transport.pause_reading()
    socket.close(1008, "too_many_connections")
    socket.begin(client)
    assert (client.told, transport.reading) == ([], True)


async def test_share_used_up_exactly_ends_the_turn(wire: Wire) -> None:
    """What comes after it in the same turn waits, although nothing was left over before."""
    line = Line(wire)
    wire.turns.spend(line.socket, SHARE)
    arrive(line.socket, masked(0x81, b"x"))
    assert (line.client.told, line.transport.reading) == ([], False)
    await read_on(line)
    assert line.client.told == [(b"x", True)]


async def test_peer_with_little_to_say_is_heard_beside_many_with_much(wire: Wire) -> None:
    """Whoever had more than a share goes on later, in turn with its like."""
    floods, quiet = [Line(wire) for _ in range(5)], Line(wire)
    for flood in floods:
        arrive(flood.socket, masked(0x81, b"x") * 10 * SHARE)
    for turn in range(4):
        arrive(quiet.socket, masked(0x81, b"%d" % turn))
        assert quiet.client.told[-1] == (b"%d" % turn, True)
        before = sum(len(flood.client.told) for flood in floods)
        await asyncio.sleep(0)
        handled = sum(len(flood.client.told) for flood in floods) - before
        assert handled == WAITING_SHARE
    counts = [len(flood.client.told) for flood in floods]
    assert max(counts) - min(counts) <= SHARE


async def test_full_socket_hears_nothing_that_was_left_over(line: Line) -> None:
    """Who takes no answers gives no commands, however many have come already."""
    arrive(line.socket, masked(0x81, b"x") * (SHARE + 1))
    line.socket.pause_writing()
    line.socket.hear(masked(0x81, b"y"))
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(line.client.told) == SHARE
    assert not line.transport.reading
    line.socket.resume_writing()
    await read_on(line)
    assert line.client.told[SHARE:] == ["drained", (b"x", True), (b"y", True)]


@pytest.mark.parametrize(
    ("first", "frame"),
    [
        (b"", masked(0x80 | PING)),
        (b"", masked(0x80 | PONG, b"x")),
        (masked(TEXT, b"x", final=False), masked(CONT, final=False)),
        (masked(TEXT, b"x", final=False), masked(0x80 | PING)),
    ],
    ids=["ping", "pong", "empty-fragment", "ping-within-a-message"],
)
async def test_control_frames_beyond_their_rate_are_the_end(
    wire: Wire, first: bytes, frame: bytes
) -> None:
    """Pings, pongs and empty fragments: libraries send one or two a second."""
    few = Wire(wire.settings.model_copy(update={"control_rate": 0.001, "control_burst": 3}))
    line = Line(few)
    line.socket.hear(first + frame * 3)
    assert line.client.told == []
    line.socket.hear(frame + masked(0x81, b"in the same read"))
    assert line.client.told == [("broke", "rate_limited")]
    assert line.client.retry_after is not None


async def test_peer_that_goes_on_sending_after_the_close_is_read_no_more(line: Line) -> None:
    """A bounded number of bytes is thrown away; then it has a moment to read why, and is gone."""
    line.socket.close(1008, "rate_limited")
    while line.transport.reading:
        arrive(line.socket, bytes(INTAKE_BYTES))
    await until(lambda: line.transport.ended == "aborted")


async def test_deaf_socket_still_sends(line: Line) -> None:
    """What was taken is answered before the close."""
    arrive(line.socket, masked(0x81, b"x") * (SHARE + 1))
    line.socket.deafen()
    line.socket.deafen()
    line.socket.go_on(SHARE)
    await line.send()
    assert (len(line.client.told), line.transport.reading) == (SHARE, False)
    assert line.transport.taken == server_frame(BINARY, b"x")


async def test_message_after_message_is_never_too_slow(line: Line) -> None:
    """Each read may end within a message, as long as another one has ended."""
    first, second = masked(0x81, b"first"), masked(0x81, b"second")
    line.socket.hear(first[:3])
    begun = line.socket._message_since
    line.socket.hear(first[3:4])
    assert line.socket._message_since == begun
    line.socket.hear(first[4:] + second[:3])
    assert begun is not None
    assert line.socket._message_since != begun


async def test_handler_that_fails_is_told_with_an_id(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """1011 with an id that is also in the log, where uvicorn would end with a bare 1006."""
    line.client.fails = True
    line.socket.hear(masked(0x81, b"x"))
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
    """Neither what came with it nor what comes later."""
    line.socket.hear(data + masked(0x81, b"x"))
    line.socket.hear(masked(0x81, b"y"))
    assert line.client.told == [("broke", code)]


async def test_close_on_a_closing_transport_sends_nothing(line: Line) -> None:
    """There is nobody to say goodbye to."""
    line.transport.close()
    line.socket.close(1008, "removed")
    assert line.transport.taken == b""


async def test_lost_connection_is_told_once_and_leaves_the_list(line: Line) -> None:
    """And whatever still comes in is nobody's."""
    assert len(line.state.connections) == 1
    line.socket.connection_lost(None)
    line.socket.connection_lost(None)
    line.socket.hear(masked(0x81, b"x") + masked(0x83))
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
