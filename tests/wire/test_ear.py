"""What a client says, on a transport in hand: shares, rates, deadlines, and who is told."""

import asyncio
import itertools

import pytest
from uvicorn.server import ServerState

from api.live.encoding import Frame, Frames
from api.wire.ear import Ear
from api.wire.framing import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, server_frame
from api.wire.shared import Wire
from api.wire.turns import INTAKE_BYTES, SHARE, WAITING_SHARE
from api.wire.websocket import WireSocket
from tests.live.world import until
from tests.wire.line import FakeTransport, Line, arrive, read_on
from tests.wire.test_framing import masked

pytestmark = pytest.mark.anyio


async def test_full_transport_takes_no_commands_until_it_has_drained(line: Line) -> None:
    """Who does not read is not read from."""
    line.transport.stuck = True
    await line.send(b"x" * 2000)
    line.ear.pause_writing()
    assert (line.socket.is_full, line.transport.reading) == (True, False)
    line.transport.stuck = False
    line.transport.move()
    line.ear.resume_writing()
    assert (line.socket.is_full, line.transport.reading) == (False, True)
    assert "drained" in line.client.told


async def test_transport_that_drains_while_it_closes_tells_nobody(line: Line) -> None:
    """There is nothing left to give."""
    line.ear.pause_writing()
    line.transport.close()
    line.ear.resume_writing()
    assert line.client.told == []


async def test_frames_before_the_answer_are_heard_after_it(wire: Wire) -> None:
    """RFC 6455, section 4.1: a client waits for the answer. Nothing is lost if it does not."""
    early = Line(wire, early=masked(0x81, b"first") + masked(0x81, b"second")[:3])
    assert early.client.told == [(b"first", True)]
    early.ear.hear(masked(0x81, b"second")[3:])
    assert early.client.told[1:] == [(b"second", True)]


async def test_more_than_a_share_waits_for_later_turns(line: Line) -> None:
    """Of many frames in one read a share is handled in each turn; nothing is read meanwhile."""
    frames = [b"%d" % number for number in range(3 * SHARE)]
    arrive(line.ear, b"".join(masked(0x81, frame) for frame in frames))
    handled = [len(line.client.told)]
    assert not line.transport.reading
    await read_on(line, lambda: handled.append(len(line.client.told)))
    assert handled[0] == SHARE
    assert max(after - before for before, after in itertools.pairwise(handled)) == SHARE
    assert line.client.told == [(frame, True) for frame in frames]


async def test_several_reads_of_one_turn_share_it(line: Line) -> None:
    """A transport may read more than once before anybody else is heard."""
    arrive(line.ear, masked(0x81, b"x") * (SHARE - 1))
    assert (len(line.client.told), line.transport.reading) == (SHARE - 1, True)
    arrive(line.ear, masked(0x81, b"y") * 2)
    assert len(line.client.told) == SHARE
    assert not line.transport.reading
    await read_on(line)
    assert len(line.client.told) == SHARE + 1


async def test_bytes_that_come_while_others_wait_wait_behind_them(line: Line) -> None:
    """A transport may have read them before it was paused; nothing overtakes."""
    arrive(line.ear, masked(0x81, b"x") * (SHARE + 1))
    arrive(line.ear, masked(0x81, b"last"))
    assert len(line.client.told) == SHARE
    await read_on(line)
    assert line.client.told[SHARE:] == [(b"x", True), (b"last", True)]


async def test_socket_of_nobody_tells_nobody(wire: Wire) -> None:
    """Between the hand-over and the close nobody has to be told of what comes."""
    transport = FakeTransport()
    socket = WireSocket(wire, transport, ServerState())
    socket.begin(None)
    assert isinstance(transport.protocol, Ear)
    arrive(transport.protocol, masked(0x81, b"x") + masked(0x83))
    assert not transport.reading
    socket.close(1008, "removed")
    assert transport.taken == close_frame(1008, "removed") + b"<eof>"


async def test_share_used_up_exactly_ends_the_turn(wire: Wire) -> None:
    """What comes after it in the same turn waits, although nothing was left over before."""
    line = Line(wire)
    wire.turns.spend(line.ear, SHARE)
    arrive(line.ear, masked(0x81, b"x"))
    assert (line.client.told, line.transport.reading) == ([], False)
    await read_on(line)
    assert line.client.told == [(b"x", True)]


