"""Our own server's shorter way into a room, and FastAPI's: what one answers, the other does."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

import api.wire.server
from api.rooms.door import Door
from tests.conftest import make_settings
from tests.scenarios.frames import CLOSE, TEXT, dial
from tests.scenarios.handshakes import GARBAGE, Scene
from tests.scenarios.test_rfc_handshakes import LET_IN, NOT_LET_IN, handshake
from tests.serving import LiveServer

pytestmark = pytest.mark.timeout(60)
THE_LONG_WAY = "X-Way: endpoint"
# What is another in each answer: a connection's id, a failure's.
_IDS = re.compile(rb'"[0-9a-f]{16}"')


class Either(Door):
    """Takes the long way where a header asks for it, and knows whether the last one was short."""

    was_short = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            type(self).was_short = False
            await send(message)

        type(self).was_short = True
        long_way = any(name == b"x-way" for name, _ in scope["headers"])
        await (self._app if long_way else super().__call__)(scope, receive, note)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Ada may be in the room, Eve may not; both have been seen there or been refused before."""
    settings = make_settings(
        tmp_path_factory.mktemp("doors"),
        handshake_rate=0,
        connections_per_user=0,
        presence_grace=600,
        internal_hosts="itemroom",
        trusted_proxies="127.0.0.1",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api.wire.server, "Door", Either)
        with LiveServer(settings) as server:
            scene = Scene(server)
            scene.ada.publish("room", "hi")
            welcomed(scene, "X-Way: first")
            yield scene


def welcomed(scene: Scene, *lines: str) -> None:
    answer = knock(scene, handshake(*lines, f"Authorization: Bearer {scene.ada.token}"))
    assert answer.status == 101


@dataclass(frozen=True)
class Answered:
    """All that a client gets: a head and a body, or frames up to `live` or the close."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    frames: tuple[tuple[int, bytes], ...]


def knock(scene: Scene, request: bytes) -> Answered:
    Either.was_short = False
    with dial(scene.server.url, request) as raw:
        answer = raw.stream.answer()
        frames: list[tuple[int, bytes]] = []
        while answer.status == 101 and not is_over(frames):
            opcode, payload = raw.stream.frame()
            frames.append((opcode, _IDS.sub(b'"id"', payload)))
        return Answered(answer.status, tuple(answer.headers.items()), answer.body, tuple(frames))


def is_over(frames: list[tuple[int, bytes]]) -> bool:
    if not frames:
        return False
    opcode, payload = frames[-1]
    return opcode == CLOSE or (opcode == TEXT and payload.startswith((b'{"type":"live"', b"* liv")))


Show = Callable[[Scene], bytes]


def asking(query: str = "", *lines: str, item: str = "room", drop: str = "") -> Show:
    """A handshake; `TOKEN`, `COOKIE` and `TICKET` are replaced by Ada's own."""

    def show(scene: Scene) -> bytes:
        request = handshake(*lines, target=f"/items/{item}/ws{query}", drop=drop)
        return filled(scene, request)

    return show


def filled(scene: Scene, request: bytes) -> bytes:
    for name, make in MAKERS.items():
        if name in request:
            request = request.replace(name, make(scene).encode())
    return request


@cache
def session(scene: Scene) -> str:
    """One for both ways: its end is in the welcome."""
    return scene.cookie(scene.ada)


