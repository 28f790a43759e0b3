"""Handshakes as no client library sends them: strange ids, strange requests, raw bytes."""

from collections.abc import Iterator

import pytest

from tests.conftest import make_settings
from tests.scenarios.frames import CLOSE, KEY, TEXT, client_frame, close_of, dial, handshake
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.timeout(30)
SECONDS = 2.0


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    settings = make_settings(tmp_path_factory.mktemp("requests"), handshake_rate=0)
    with LiveServer(settings) as server:
        ada = server.person("ada")
        for item_id in ("1", "room"):
            ada.create(item_id)
        yield ada


STRANGE_IDS = {
    "negative": "-1",
    "plus": "+1",
    "leading_zero": "01",
    "underscore": "1_0",
    "decimal": "1.0",
    "blank_before": "%201",
    "blank_after": "1%20",
    "beyond_64_bits": str(2**63),
    "longest": "9" * 128,
    "too_long": "9" * 5000,
    "nul": "1%00",
    "only_nul": "%00",
    "arabic_digits": "%D9%A1",
    "no_utf8": "%FF%FE",
    "broken_escape": "%zz",
    "dots": "..",
    "case": "ROOM",
    "escaped_percent": "%2531",
    "line_end": "1%0D%0AX-Injected:%20yes",
    "markup": "%3Cscript%3E",
    "semicolon": "1;2",
    "emoji": "%F0%9F%91%8D",
}


@pytest.mark.parametrize("item_id", STRANGE_IDS.values(), ids=STRANGE_IDS)
def test_a_strange_id_is_refused_like_an_unknown_item(ada: Person, item_id: str) -> None:
    """No spelling reaches item 1 or room, and none can be told from an item that never was."""
    assert refusal_at(ada, item_id) == refusal_at(ada, "unknown")


def refusal_at(ada: Person, item_id: str) -> list[tuple[int, bytes]]:
    target = f"/items/{item_id}/ws?token={ada.token}"
    with dial(ada.server.url, handshake(target)) as raw:
        raw.socket.settimeout(SECONDS)
        assert raw.stream.answer().status == 101
        frames = raw.stream.frames()
        assert close_of(frames[-1][1]) == (1008, "item_not_found")
        return frames


@pytest.mark.parametrize(
    "path",
    [
        "/items//ws",
        "/items/1/ws/",
        "/items/..%2froom/ws",
        "/items/1%2F../ws",
        "//items/1/ws",
    ],
)
def test_a_path_that_is_no_rooms_is_unknown(ada: Person, path: str) -> None:
    """A slash ends an id, escaped or not: there is one spelling of every path."""
    with dial(ada.server.url, handshake(f"{path}?token={ada.token}")) as raw:
        answer = raw.stream.answer()
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_an_escaped_letter_is_the_same_id(ada: Person) -> None:
    """Percent encoding is undone once (RFC 3986, section 2.4), and then compared exactly."""
    with dial(ada.server.url, handshake(f"/items/%31/ws?token={ada.token}")) as raw:
        assert raw.stream.answer().status == 101
        assert raw.stream.frame()[1].startswith(b'{"type":"welcome"')


def test_without_an_upgrade_the_answer_says_that_one_is_required(ada: Person) -> None:
    """A plain GET of a room."""
    answer = ada.call("GET", "/items/room/ws")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    assert answer.json()["code"] == "malformed"


REQUESTS = {
    "post": ({"start": "POST /items/room/ws HTTP/1.1"}, {400, 405, 426}),
    "http_1_0": ({"start": "GET /items/room/ws HTTP/1.0"}, {400, 426}),
    "version_8": ({"Sec-WebSocket-Version": "8"}, {400, 426}),
    "no_version": ({"Sec-WebSocket-Version": None}, {400, 426}),
    "bad_key": ({"Sec-WebSocket-Key": "abc"}, {400}),
    "no_key": ({"Sec-WebSocket-Key": None}, {400}),
    "another_upgrade": ({"Upgrade": "h2c"}, {400, 426}),
    "no_host": ({"Host": None}, {400}),
    "strange_host": ({"Host": "evil.example"}, {400}),
    "host_with_a_path": ({"Host": "127.0.0.1/x"}, {400}),
    "bad_subprotocols": ({"Sec-WebSocket-Protocol": "a b,,"}, {400}),
}


@pytest.mark.parametrize(("changes", "statuses"), REQUESTS.values(), ids=REQUESTS)
def test_a_request_that_is_no_handshake_is_answered_at_once(
    ada: Person, changes: dict[str, str | None], statuses: set[int]
) -> None:
    """Each gets a status, and the connection ends."""
    with dial(ada.server.url, strange_handshake(ada.token, **changes)) as raw:
        raw.socket.settimeout(SECONDS)
        assert raw.stream.answer().status in statuses


def strange_handshake(token: str, **changes: str | None) -> bytes:
    start = changes.pop("start", None) or "GET /items/room/ws HTTP/1.1"
    headers: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        "Authorization": f"Bearer {token}",
    }
    headers |= changes
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([start, *lines, "", ""]).encode()


def test_deflate_is_offered_and_not_taken(ada: Person) -> None:
    """Compression costs memory for every connection, and tells secrets by their size."""
    request = strange_handshake(
        ada.token, **{"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    )
    with dial(ada.server.url, request) as raw:
        answer = raw.stream.answer()
        assert answer.status == 101
        assert "sec-websocket-extensions" not in answer.headers


def test_a_handshake_and_frames_in_single_bytes_are_understood(ada: Person) -> None:
    """TCP may cut anywhere."""
    with dial(ada.server.url) as raw:
        for byte in handshake(f"/items/room/ws?token={ada.token}&tail=0"):
            raw.send(bytes([byte]))
        assert raw.stream.answer().status == 101
        for byte in client_frame(TEXT, b'{"type":"ping"}') + client_frame(CLOSE):
            raw.send(bytes([byte]))
        seen = [payload for _, payload in raw.stream.frames()]
    assert seen[0].startswith(b'{"type":"welcome"')
    assert any(payload.startswith(b'{"type":"pong"') for payload in seen)
