"""Frames of a client, from whatever pieces: against websockets' own parser as the oracle."""

import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol, State

from api.errors import CODES
from api.wire.framing import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    TEXT,
    Fault,
    FrameReader,
    Message,
    close_frame,
    read_close,
    server_frame,
)

MAX_BYTES = 1000
MAX_FRAGMENTS = 8
SHARE = 3


def reader() -> FrameReader:
    """A reader with small limits."""
    return FrameReader(max_bytes=MAX_BYTES, max_fragments=MAX_FRAGMENTS)


def masked(opcode: int, payload: bytes = b"", *, final: bool = True, rsv: int = 0) -> bytes:
    """A frame as a client sends it, right or wrong."""
    head, *rest = server_frame(opcode, payload)[: -len(payload) or None]
    first = (head if final else head & 0x7F) | rsv << 4
    key = b"\x01\x02\x03\x04"
    data = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    return bytes((first, rest[0] | 0x80, *rest[1:])) + key + data


def fed(subject: FrameReader, data: bytes) -> Iterator[Message]:
    """The messages that end in a piece, in turns of a few frames."""
    subject.add(data)
    found = True
    while found:
        found = False
        for message, _ in subject.take(SHARE, may_exceed=True):
            found = True
            if message.opcode != CONT:
                yield message


def read(data: bytes, cuts: list[int] | None = None) -> tuple[list[Message], int | None]:
    """The messages in the bytes, given in pieces, and the code of the fault that ended them."""
    places = [0, *sorted(cuts or ()), len(data)]
    messages: list[Message] = []
    subject = reader()
    try:
        for start, stop in itertools.pairwise(places):
            messages.extend(fed(subject, data[start:stop]))
    except Fault as fault:
        return messages, CODES[fault.code].close_code
    return messages, None


def oracle(data: bytes) -> tuple[list[Message], int | None]:
    """What websockets makes of the same bytes."""
    protocol = Protocol(SERVER, state=State.OPEN, max_size=MAX_BYTES)
    protocol.receive_data(data)
    messages: list[Message] = []
    fragments: list[bytes] = []
    opcode = CONT
    for frame in protocol.events_received():
        assert isinstance(frame, Frame)
        if frame.opcode >= CLOSE:
            messages.append(Message(frame.opcode, bytes(frame.data)))
            continue
        opcode = opcode if frame.opcode == CONT else frame.opcode
        fragments.append(bytes(frame.data))
        if frame.fin:
            messages.append(Message(opcode, b"".join(fragments)))
            fragments = []
    code = protocol.close_sent.code if protocol.parser_exc and protocol.close_sent else None
    return messages, code


FRAMES = st.builds(
    masked,
    st.sampled_from([CONT, TEXT, BINARY, PING, 0xA]),
    st.binary(max_size=130),  # Never too big together: what is both too big and wrong is either.
    final=st.booleans(),
    rsv=st.sampled_from([0] * 20 + [1, 4]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAMES, max_size=6), st.lists(st.integers(0, 1500), max_size=6))
def test_any_frames_in_any_pieces_read_as_websockets_reads_them(
    frames: list[bytes], cuts: list[int]
) -> None:
    """Messages and close code are those of a parser that has been used for years."""
    data = b"".join(frames)
    assert read(data, [cut for cut in cuts if cut < len(data)]) == oracle(data)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_end_in_messages_or_a_fault(data: bytes) -> None:
    """Nothing else than a fault ever comes out, and it is the oracle's."""
    messages, code = read(data)
    expected, expected_code = oracle(data)
    # A head that is refused is refused at once: the oracle waits for the rest of it.
    assert messages == expected[: len(messages)]
    assert code in {None, 1002, 1008, 1009}
    if expected_code is not None and not any(message.opcode == CLOSE for message in messages):
        assert code is not None


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 999, 1000])
def test_message_up_to_the_limit_is_read(size: int) -> None:
    """Every form of the length counts."""
    assert read(masked(BINARY, b"x" * size)) == ([Message(BINARY, b"x" * size)], None)