async def test_peer_with_little_to_say_is_heard_beside_many_with_much(wire: Wire) -> None:
    """Whoever had more than a share goes on later, in turn with its like."""
    floods, quiet = [Line(wire) for _ in range(5)], Line(wire)
    for flood in floods:
        arrive(flood.ear, masked(0x81, b"x") * 10 * SHARE)
    for turn in range(4):
        arrive(quiet.ear, masked(0x81, b"%d" % turn))
        assert quiet.client.told[-1] == (b"%d" % turn, True)
        before = sum(len(flood.client.told) for flood in floods)
        await asyncio.sleep(0)
        handled = sum(len(flood.client.told) for flood in floods) - before
        assert handled == WAITING_SHARE
    counts = [len(flood.client.told) for flood in floods]
    assert max(counts) - min(counts) <= SHARE


async def test_large_frames_of_many_peers_are_handled_one_a_turn(wire: Wire) -> None:
    """Each costs more than a share, and all of them are whole at the same time."""
    frame = masked(0x81, b"x" * (WAITING_SHARE * 1024 - 100))
    lines = [Line(wire) for _ in range(5)]
    for line in lines:
        for start in range(0, len(frame), INTAKE_BYTES):
            arrive(line.ear, frame[start : start + INTAKE_BYTES])
    handled = [sum(len(line.client.told) for line in lines)]
    while handled[-1] < len(lines):
        await asyncio.sleep(0)
        handled.append(sum(len(line.client.told) for line in lines))
    assert handled == [0, 1, 2, 3, 4, 5]


async def test_full_socket_hears_nothing_that_was_left_over(line: Line) -> None:
    """Who takes no answers gives no commands, however many have come already."""
    arrive(line.ear, masked(0x81, b"x") * (SHARE + 1))
    line.ear.pause_writing()
    line.ear.hear(masked(0x81, b"y"))
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(line.client.told) == SHARE
    assert not line.transport.reading
    line.ear.resume_writing()
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
    line.ear.hear(first + frame * 3)
    assert line.client.told == []
    line.ear.hear(frame + masked(0x81, b"in the same read"))
    assert line.client.told == [("broke", "rate_limited")]
    assert line.client.retry_after is not None


async def test_peer_that_goes_on_sending_after_the_close_is_read_no_more(line: Line) -> None:
    """A bounded number of bytes is thrown away; then it has a moment to read why, and is gone."""
    line.socket.close(1008, "rate_limited")
    while line.transport.reading:
        arrive(line.ear, bytes(INTAKE_BYTES))
    await until(lambda: line.transport.ended == "aborted")


async def test_deaf_socket_still_sends(line: Line) -> None:
    """What was taken is answered before the close."""
    arrive(line.ear, masked(0x81, b"x") * (SHARE + 1))
    line.socket.deafen()
    line.socket.deafen()
    line.ear.go_on(SHARE)
    await line.send()
    assert (len(line.client.told), line.transport.reading) == (SHARE, False)
    assert line.transport.taken == server_frame(BINARY, b"x")


async def test_message_after_message_is_never_too_slow(line: Line) -> None:
    """Each read may end within a message, as long as another one has ended."""
    first, second = masked(0x81, b"first"), masked(0x81, b"second")
    line.ear.hear(first[:3])
    begun = line.ear._message_since
    line.ear.hear(first[3:4])
    assert line.ear._message_since == begun
    line.ear.hear(first[4:] + second[:3])
    assert begun is not None
    assert line.ear._message_since != begun


async def test_handler_that_fails_is_told_with_an_id(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """1011 with an id that is also in the log, where uvicorn would end with a bare 1006."""
    line.client.fails = True
    line.ear.hear(masked(0x81, b"x"))
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
    line.ear.hear(data + masked(0x81, b"x"))
    line.ear.hear(masked(0x81, b"y"))
    assert line.client.told == [("broke", code)]


async def test_lost_connection_is_told_once_and_leaves_the_list(line: Line) -> None:
    """And whatever still comes in is nobody's."""
    assert len(line.state.connections) == 1
    line.ear.connection_lost(None)
    line.ear.connection_lost(None)
    line.ear.hear(masked(0x81, b"x") + masked(0x83))
    assert line.client.told == ["lost"]
    assert not line.state.connections
    assert not line.ear.eof_received()


async def test_lost_client_is_not_told_of_a_drain(line: Line) -> None:
    """The drain was due in the next turn, and the connection has ended in this one."""
    line.socket.send(Frames([Frame(b"x" * 2000, is_text=False)]))
    line.socket.flush()
    line.ear.connection_lost(None)
    await asyncio.sleep(0)
    assert line.client.told == ["lost"]
