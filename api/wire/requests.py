"""What a request's head asks for (RFC 9110, RFC 9112), once a parser has split it. Pure.

Of the forms that a target may have, the application sees one: a path, with a query.
"""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus

from ..origins import parse_authority

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, and their values."""

# Sockets' own schemes too: their URLs are written so, and mean the same path.
_ABSOLUTE = re.compile(rb"(?:http|ws)s?://([^/?#]*)([^?#]*)(\?[^#]*)?", re.IGNORECASE)


class BadRequest(Exception):  # noqa: N818 - the peer's fault, not an error of ours
    """A request that is answered before the application has seen it.

    Args:
        detail: what was expected.
        status: of the answer.
        headers: which the answer has beside its own.
    """

    def __init__(
        self,
        detail: str,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        headers: Headers = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.headers = headers


def elements(headers: Headers, name: bytes) -> Iterator[bytes]:
    """A list, of however many lines: in lower case, without its empty elements.

    RFC 9110, sections 5.3 and 5.6.1.
    """
    for key, value in headers:
        if key == name:
            for element in value.split(b","):
                if stripped := element.strip(b" \t"):
                    yield stripped.lower()


def wants_socket(method: bytes, version: str, headers: Headers) -> bool:
    """Whether an upgrade is asked for that this server knows; every other offer is ignored.

    One in a request that a handshake cannot be is ignored likewise (RFC 9110, section 7.8).
    """
    return (
        method == b"GET"
        and version == "1.1"
        and b"upgrade" in elements(headers, b"connection")
        and b"websocket" in elements(headers, b"upgrade")
    )


def check_framing(version: str, headers: Headers) -> None:
    """Refuse what cannot be told where it ends, beyond what the parser refuses by itself.

    Raises:
        BadRequest: the version is another, or a transfer coding is not `chunked`.
    """
    if version not in ("1.0", "1.1"):
        status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
        raise BadRequest("This server speaks HTTP/1.0 and HTTP/1.1.", status)
    codings = list(elements(headers, b"transfer-encoding"))
    if codings and version == "1.0":  # RFC 9112, section 6.1: its framing is faulty.
        raise BadRequest("HTTP/1.0 has no transfer codings.")
    if codings and codings != [b"chunked"]:
        raise BadRequest("The only transfer coding is chunked.", HTTPStatus.NOT_IMPLEMENTED)


def read_target(
    method: bytes, version: str, url: bytes, headers: list[tuple[bytes, bytes]]
) -> bytes:
    """The target as a path with its query; `*` for the server as a whole.

    An absolute-form target's host takes the place of the `Host` that came with it (RFC 9112,
    section 3.2.2), in `headers` themselves, unless that one is missing, doubled or wrong.

    Raises:
        BadRequest: the form is none of those that the method may have.
    """
    if url.startswith(b"/") and b"#" not in url:
        return url
    if url == b"*" and method == b"OPTIONS":
        return url
    match = _ABSOLUTE.fullmatch(url)
    authority = b"" if match is None else match[1]
    if match is None or parse_authority(authority.decode("latin-1")) is None:
        raise BadRequest("The target of a request is a path, or an http address with one.")
    hosts = [index for index, (name, _) in enumerate(headers) if name == b"host"]
    if len(hosts) == 1 and parse_authority(headers[hosts[0]][1].decode("latin-1")) is not None:
        headers[hosts[0]] = (b"host", authority)
    elif not hosts and version == "1.0":
        headers.append((b"host", authority))
    if method == b"OPTIONS" and not match[2] and match[3] is None:
        return b"*"  # RFC 9112, section 3.2.4.
    return (match[2] or b"/") + (match[3] or b"")