def test_message_over_the_limit_is_refused_before_it_is_there() -> None:
    """The head alone suffices: nobody holds what will be refused."""
    head = masked(BINARY, b"x" * 1001)[:8]
    assert read(head) == ([], 1009)


def test_length_of_eight_bytes_is_read() -> None:
    """The longest form, of a message that is too big."""
    assert read(masked(BINARY, b"x" * 70_000)[:14]) == ([], 1009)


def test_fragments_over_the_limit_together_are_refused() -> None:
    """The limit is on the message, not on its frames."""
    first = masked(TEXT, b"x" * 600, final=False)
    assert read(first + masked(CONT, b"x" * 600)) == ([], 1009)


def test_too_many_fragments_are_refused_even_when_empty() -> None:
    """Each costs memory, whatever is in it."""
    flood = masked(TEXT, final=False) + masked(CONT, final=False) * MAX_FRAGMENTS
    assert read(flood) == ([], 1008)


def test_share_used_up_leaves_the_rest() -> None:
    """A frame costs 1, and 1 more for each KiB; fragments count as much as messages do.

    One that costs more than what is left of a share waits, and goes first in the next.
    """
    subject = FrameReader(max_bytes=5000, max_fragments=MAX_FRAGMENTS)
    subject.add(masked(TEXT, b"a", final=False) + masked(PING) + masked(CONT, b"b"))
    subject.add(masked(BINARY, bytes(2048)) + masked(PING, b"last"))
    turns = [
        [(message.opcode, cost) for message, cost in subject.take(share, may_exceed=True)]
        for share in (2, 2, 2, 9, 9)
    ]
    assert turns == [[(CONT, 1), (PING, 1)], [(TEXT, 1)], [(BINARY, 3)], [(PING, 1)], []]


def test_half_a_message_is_partial_until_it_ends() -> None:
    """What the clock watches."""
    subject = reader()
    frame = masked(TEXT, b"hello")
    pieces = [frame[:4], frame[4:], masked(TEXT, b"a", final=False), masked(CONT, b"b")]
    partial = [(len(list(fed(subject, piece))), subject.is_partial) for piece in pieces]
    assert partial == [(0, True), (1, False), (0, True), (1, False)]


def test_long_run_of_random_pieces_loses_nothing() -> None:
    """A thousand messages in random pieces come out as they went in."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    bodies = [bytes([index % 256]) * chance.randrange(200) for index in range(1000)]
    data = b"".join(masked(BINARY, body) for body in bodies)
    cuts = [chance.randrange(len(data)) for _ in range(3000)]
    assert read(data, cuts) == ([Message(BINARY, body) for body in bodies], None)


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"", 1005), (b"\x03\xe8", 1000), (b"\x03\xf6bye", 1014), (b"\x0b\xb8", 3000)],
)
def test_close_of_a_client_has_its_code(payload: bytes, code: int) -> None:
    """1005 stands for none."""
    assert read_close(payload) == code


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x03", 1002),
        (b"\x03\xed", 1002),
        (b"\x00\x00", 1002),
        (b"\x13\x88", 1002),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_close_that_must_not_be_sent_is_a_fault(payload: bytes, code: int) -> None:
    """One byte, a reserved code, a code out of range, a reason that is no text."""
    with pytest.raises(Fault) as fault:
        read_close(payload)
    assert CODES[fault.value.code].close_code == code


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frame_of_the_server_is_what_websockets_would_send(size: int) -> None:
    """Byte for byte."""
    payload = b"x" * size
    assert server_frame(TEXT, payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_close_frame_has_code_and_reason() -> None:
    """As a client reads it."""
    assert close_frame(1008, "removed") == server_frame(CLOSE, b"\x03\xf0removed")
