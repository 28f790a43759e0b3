"""Handshakes that RFC 6455 allows are let in, those that it forbids are answered."""

import json

import pytest

from tests.scenarios.frames import KEY, dial
from tests.scenarios.raw_requests import asked, request
from tests.serving import Person

pytestmark = pytest.mark.timeout(60)


def handshake(*changes: str, target: str = "/items/room/ws", drop: str = "") -> bytes:
    """A handshake whose lines of the names in `drop` are left out, and with others instead."""
    lines = [
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    names = {name.strip().lower() for name in drop.split()}
    kept = [line for line in lines if line.partition(":")[0].lower() not in names]
    return request(f"GET {target} HTTP/1.1", *kept, *changes, host=None)


LET_IN = {
    "length_of_zero": handshake("Content-Length: 0"),
    "keep_alive_and_upgrade": handshake("Connection: keep-alive, Upgrade", drop="Connection"),
    "close_and_upgrade": handshake("Connection: close, Upgrade", drop="Connection"),
    "empty_elements": handshake(
        "Connection: ,, Upgrade ,", "Upgrade: , websocket,", drop="Connection Upgrade"
    ),
    "several_lines": handshake(
        "Connection: keep-alive",
        "Connection: Upgrade",
        "Upgrade: foo",
        "Upgrade: websocket",
        drop="Connection Upgrade",
    ),
    "several_lines_in_another_order": handshake("Connection: keep-alive", "Upgrade: foo"),
    "one_of_several_upgrades": handshake("Upgrade: h2c, websocket, foo/1", drop="Upgrade"),
    "case": handshake(
        "CONNECTION: uPGRADE",
        "uPGRADE: WebSocket",
        f"SEC-WEBSOCKET-KEY: {KEY}",
        drop="Connection Upgrade Sec-WebSocket-Key",
    ),
    "white_space": handshake(
        "Connection:\t keep-alive\t,\tUpgrade \t",
        "Upgrade:websocket ",
        f"Sec-WebSocket-Key:\t{KEY} \t ",
        "Sec-WebSocket-Version:13\t",
        "Host:127.0.0.1 ",
        drop="Connection Upgrade Sec-WebSocket-Key Sec-WebSocket-Version Host",
    ),
    "expectation": handshake("Expect: 100-continue"),
    "empty_header": handshake("X-Empty:", "Sec-WebSocket-Extensions:"),
    "bytes_beyond_ascii": handshake("X-Name: caf\xe9"),
    "line_ends_before": b"\r\n\r\n" + handshake(),
    "absolute": handshake(target="http://127.0.0.1:80/items/room/ws"),
    "absolute_over_another_host": handshake(
        "Host: evil.example", target="http://127.0.0.1/items/room/ws", drop="Host"
    ),
    "absolute_as_a_socket": handshake(target="ws://localhost/items/room/ws"),
}


@pytest.mark.parametrize("data", LET_IN.values(), ids=LET_IN)
def test_a_handshake_that_the_rfcs_allow_is_let_in(ada: Person, data: bytes) -> None:
    """With its credential, in whatever form the rest comes."""
    with dial(ada.server.url, authorised(ada, data)) as raw:
        assert raw.stream.answer().status == 101
        assert raw.stream.frame()[1].startswith(b'{"type":"welcome"')


def authorised(ada: Person, data: bytes) -> bytes:
    line = f"\r\nAuthorization: Bearer {ada.token} \r\n\r\n".encode()
    return data.removesuffix(b"\r\n\r\n") + line


@pytest.mark.parametrize(
    "lines",
    [
        ("Sec-WebSocket-Protocol: foo", "Sec-WebSocket-Protocol: itemroom.v1.text"),
        ("Sec-WebSocket-Protocol: foo,, itemroom.v1.text ,",),
        ("Sec-WebSocket-Protocol: ", "Sec-WebSocket-Protocol:itemroom.v1.text\t"),
    ],
)
def test_a_subprotocol_is_chosen_from_the_whole_list(ada: Person, lines: tuple[str, ...]) -> None:
    """Lines are one list, and empty elements are none."""
    answer = asked(ada, authorised(ada, handshake(*lines)))
    assert (answer.status, answer.headers["sec-websocket-protocol"]) == (101, "itemroom.v1.text")


NOT_LET_IN = {
    "other_version": (handshake("Sec-WebSocket-Version: 8", drop="Sec-WebSocket-Version"), 426),
    "list_of_versions": (
        handshake("Sec-WebSocket-Version: 13, 8", drop="Sec-WebSocket-Version"),
        426,
    ),
    "two_versions": (handshake("Sec-WebSocket-Version: 13"), 426),
    "two_keys": (handshake(f"Sec-WebSocket-Key: {KEY}"), 400),
    "body": (handshake("Content-Length: 3") + b"abc", 400),
    "chunked": (handshake("Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "http_1_0": (handshake().replace(b"HTTP/1.1", b"HTTP/1.0"), 426),
    "connection_without_upgrade": (handshake("Connection: keep-alive", drop="Connection"), 426),
    "upgrade_to_another": (handshake("Upgrade: h2c", drop="Upgrade"), 426),
    "half_a_word": (handshake("Upgrade: websockets", drop="Upgrade"), 426),
    "no_host": (handshake(drop="Host"), 400),
    "no_host_but_absolute": (
        handshake(target="http://127.0.0.1/items/room/ws", drop="Host"),
        400,
    ),
    "two_hosts": (handshake("Host: 127.0.0.1"), 400),
    "absolute_to_another_host": (handshake(target="http://evil.example/items/room/ws"), 400),
    "fragment": (handshake(target="/items/room/ws#x"), 400),
}


@pytest.mark.parametrize(("data", "status"), NOT_LET_IN.values(), ids=NOT_LET_IN)
def test_a_handshake_against_the_rfcs_is_answered(ada: Person, data: bytes, status: int) -> None:
    """With a problem; a 426 says what would do."""
    answer = asked(ada, authorised(ada, data))
    assert (answer.status, json.loads(answer.body)["code"]) == (status, "malformed")
    if status == 426:
        assert answer.headers["upgrade"] == "websocket"
