"""The cases of the Autobahn test suite (25.10.1), by its numbers, as the bytes that are sent.

The suite itself needs Python 2. Without compression (12, 13), which is not negotiated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"
Frames = list[tuple[int, bytes]]


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, rsv: int = 0) -> bytes:
    """As a client sends it."""
    first = (0x80 if final else 0) | rsv << 4 | opcode
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((first, 0xFE)) + size.to_bytes(2)
    else:
        head = bytes((first, 0xFF)) + size.to_bytes(8)
    mask = int.from_bytes(MASK * (size // 4 + 1)) >> 8 * (4 - size % 4)
    return head + MASK + (int.from_bytes(payload) ^ mask).to_bytes(size)


def close(code: int, reason: bytes = b"") -> bytes:
    """A close frame, whatever is in it."""
    return frame(CLOSE, code.to_bytes(2) + reason)


def parts(opcode: int, *payloads: bytes) -> list[bytes]:
    """One message in fragments."""
    last = len(payloads) - 1
    return [
        frame(CONT if index else opcode, payload, final=index == last)
        for index, payload in enumerate(payloads)
    ]


@dataclass(frozen=True)
class Case:
    """What is sent, what has to be heard before the end, and with which codes it may end."""

    id: str
    sent: list[bytes]
    heard: Frames = field(default_factory=list)
    ends: tuple[int, ...] = ()
    """Of the server's own accord, or as the answer to a close of ours. Empty: we close last."""
    chop: int = 0
    """Bytes at once; 0: all in one piece."""
    may_miss: bool = False
    """What is heard before the end may be left out."""


def echo(number: str, sent: list[bytes], heard: Frames, chop: int = 0) -> Case:
    """All is answered, and then we close."""
    return Case(number, sent, heard, chop=chop)


def fault(number: str, sent: list[bytes], heard: Frames | None = None, **more: int) -> Case:
    """The server ends it for broken framing; what came before it may be answered, or not."""
    return Case(number, sent, heard or [], (1002,), may_miss=True, **more)


def sizes() -> Iterator[Case]:
    """1: messages of all kinds of lengths; 10: one in many fragments."""
    for group, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
        for index, size in enumerate((0, 125, 126, 127, 128, 65535, 65536, 65536), 1):
            payload, chop = byte * size, 997 if index == 8 else 0
            sent = [frame(opcode, payload)]
            yield echo(f"1.{group}.{index}", sent, [(opcode, payload)], chop)
    pieces = [b"*" * 1300] * 50 + [b"*" * 536]
    yield echo("10.1.1", parts(TEXT, *pieces), [(TEXT, b"*" * 65536)])


def pings() -> Iterator[Case]:
    """2: pings and pongs."""
    odd = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    for index, payload in enumerate((b"", b"Hello, world!", odd, b"\xfe" * 125), 1):
        yield echo(f"2.{index}", [frame(PING, payload)], [(PONG, payload)])
    yield fault("2.5", [frame(PING, b"\xfe" * 126)])
    yield echo("2.6", [frame(PING, b"\xfe" * 125)], [(PONG, b"\xfe" * 125)], 1)
    yield echo("2.7", [frame(PONG)], [])
    yield echo("2.8", [frame(PONG, b"unsolicited")], [])
    yield echo("2.9", [frame(PONG, b"unsolicited"), frame(PING, b"x")], [(PONG, b"x")])
    ten = [b"payload-%d" % number for number in range(10)]
    for index, chop in ((10, 0), (11, 1)):
        sent = [frame(PING, payload) for payload in ten]
        yield echo(f"2.{index}", sent, [(PONG, payload) for payload in ten], chop)


def reserved() -> Iterator[Case]:
    """3: reserved bits; 4: reserved opcodes."""
    hello, said = frame(TEXT, b"Hello, world!"), [(TEXT, b"Hello, world!")]
    ping = frame(PING)
    yield fault("3.1", [frame(TEXT, b"Hello, world!", rsv=1)])
    for index, rsv, chop in ((2, 2, 0), (3, 3, 21), (4, 4, 1)):
        sent = [hello, frame(TEXT, b"Hello, world!", rsv=rsv), ping]
        yield fault(f"3.{index}", sent, said, chop=chop)
    yield fault("3.5", [frame(BINARY, b"\0\xff\xfe", rsv=5)])
    yield fault("3.6", [frame(PING, b"Hello, world!", rsv=6)])
    yield fault("3.7", [frame(CLOSE, rsv=7)])
    for group, first in ((1, 3), (2, 11)):
        yield fault(f"4.{group}.1", [frame(first)])
        yield fault(f"4.{group}.2", [frame(first + 1, b"reserved opcode payload")])
        for index, chop in ((3, 0), (4, 0), (5, 1)):
            payload = b"" if index == 3 else b"reserved opcode payload"
            sent = [hello, frame(first + index - 1, payload), ping]
            yield fault(f"4.{group}.{index}", sent, said, chop=chop)


