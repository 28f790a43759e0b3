"""The cases of the Autobahn suite: the short ones always, the long ones by `make torture`."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.conformance.cases import CLOSE, Case, closes, fragments, frame, pings, reserved, sizes
from tests.conformance.echo import EchoServer
from tests.conformance.large import Large, large
from tests.conformance.texts import texts
from tests.conftest import make_settings
from tests.deadlines import scaled
from tests.scenarios.frames import Raw, close_of, dial, handshake

SHORT = [*sizes(), *pings(), *reserved(), *fragments(), *texts(), *closes()]
MIB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoServer]:
    """Without rates, and for messages as large as the suite's."""
    no_rates = dict.fromkeys(("control_rate", "light_rate", "publish_rate", "error_rate"), 0)
    settings = make_settings(
        tmp_path_factory.mktemp("echo"),
        max_frame_bytes=16 * MIB,
        max_fragments=65536,
        message_timeout=scaled(15),
        **no_rates,
    )
    with EchoServer(settings) as server:
        yield server


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.id)
def test_case_of_the_suite_is_answered_as_it_must_be(server: EchoServer, case: Case) -> None:
    """The frames in order, then a clean close, then the end of the connection by the server."""
    play(server, case)


@pytest.mark.torture
@pytest.mark.timeout(600)
@pytest.mark.parametrize("made", list(large()), ids=lambda made: made.id)
def test_large_case_of_the_suite_is_answered_as_it_must_be(server: EchoServer, made: Large) -> None:
    """The same; up to 16 MiB in one message, and 65,536 fragments."""
    play(server, made.case())


def play(server: EchoServer, case: Case) -> None:
    with dial(server.url, handshake("/")) as raw:
        raw.socket.settimeout(scaled(15))
        assert raw.stream.answer().status == 101
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sender = threading.Thread(target=send, args=(raw, case))
        sender.start()
        try:
            check(raw, case)
        finally:
            sender.join()


def send(raw: Raw, case: Case) -> None:
    """The server may have closed meanwhile."""
    data = b"".join(case.sent)
    chop = case.chop or len(data)
    with contextlib.suppress(ConnectionError):
        for start in range(0, len(data), chop):
            raw.send(data[start : start + chop])


def check(raw: Raw, case: Case) -> None:
    if not case.ends:
        assert [raw.stream.frame() for _ in case.heard] == case.heard
        raw.send(frame(CLOSE, b"\x03\xe8"))
        assert raw.stream.frames() == [(CLOSE, b"\x03\xe8")]
    else:
        *heard, (_, payload) = raw.stream.frames()
        assert heard == case.heard or (case.may_miss and heard == [])
        assert close_of(payload)[0] in case.ends
    with contextlib.suppress(ConnectionResetError):
        assert raw.socket.recv(1) == b"", "the server does not end the connection"