MAKERS: dict[bytes, Callable[[Scene], str]] = {
    b"TOKEN": lambda scene: scene.ada.token,
    b"EVE": lambda scene: scene.eve.token,
    b"COOKIE": session,
    b"TICKET": lambda scene: scene.ticket(),
}
BEARER = "Authorization: Bearer TOKEN"
GOOD = {
    "header": asking("", BEARER),
    "no_query_at_all": asking("?", BEARER),
    "query": asking("?token=TOKEN"),
    "escaped_name": asking("?%74oken=TOKEN"),
    "subprotocol": asking("", "Sec-WebSocket-Protocol: bearer.TOKEN, itemroom.v1.json"),
    "only_the_bearer_is_offered": asking("", "Sec-WebSocket-Protocol: bearer.TOKEN"),
    "cookie": asking("", "Cookie: COOKIE", "Origin: http://127.0.0.1"),
    "cookie_without_an_origin": asking("", "Cookie: COOKIE"),
    "cookie_in_the_second_header": asking("", "Cookie: a=b; c", "Cookie: COOKIE"),
    "cookies_beside_it": asking(
        "", "Cookie: =; ;x=\xe9\xff; COOKIE ;; y", "Origin: http://127.0.0.1"
    ),
    "token_over_cookie": asking("?token=TOKEN", "Cookie: COOKIE", "Origin: https://evil.example"),
    "ticket": asking("?ticket=TICKET"),
    "begin": asking("?after=0&epoch=&tail=1", BEARER),
    "of_what_comes_twice_the_last": asking("?after=x&after=0&tail=y&tail=1&epoch=a&epoch=", BEARER),
    "after_beyond_the_head": asking("?after=9999999999999999999", BEARER),
    "zeros": asking("?after=0000000000000000001", BEARER),
    "other_epoch": asking("?after=1&epoch=" + "e" * 64, BEARER),
    "unknown_parameters": asking("?x=1&&=&self=2&Token=3&token[]=4&after%00=5", BEARER),
    "many_parameters": asking("?" + "a=b&" * 200, BEARER),
    "bad_escape_in_what_is_ignored": asking("?x=%zz&%=%&y=%ff%fe", BEARER),
    "semicolon_is_no_separator": asking("?x=1;after=x", BEARER),
    "escaped_item": asking("", BEARER, item="%72oom"),
    "text": asking("?tail=0", BEARER, "Sec-WebSocket-Protocol: itemroom.v1.text"),
    "unknown_subprotocols": asking("?tail=0", BEARER, "Sec-WebSocket-Protocol: a, b"),
    "second_subprotocol": asking("", BEARER, "Sec-WebSocket-Protocol: a, itemroom.v1.json"),
    "blanks_around_the_token": asking("", "Authorization: bEARER   TOKEN  "),
    "origin_of_another_page_with_a_token": asking("", BEARER, "Origin: https://evil.example"),
    "behind_a_proxy": asking("", BEARER, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"),
    "proxy_that_says_nonsense": asking("", BEARER, "X-Forwarded-For: ,unknown, ;", "X-Way-Not: 1"),
    "cookie_of_a_secure_page": asking(
        "", "Cookie: __Host-COOKIE", "X-Forwarded-Proto: https", "Origin: https://127.0.0.1"
    ),
    "host_with_a_port": asking("", BEARER, "Host: LOCALHOST:1", drop="Host"),
    "name_for_programs": asking("", BEARER, "Host: itemroom", drop="Host"),
}
BAD = {
    "nothing": asking(),
    "empty_token": asking("?token="),
    "token_in_bad_escapes": asking("?token=%zz%ff%00"),
    "token_beyond_ascii": asking("?token=caf\xe9"),
    "two_tokens": asking("?token=TOKEN&token=TOKEN"),
    "two_headers": asking("", BEARER, BEARER),
    "two_offers": asking("", "Sec-WebSocket-Protocol: bearer.TOKEN, bearer.x"),
    "two_kinds": asking("?ticket=TICKET", BEARER),
    "two_tickets": asking("?ticket=a&ticket=b"),
    "empty_ticket": asking("?ticket="),
    "ticket_of_another_item": asking("?ticket=TICKET", item="other"),
    "basic": asking("", "Authorization: Basic YTpi"),
    "bearer_alone": asking("", "Authorization: Bearer"),
    "empty_authorization": asking("", "Authorization:"),
    "authorization_beyond_ascii": asking("", "Authorization: Bearer \xff\xfe"),
    "garbage": asking("", f"Authorization: Bearer {GARBAGE}"),
    "two_cookies": asking("", "Cookie: COOKIE; itemroom_session=b"),
    "cookie_without_a_value": asking("", "Cookie: itemroom_session"),
    "quoted_cookie": asking("", 'Cookie: itemroom_session="x y"'),
    "cookie_of_a_foreign_page": asking("", "Cookie: COOKIE", "Origin: https://evil.example"),
    "two_origins": asking(
        "", "Cookie: COOKIE", "Origin: http://127.0.0.1", "Origin: http://127.0.0.1"
    ),
    "cookie_under_a_name_for_programs": asking(
        "", "Cookie: __Host-COOKIE", "Host: itemroom", drop="Host"
    ),
    "empty_after": asking("?after=", BEARER),
    "huge_after": asking("?after=" + "9" * 5000, BEARER),
    "twenty_digits": asking("?after=" + "9" * 20, BEARER),
    "other_digits": asking("?after=%EF%BC%91", BEARER),
    "blank_in_tail": asking("?tail=+1", BEARER),
    "last_tail_is_bad": asking("?tail=1&tail=x", BEARER),
    "long_epoch": asking("?epoch=" + "e" * 65, BEARER),
    "long_epoch_and_no_credential": asking("?epoch=" + "e" * 65),
    "long_epoch_and_bad_after": asking("?after=x&epoch=" + "%C3%A9" * 65, BEARER),
    "bad_begin_and_no_credential": asking("?tail=x"),
    "foreign_item": asking("", "Authorization: Bearer EVE"),
    "absent_item": asking("", BEARER, item="nothing"),
    "deleted_item": asking("", BEARER, item="gone"),
    "item_with_a_null": asking("", BEARER, item="%00"),
    "item_with_a_line_end": asking("", BEARER, item="room%0A"),
    "item_with_a_slash": asking("", BEARER, item="a%2Fb"),
    "item_of_two_parts": asking("", BEARER, item="a/b"),
    "item_of_dots": asking("", BEARER, item=".."),
    "no_item": asking("", BEARER, item=""),
    "long_item": asking("", BEARER, item="x" * 300),
    "item_in_bad_escapes": asking("", BEARER, item="%zz%ff"),
    "item_beyond_ascii": asking("", BEARER, item="%C3%A9"),
    "item_of_the_wrong_case": asking("", BEARER, item="ROOM"),
    "strange_host": asking("", BEARER, "Host: evil.example", drop="Host"),
    "empty_host": asking("", BEARER, "Host:", drop="Host"),
}
TARGETS = [
    "/items/room/ws/",
    "/items/room/ws//",
    "//items/room/ws",
    "/items//room/ws",
    "/items/room/ws%0A",
    "/items/room/WS",
    "/ITEMS/room/ws",
    "/items/room/%77s",
    "/items%2Froom/ws",
    "/items/ws",
    "/items/room/ws;x",
    "/items/room",
    "/items/room/ws/ws",
    "/x/../items/room/ws",
    "/",
    "/healthz",
]


def compared(scene: Scene, show: Show) -> tuple[Answered, bool]:
    """What both ways answer, which is the same, and whether the short one got somewhere."""
    short = knock(scene, show(scene))
    was_short = Either.was_short
    long = knock(scene, added(show(scene), THE_LONG_WAY))
    assert not Either.was_short
    assert short == long
    return short, was_short


def added(request: bytes, line: str) -> bytes:
    """The request with one more line at the end of its head; lines may end before it begins."""
    head, end, rest = request.lstrip(b"\r\n").partition(b"\r\n\r\n")
    return head + b"\r\n" + line.encode() + end + rest


@pytest.mark.parametrize("show", GOOD.values(), ids=GOOD)
def test_whoever_is_let_in_is_welcomed_alike(scene: Scene, show: Show) -> None:
    """By the short way indeed: the application has not been asked."""
    answer, was_short = compared(scene, show)
    assert (answer.status, was_short) == (101, True)
    assert b"live" in answer.frames[-1][1]


@pytest.mark.parametrize("show", BAD.values(), ids=BAD)
def test_whoever_is_refused_is_refused_alike(scene: Scene, show: Show) -> None:
    """Status, headers and problem; or closing frame, code and reason."""
    answer, was_short = compared(scene, show)
    assert not was_short
    assert answer.status >= 400 or answer.frames[-1][0] == CLOSE


@pytest.mark.parametrize("target", TARGETS)
def test_another_path_is_answered_alike(scene: Scene, target: str) -> None:
    """By routing, which alone knows what else there is."""
    compared(scene, lambda scene: filled(scene, handshake(BEARER, target=target)))


HEADS = LET_IN | {name: data for name, (data, _) in NOT_LET_IN.items()}


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS)
def test_whatever_the_rfcs_say_is_answered_alike(scene: Scene, data: bytes) -> None:
    """Before either way begins, or by it."""
    compared(scene, lambda scene: added(data, f"Authorization: Bearer {scene.ada.token}"))