def fragments() -> Iterator[Case]:
    """5: fragmentation."""
    one, two = parts(TEXT, b"fragment1", b"fragment2")
    both = [(TEXT, b"fragment1fragment2")]
    yield fault("5.1", [frame(PING, b"a", final=False), frame(CONT, b"b")])
    yield fault("5.2", [frame(PONG, b"a", final=False), frame(CONT, b"b")])
    for index, chop in ((3, 0), (4, 15), (5, 1)):
        yield echo(f"5.{index}", [one, two], both, chop)
    between = [one, frame(PING, b"ping"), two]
    for index, chop in ((6, 0), (7, 15), (8, 1)):
        yield echo(f"5.{index}", between, [(PONG, b"ping"), *both], chop)
    hello = frame(TEXT, b"Hello, world!")
    for index, chop in ((9, 0), (10, 32), (11, 1)):
        yield fault(f"5.{index}", [frame(CONT, b"non-continuation"), hello], chop=chop)
    for index, chop in ((12, 0), (13, 32), (14, 1)):
        lone = frame(CONT, b"non-continuation", final=False)
        yield fault(f"5.{index}", [lone, hello], chop=chop)
    yield fault("5.15", [one, two, frame(CONT, b"fragment3", final=False), one, two], both)
    for index, final in ((16, False), (17, True)):
        round_ = [frame(CONT, b"f1", final=final), frame(TEXT, b"f2", final=False)]
        yield fault(f"5.{index}", [*round_, frame(CONT, b"f3")] * 2)
    yield fault("5.18", [one, frame(TEXT, b"fragment2")])
    five = parts(TEXT, *(b"fragment%d" % number for number in range(1, 6)))
    whole = b"".join(b"fragment%d" % number for number in range(1, 6))
    pinged = [*five[:2], frame(PING, b"pongme 1!"), *five[2:4], frame(PING, b"pongme 2!"), five[4]]
    heard = [(PONG, b"pongme 1!"), (PONG, b"pongme 2!"), (TEXT, whole)]
    yield echo("5.19", pinged, heard)
    yield echo("5.20", pinged, heard, 1)


def closes() -> Iterator[Case]:
    """7: the closing handshake."""
    hello, said = frame(TEXT, b"Hello World!"), [(TEXT, b"Hello World!")]
    bye, ping = close(1000), frame(PING)
    yield Case("7.1.1", [hello, bye], said, (1000,))
    yield Case("7.1.2", [bye, bye], [], (1000,))
    yield Case("7.1.3", [bye, ping], [], (1000,))
    yield Case("7.1.4", [bye, hello], [], (1000,))
    first, last = parts(TEXT, b"fragment1", b"fragment2")
    yield Case("7.1.5", [first, bye, last], [], (1000,))
    big = b"BAsd7&jh23" * 26_214
    yield Case("7.1.6", [frame(TEXT, big), hello, bye, ping], [(TEXT, big), *said], (1000,))
    yield Case("7.3.1", [frame(CLOSE)], [], (1005, 1000))
    yield Case("7.3.2", [frame(CLOSE, b"a")], [], (1002,))
    yield Case("7.3.3", [bye], [], (1000,))
    yield Case("7.3.4", [close(1000, b"Hello World!")], [], (1000,))
    yield Case("7.3.5", [close(1000, b"*" * 123)], [], (1000,))
    yield Case("7.3.6", [close(1000, b"*" * 124)], [], (1002,))
    yield Case("7.5.1", [close(1000, "κόσμε".encode() + b"\xed\xa0\x80edited")], [], (1002, 1007))
    good = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for index, code in enumerate(good, 1):
        yield Case(f"7.7.{index}", [close(code)], [], (code, 1000))
    for index, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), 1):
        yield Case(f"7.9.{index}", [close(code)], [], (1002,))
    yield Case("7.13.1", [close(5000)], [], (1002,))
    yield Case("7.13.2", [close(65535)], [], (1002,))
