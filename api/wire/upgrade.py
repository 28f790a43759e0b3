"""The opening handshake (RFC 6455, section 4.2), on headers that have been parsed already. Pure.

uvicorn writes the request out again and has websockets parse it a second time, line by line: a
fifth of what it costs to let somebody in.
"""

import binascii
import hashlib
import json
import math
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from http import HTTPStatus

from ..errors import Refusal
from .requests import BadRequest, Headers

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# With a 426: what would be understood (RFC 6455, section 4.4; RFC 9110, section 15.5.22).
_UPGRADE_REQUIRED: Headers = (
    (b"sec-websocket-version", b"13"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
)
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What a client asks for."""

    accept: bytes
    """The value of `Sec-WebSocket-Accept`."""
    subprotocols: list[str]


def read_upgrade(headers: Headers) -> Upgrade:
    """The handshake in a request that `wants_socket`.

    Raises:
        BadRequest: it is none.
    """
    keys, versions, offers = [], [], []
    for name, value in headers:
        if name == b"sec-websocket-key":
            keys.append(value)
        elif name == b"sec-websocket-version":
            versions.append(value)
        elif name == b"sec-websocket-protocol":
            offers.append(value)
        elif name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")):
            # Of a GET it may be refused (RFC 9110, section 9.3.1): it would be taken for frames.
            raise BadRequest("A handshake has no body.")
    if versions != [b"13"]:
        raise BadRequest(
            "Sec-WebSocket-Version is 13.", HTTPStatus.UPGRADE_REQUIRED, _UPGRADE_REQUIRED
        )
    if len(keys) != 1 or not _is_key(keys[0]):
        raise BadRequest("Sec-WebSocket-Key has 16 bytes in base64.")
    digest = hashlib.sha1(keys[0] + _GUID, usedforsecurity=False).digest()
    return Upgrade(b64encode(digest), _subprotocols(offers))


def _is_key(key: bytes) -> bool:
    try:
        return len(b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def _subprotocols(offers: list[bytes]) -> list[str]:
    if not offers:
        return []
    names = [name.strip(b" \t") for name in b",".join(offers).split(b",")]
    names = [name for name in names if name]  # RFC 9110, section 5.6.1.2.
    if not names or not all(map(_TOKEN.fullmatch, names)):
        raise BadRequest("Sec-WebSocket-Protocol is a list of tokens.")
    return [name.decode() for name in names]


def switching(accept: bytes, subprotocol: str | None, headers: Headers) -> bytes:
    """The answer that opens the socket."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: " + accept
    ]
    if subprotocol is not None:
        lines.append(b"sec-websocket-protocol: " + subprotocol.encode())
    return b"\r\n".join([*lines, *map(b": ".join, headers), b"\r\n"])


def answer(status: int, headers: Headers, body: bytes) -> bytes:
    """A whole answer, after which the connection ends."""
    start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()
    length = b"content-length: " + str(len(body)).encode()
    names = {name.lower() for name, _ in headers}
    more = [] if b"content-length" in names else [length]
    lines = [start, *map(b": ".join, headers), *more, b"connection: close", b"", body]
    return b"\r\n".join(lines)


def problem(status: HTTPStatus, refusal: Refusal, headers: Headers = ()) -> bytes:
    """A whole answer with a problem document, before the application has seen the request."""
    document: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": refusal.message,
        "code": refusal.code,
    }
    own = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    if refusal.retry_after is not None:
        document["retry_after"] = refusal.retry_after
        own.append((b"retry-after", str(math.ceil(refusal.retry_after)).encode()))
    return answer(status, [*own, *headers], json.dumps(document).encode())
