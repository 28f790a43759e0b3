"""Requests as bytes, and the answers to them."""

from tests.scenarios.frames import Answer, dial
from tests.serving import Person

BODY = b'{"body":"hi"}'


def request(start: str, *lines: str, host: str | None = "Host: 127.0.0.1") -> bytes:
    head = [start, *([] if host is None else [host]), *lines, "", ""]
    return "\r\n".join(head).encode("latin-1")


def asked(ada: Person, data: bytes) -> Answer:
    """The answer to bytes."""
    with dial(ada.server.url, data) as raw:
        return raw.stream.answer()


def post(ada: Person, *lines: str, body: bytes = BODY, framing: str | None = None) -> bytes:
    """A message as a request, with more lines in its head."""
    return (
        request(
            "POST /items/room/messages HTTP/1.1",
            f"Authorization: Bearer {ada.token}",
            "Content-Type: application/json",
            framing or f"Content-Length: {len(body)}",
            *lines,
        )
        + body
    )
