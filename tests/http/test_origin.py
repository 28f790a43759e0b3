"""Origins: one spelling, and whose pages may use the session cookie."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from api.errors import Refusal
from api.http.origin import check_cookie_origin
from api.http.scopes import STAYS
from api.origins import Origin, parse_origin
from api.settings import Settings
from tests.conftest import make_settings

PUBLIC = "https://rooms.example.com"
LISTED = "https://app.example.com:8443"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("https://a.example", ("https", "a.example", 443)),
        ("HTTPS://A.Example:443", ("https", "a.example", 443)),
        ("http://a.example:8080", ("http", "a.example", 8080)),
        ("http://127.0.0.1:80", ("http", "127.0.0.1", 80)),
        ("http://[::1]:8000", ("http", "[::1]", 8000)),
        ("http://[0:0:0:0:0:0:0:1]", ("http", "[::1]", 80)),
        ("http://[::ffff:127.0.0.1]:8000", ("http", "127.0.0.1", 8000)),
    ],
)
def test_origin_is_read_in_one_spelling(text: str, parsed: tuple[str, str, int]) -> None:
    """Case, default ports and the forms of IPv6 make no difference."""
    assert parse_origin(text) == Origin(*parsed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "a.example",
        "https:/a.example",
        "https://",
        "https://a.example/",
        "https://a.example?x",
        "https://user@a.example",
        "https://a.example:",
        "https://a.example:65536",
        "https://a.example:999999",
        "https://a..example.",
        "https://-a.example",
        "https://[::1",
        "https://[1:2]",
        "https://a.example https://b.example",
        "https://a.example\n",
        "https://\u212a.example",
        "ws://a.example",
        "chrome-extension://abcdefgh",
        "https://" + "a" * 400,
    ],
)
def test_text_that_is_no_web_origin_is_none(text: str) -> None:
    """Anything that no browser would send for a web page equals no origin."""
    assert parse_origin(text) is None


@given(st.text() | st.from_regex(r"https?://[A-Za-z0-9.:\[\]-]{1,30}"))
@example("http://[::ffff:1.2.3.4]:65535")
def test_any_text_parses_to_a_fixed_point(text: str) -> None:
    """Parsing never raises, and what it writes it reads back as the same."""
    parsed = parse_origin(text)
    if parsed is not None:
        assert parse_origin(str(parsed)) == parsed


def connection(kind: str, method: str, headers: list[tuple[str, str]]) -> HTTPConnection:
    """What arrives at `rooms.example.com`, over TLS that ended before the server."""
    return HTTPConnection(
        {
            "type": kind,
            "method": method,
            "scheme": "ws" if kind == "websocket" else "http",
            "headers": [(b"host", b"rooms.example.com")]
            + [(name.encode(), value.encode()) for name, value in headers],
        }
    )


def allows(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether the cookie of the connection counts."""
    try:
        check_cookie_origin(connection, settings)
    except Refusal as refusal:
        return refusal.code != "origin_denied"
    return True


ORIGINS = [
    (PUBLIC, True),
    (PUBLIC.upper(), True),
    (PUBLIC + ":443", True),
    (LISTED, True),
    ("http://rooms.example.com", False),
    ("https://rooms.example.com:444", False),
    ("https://app.example.com", False),
    ("https://rooms.example.com.evil.example", False),
    ("https://evil-rooms.example.com", False),
    ("https://rooms.example", False),
    ("https://example.com", False),
    ("null", False),
    ("", False),
]


@pytest.fixture
def public(tmp_path: Path) -> Settings:
    """A server with a public address and one listed origin."""
    return make_settings(tmp_path, public_url=PUBLIC, allowed_origins=LISTED)


@pytest.mark.parametrize(("origin", "allowed"), ORIGINS)
@pytest.mark.parametrize(("kind", "method"), [("websocket", "GET"), ("http", "POST")])
def test_cookie_counts_for_own_and_listed_pages_only(
    public: Settings, kind: str, method: str, origin: str, *, allowed: bool
) -> None:
    """Twins of our origin in scheme, port, prefix or suffix are others."""
    assert allows(connection(kind, method, [("origin", origin)]), public) is allowed


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ([], True),
        ([("sec-fetch-site", "same-origin")], True),
        ([("sec-fetch-site", "none")], True),
        ([("sec-fetch-site", "same-origin"), ("origin", "null")], True),
        ([("sec-fetch-site", "same-site")], False),
        ([("sec-fetch-site", "cross-site")], False),
        ([("sec-fetch-site", "nonsense")], False),
        ([("sec-fetch-site", "same-site"), ("origin", LISTED)], True),
        ([("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], False),
        ([("sec-fetch-site", "none"), ("sec-fetch-site", "none")], False),
        ([("sec-fetch-site", "")], False),
        ([("origin", PUBLIC), ("origin", PUBLIC)], False),
        ([("origin", f"{PUBLIC}, {PUBLIC}")], False),
        ([("origin", "https://evil.example")], False),
    ],
)
@pytest.mark.parametrize(("kind", "method"), [("websocket", "GET"), ("http", "DELETE")])
def test_change_or_socket_needs_a_sender_that_is_ours(
    public: Settings, kind: str, method: str, headers: list[tuple[str, str]], *, allowed: bool
) -> None:
    """A browser says where a request is from; what says nothing at all is no browser."""
    assert allows(connection(kind, method, headers), public) is allowed


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_needs_no_origin(public: Settings, method: str) -> None:
    """Another page may send it but not read the answer."""
    assert allows(connection("http", method, [("origin", "https://evil.example")]), public)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ([], True),
        ([("sec-fetch-site", "same-origin")], True),
        ([("sec-fetch-site", "cross-site")], False),
        ([("sec-fetch-site", "cross-site"), ("origin", LISTED)], True),
        ([("origin", "https://evil.example")], False),
    ],
)
def test_reading_for_as_long_as_one_stays_is_judged_like_a_socket(
    public: Settings, headers: list[tuple[str, str]], *, allowed: bool
) -> None:
    """Whoever sends it is seen in the room, and has one connection less, whoever reads it."""
    asked = connection("http", "GET", headers)
    asked.scope[STAYS] = True
    assert allows(asked, public) is allowed


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://rooms.example.com", True), ("https://rooms.example.com", False)],
)
def test_without_public_url_the_host_asked_for_is_ours(
    settings: Settings, origin: str, *, allowed: bool
) -> None:
    """On loopback there is no address but the one that was used; the host check has vetted it."""
    assert allows(connection("websocket", "GET", [("origin", origin)]), settings) is allowed


def test_without_public_url_a_doubled_host_is_nobody(settings: Settings) -> None:
    """Two hosts name no origin, even if something let them through."""
    doubled = connection(
        "websocket", "GET", [("host", "rooms.example.com"), ("origin", "http://rooms.example.com")]
    )
    assert not allows(doubled, settings)


@pytest.mark.parametrize(
    ("kind", "method"), [("websocket", "GET"), ("http", "POST"), ("http", "GET")]
)
@pytest.mark.parametrize(
    "said", [[], [("sec-fetch-site", "same-origin")], [("origin", "http://itemroom:8000")]]
)
def test_cookie_never_counts_under_a_name_for_programs(
    tmp_path: Path, kind: str, method: str, said: list[tuple[str, str]]
) -> None:
    """Whoever can make such a name may serve pages under it; a page of the same name is foreign."""
    settings = make_settings(tmp_path, internal_hosts="itemroom")
    asked = connection(kind, method, said)
    asked.scope["headers"][0] = (b"host", b"ItemRoom:8000")
    assert not allows(asked, settings)
