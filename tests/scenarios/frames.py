"""WebSocket frames and HTTP answers as bytes, for clients that show what really was sent."""

import base64
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.deadlines import scaled

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = base64.b64encode(bytes(16)).decode()


@dataclass(frozen=True)
class Answer:
    """The head of an HTTP answer and, unless it is a 101, its body."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Stream:
    """Reads an HTTP answer and frames from wherever `more` takes bytes; empty: the end."""

    more: Callable[[], bytes]
    _buffer: bytearray = field(default_factory=bytearray)

    def take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._fill()
        return self.take(self._buffer.index(mark) + len(mark))

    def answer(self) -> Answer:
        status, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in filter(None, lines):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        code = int(status.split(" ")[1])
        size = 0 if code == 101 else int(headers.get("content-length", 0))
        return Answer(code, headers, self.take(size))

    def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; servers neither mask nor fragment."""
        first, second = self.take(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(self.take(2 if size == 126 else 8))
        assert first & 0x80, "a fragment"
        return first & 0x0F, self.take(size)

    def frames(self) -> list[tuple[int, bytes]]:
        """All frames up to the one that closes."""
        frames = [self.frame()]
        while frames[-1][0] != CLOSE:
            frames.append(self.frame())
        return frames

    def _fill(self) -> None:
        data = self.more()
        if not data:
            raise EOFError(f"ended after {bytes(self._buffer)!r}")
        self._buffer += data


def client_frame(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """A frame as clients send it; the mask is zero, which leaves the payload as it is."""
    head = bytes([(0x80 if last else 0) | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        head += b"\xfe" + len(payload).to_bytes(2)
    else:
        head += b"\xff" + len(payload).to_bytes(8)
    return head + bytes(4) + payload


def handshake(target: str, *lines: str, host: str = "127.0.0.1", start: str = "") -> bytes:
    """A request for a socket; `start` replaces the request line, `lines` are added."""
    head = [
        start or f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *lines,
    ]
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


@dataclass
class Raw:
    """A TCP connection on which a test says what it wants."""

    socket: socket.socket
    stream: Stream

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset(self) -> None:
        """End at once, as a process does that is killed: nothing more is sent or read."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@contextmanager
def dial(url: str, data: bytes = b"", *, receive_buffer: int = 0) -> Iterator[Raw]:
    """A TCP connection to the server; `receive_buffer` bytes, small for a client that is slow."""
    with socket.socket() as connection:
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(scaled(5))
        connection.connect(("127.0.0.1", urlsplit(url).port))
        raw = Raw(connection, Stream(lambda: connection.recv(1 << 16)))
        raw.send(data)
        yield raw


def close_of(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame; 1005 when it has none."""
    return (int.from_bytes(payload[:2]), payload[2:].decode()) if payload else (1005, "")
