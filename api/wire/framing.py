"""WebSocket frames of a client (RFC 6455, section 5), read from whatever pieces TCP brings.

Pure. uvicorn has a reader too (websockets' generator): this one costs a fifth of its time a
frame and a tenth of its memory a connection, and bounds what a half-sent message may hold.
"""

from collections.abc import Iterator
from typing import NamedTuple

from websockets.speedups import apply_mask

from ..live.encoding import Frames

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MAX_CONTROL_BYTES = 125


class Fault(Exception):  # noqa: N818 - the peer's fault, not an error of ours
    """The client broke the protocol.

    Args:
        code: of `errors.CODES`: `bad_framing`, `bad_utf8`, `too_big`, `fragment_limit`.
        detail: what was wrong, for people.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Message(NamedTuple):
    """A whole message or a control frame; CONT: a fragment that ends no message, empty or not."""

    opcode: int
    data: bytes


class FrameReader:
    """Turns bytes into messages.

    Args:
        max_bytes: of one message, all its fragments together.
        max_fragments: of one message; an empty one counts too, since it costs as much.
    """

    __slots__ = (
        "_buffer",
        "_fragments",
        "_max_bytes",
        "_max_fragments",
        "_opcode",
        "_size",
        "has_more",  # A frame is whole, and would have cost more than what was left of the share.
    )

    def __init__(self, *, max_bytes: int, max_fragments: int) -> None:
        self._max_bytes = max_bytes
        self._max_fragments = max_fragments
        self._buffer: bytes | bytearray = b""  # What has come and was not taken yet.
        self._opcode = CONT  # Of the message whose fragments are being collected; CONT: none.
        self._fragments: list[bytes] | None = None
        self._size = 0
        self.has_more = False

    @property
    def is_partial(self) -> bool:
        """Whether a message has begun that has not ended."""
        return bool(self._buffer) or self._fragments is not None

    def add(self, data: bytes) -> None:
        """Bytes, as TCP brought them; `take` reads them."""
        if not self._buffer:
            self._buffer = data
            return
        # Not `+` of two bytes: a large frame in pieces of one byte would be copied for each.
        if not isinstance(self._buffer, bytearray):
            self._buffer = bytearray(self._buffer)
        self._buffer += data

    def take(self, share: int, *, may_exceed: bool) -> Iterator[tuple[Message, int]]:
        """The frames that are here, and what each costs, until a share is used up.

        Args:
            share: of this turn.
            may_exceed: whether the first may cost more: its time has come.

        Raises:
            Fault: while iterating, after the messages that came before the fault.
        """
        data, start = self._buffer, 0
        self.has_more = False
        while share > 0 and len(data) - start >= 2:
            frame = self._frame(data, start)
            if frame is None:
                break
            opcode, final, payload, stop = frame
            cost = 1 + (stop - start) // 1024
            if cost > share and not may_exceed:
                self.has_more = True
                break
            may_exceed = False
            share, start = share - cost, stop
            yield self._message(opcode, payload, final=final), cost
        if start:
            self._buffer = bytes(data[start:])

    def _frame(self, data: bytes | bytearray, start: int) -> tuple[int, bool, bytes, int] | None:
        """One frame from `start`: opcode, final, payload, where it ends; None: not all there."""
        first, second = data[start], data[start + 1]
        opcode = first & 0x0F
        if first not in _WHOLE or second < 0x80 or self._fragments is not None:
            self._check_head(first, second)
        size, head = second & 0x7F, 2
        if size == 126:
            size, head = int.from_bytes(data[start + 2 : start + 4]), 4
        elif size == 127:
            size, head = int.from_bytes(data[start + 2 : start + 10]), 10
        if len(data) - start < head:
            return None
        # Before the payload is there: nobody has to hold what will be refused.
        if self._size + size > self._max_bytes and opcode < CLOSE:
            raise Fault("too_big", "the message is too big")
        begin = start + head + 4
        stop = begin + size
        if len(data) < stop:
            return None
        mask = data[begin - 4 : begin]
        return opcode, bool(first & 0x80), apply_mask(data[begin:stop], mask), stop

    def _check_head(self, first: int, second: int) -> None:
        opcode = first & 0x0F
        if first & 0x70:
            raise Fault("bad_framing", "reserved bits are set")
        if opcode not in _OPCODES:
            raise Fault("bad_framing", "unknown opcode")
        if not second & 0x80:
            raise Fault("bad_framing", "frames of a client must be masked")
        if opcode >= CLOSE and (not first & 0x80 or second & 0x7F > MAX_CONTROL_BYTES):
            raise Fault("bad_framing", "control frames are short and whole")
        if (opcode == CONT) != (self._fragments is not None) and opcode < CLOSE:
            raise Fault("bad_framing", "a continuation without a beginning, or the reverse")

    def _message(self, opcode: int, payload: bytes, *, final: bool) -> Message:
        if final and opcode != CONT:
            return Message(opcode, payload)
        if opcode != CONT:
            self._opcode, self._fragments = opcode, []
        fragments = self._fragments if self._fragments is not None else []
        fragments.append(payload)
        self._size += len(payload)
        if len(fragments) > self._max_fragments:
            raise Fault("fragment_limit", "too many fragments")
        if not final:
            return Message(CONT, payload)
        message = Message(self._opcode, b"".join(fragments))
        self._opcode, self._fragments, self._size = CONT, None, 0
        return message


_OPCODES = frozenset({CONT, TEXT, BINARY, CLOSE, PING, PONG})
# The first bytes of messages in one frame: almost all that clients send.
_WHOLE = frozenset({0x80 | TEXT, 0x80 | BINARY})


def read_close(payload: bytes) -> int:
    """The code of a client's close frame; 1005: it gave none (section 7.1.5).

    Raises:
        Fault: for codes that must not be sent (section 7.4), and reasons that are no text.
    """
    if not payload:
        return 1005
    code = int.from_bytes(payload[:2])
    if len(payload) == 1 or not _may_be_sent(code):
        raise Fault("bad_framing", "invalid close code")
    check_text(payload[2:])
    return code


def check_text(data: bytes) -> None:
    """Raise Fault unless the bytes are UTF-8 (section 8.1)."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Fault("bad_utf8", "a text that is not UTF-8") from error


def _may_be_sent(code: int) -> bool:
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in {1004, 1005, 1006})


def server_frame(opcode: int, payload: bytes) -> bytes:
    """A whole, unmasked frame: the same bytes for everybody who gets it."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2) + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8) + payload


def on_the_wire(frames: Frames) -> bytes:
    """Whole, unmasked frames (RFC 6455, section 5.2), made once and then shared."""
    if frames.wire is None:
        frames.wire = b"".join(
            [server_frame(TEXT if frame.is_text else BINARY, frame.data) for frame in frames.frames]
        )
    return frames.wire


def close_frame(code: int, reason: str) -> bytes:
    """A close frame; the reason is one of our short codes."""
    return server_frame(CLOSE, code.to_bytes(2) + reason.encode())