NAMES = st.sampled_from(["token", "ticket", "after", "epoch", "tail", "x", "%61fter", "af+ter"])
VALUES = st.one_of(
    st.sampled_from(["", "0", "1", "007", "%31", "1%00", "+1", "TOKEN", "EVE", "9" * 19, "9" * 20]),
    st.text(max_size=70).map(lambda text: quote(text, safe="/;=")),
    st.binary(max_size=9).map(quote),
)
QUERIES = st.lists(st.tuples(NAMES, st.sampled_from(["=", "", "=="]), VALUES), max_size=5).map(
    lambda parts: "&".join(map("".join, parts))
)
LINES = st.lists(
    st.sampled_from(
        [
            BEARER,
            "authorization: bearer EVE",
            "Authorization: Bearer",
            "Cookie: COOKIE",
            "Cookie: itemroom_session=x; session=y",
            "Origin: http://127.0.0.1",
            "Origin: null",
            "Sec-Fetch-Site: cross-site",
            "Sec-WebSocket-Protocol: bearer.TOKEN",
            "Sec-WebSocket-Protocol: a,itemroom.v1.json",
            "X-Forwarded-For: 9.9.9.9, 127.0.0.1",
            "X-Forwarded-Proto: wss",
        ]
    ),
    max_size=4,
)
ITEMS = st.one_of(
    st.sampled_from(["room", "other", "gone", "%72oom", "room%2F", "..", ""]),
    st.text(max_size=8).map(lambda text: quote(text, safe="/")),
)


@effort(max_examples=60)
@given(ITEMS, QUERIES, LINES)
def test_whatever_a_client_shows_is_answered_alike(
    scene: Scene, item: str, query: str, lines: list[str]
) -> None:
    """Parameters, credentials and items in every mixture."""
    compared(scene, asking(f"?{query}", *lines, item=item))
