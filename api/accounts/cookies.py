"""The session cookie: how it is set, removed, and counted."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.addresses import is_loopback
from api.settings import Settings

COOKIE = "session"


def set_session_cookie(
    response: Response, connection: HTTPConnection, settings: Settings, secret: str
) -> None:
    """Give a browser its session."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=settings.session_lifetime,
        path="/",
        secure=_is_secure(connection, settings),
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(
    response: Response, connection: HTTPConnection, settings: Settings
) -> None:
    """Take it away: with the same attributes, or else the browser keeps it."""
    response.delete_cookie(
        COOKIE,
        path="/",
        secure=_is_secure(connection, settings),
        httponly=True,
        samesite="lax",
    )


def is_doubled(connection: HTTPConnection) -> bool:
    """Whether the browser sent several session cookies.

    A sibling host or a plain-HTTP page can set a second one beside ours. Which of them a server
    reads is an accident of its parser, and the other page's must never be the one.
    """
    headers = connection.headers.getlist("cookie")
    parts = [part for header in headers for part in header.split(";")]
    return sum(part.partition("=")[0].strip() == COOKIE for part in parts) > 1


def _is_secure(connection: HTTPConnection, settings: Settings) -> bool:
    """Always, but for plain HTTP on loopback, where nobody listens in and nobody has TLS."""
    url = urlsplit(settings.public_url or str(connection.url))
    return url.scheme != "http" or not is_loopback(url.hostname or "")
