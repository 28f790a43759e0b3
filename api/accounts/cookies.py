"""The session cookie: its name, how it is set, read, renewed and removed.

Its name is `__Host-` and the setting, so that no sibling host and no page without TLS can set one
beside it (RFC 6265bis, section 4.1.3.2); on loopback, without TLS, the setting alone. Of what comes
under the name of the first versions, `session`, which the sessions of many frameworks have, only
what looks like ours is ours.
"""

import re
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.responses import Response

from ..addresses import is_loopback
from ..errors import Refusal
from ..http.origin import own_origin
from ..settings import Settings

FORMER_NAME = "session"
_FORMER_SECRET = re.compile(r"[\w-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """What a browser has sent."""

    secret: str = field(repr=False)
    is_former: bool = False
    """It came under the former name, and there was none under the present one."""


def cookie_name(connection: HTTPConnection, settings: Settings) -> str:
    """What the cookie is called where this came from."""
    prefix = "__Host-" if _is_secure(connection, settings) else ""
    return f"{prefix}{settings.cookie}"


def read_session_cookie(connection: HTTPConnection, settings: Settings) -> SessionCookie | None:
    """The session cookie that came along.

    Raises:
        Refusal: `auth_ambiguous` for several. A plain-HTTP page can set a second one beside ours.
            Which of them a server reads is an accident of its parser, and the other page's must
            never be the one.
    """
    headers = connection.headers.getlist("cookie")
    parts = [part.partition("=") for header in headers for part in header.split(";")]
    cookies = [(name.strip(), value.strip().strip('"')) for name, _, value in parts]
    present = cookie_name(connection, settings)
    own = [SessionCookie(value) for name, value in cookies if name == present]
    former = [
        SessionCookie(value, is_former=True)
        for name, value in cookies
        if name == FORMER_NAME and _FORMER_SECRET.fullmatch(value)
    ]
    shown = own or former
    if len(shown) > 1:
        raise Refusal("auth_ambiguous")
    return shown[0] if shown else None


def set_session_cookie(
    response: Response,
    connection: HTTPConnection,
    settings: Settings,
    secret: str,
    max_age: int | None = None,
) -> None:
    """Give a browser its session, for `max_age` seconds or a whole life."""
    response.set_cookie(
        cookie_name(connection, settings),
        secret,
        max_age=settings.session_lifetime if max_age is None else max_age,
        path="/",
        secure=_is_secure(connection, settings),
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(
    response: Response, connection: HTTPConnection, settings: Settings
) -> None:
    """Take a browser's session cookie away."""
    _clear(response, connection, settings, cookie_name(connection, settings))


def rename_session_cookie(
    response: Response, connection: HTTPConnection, settings: Settings, secret: str, max_age: int
) -> None:
    """Give a session its present name, once it has proved to be ours under the former one."""
    _clear(response, connection, settings, FORMER_NAME)
    set_session_cookie(response, connection, settings, secret, max_age)


def _clear(response: Response, connection: HTTPConnection, settings: Settings, name: str) -> None:
    # With the same attributes as it was set, or else the browser keeps it.
    response.delete_cookie(
        name,
        path="/",
        secure=_is_secure(connection, settings),
        httponly=True,
        samesite="lax",
    )


def _is_secure(connection: HTTPConnection, settings: Settings) -> bool:
    """Always, but for plain HTTP on loopback, where nobody listens in and nobody has TLS."""
    origin = own_origin(connection.scope, settings)
    return origin is None or origin.scheme != "http" or not is_loopback(origin.host)
