"""Clients that send as fast as they can: each is cut with its reason, and harms nobody else."""

import contextlib
import threading
from collections.abc import Iterator

import orjson
import ormsgpack
import pytest

from tests.conftest import make_settings
from tests.scenarios.frames import BINARY, PING, PONG, TEXT, Raw, client_frame
from tests.scenarios.joining import JSON, MSGPACK, PLAIN, heard, joined
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.timeout(30)
BURST = 10
# What a flooder may be answered: each burst, the errors after it, and what the rates let through
# while it was not cut.
MAX_ANSWERS = 60


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Ada on a server with small bursts and slow rates, and enough of them for who behaves."""
    changes = {"light_burst": BURST, "control_burst": BURST, "publish_burst": BURST}
    changes |= {"error_burst": BURST, "connections_per_user": 0}
    folder = tmp_path_factory.mktemp("floods")
    with LiveServer(make_settings(folder, **changes)) as server:
        ada = server.person("ada")
        ada.create("room")
        yield ada


def said(**fields: object) -> bytes:
    return client_frame(TEXT, orjson.dumps(fields))


def packed(**fields: object) -> bytes:
    return client_frame(BINARY, ormsgpack.packb(fields))


EMPTY = client_frame(0, last=False)
FLOODS = {
    "pings": (JSON, b"", client_frame(PING)),
    "pings_with_a_payload": (JSON, b"", client_frame(PING, bytes(125))),
    "pongs": (JSON, b"", client_frame(PONG)),
    "pings_within_a_message": (JSON, client_frame(TEXT, last=False), client_frame(PING)),
    "empty_fragments": (JSON, client_frame(TEXT, b"{", last=False), EMPTY),
    "empty_messages": (JSON, b"", client_frame(TEXT)),
    "unknown": (JSON, b"", said(type="shout")),
    "malformed": (JSON, b"", client_frame(TEXT, b"?")),
    "ping": (JSON, b"", said(type="ping")),
    "presence": (JSON, b"", said(type="presence")),
    "read": (JSON, b"", said(type="read", seq=1)),
    "auth": (JSON, b"", said(type="auth", token="x")),
    "publish": (JSON, b"", said(type="publish", body=1)),
    "signal": (JSON, b"", said(type="signal", name="typing")),
    "msgpack_pings": (MSGPACK, b"", client_frame(PING)),
    "msgpack_ping": (MSGPACK, b"", packed(type="ping")),
    "msgpack_malformed": (MSGPACK, b"", client_frame(BINARY, b"\xc1")),
    "text_pings": (PLAIN, b"", client_frame(PING)),
    "text_lines": (PLAIN, b"", client_frame(TEXT, b"x")),
    "text_empty_lines": (PLAIN, b"", client_frame(TEXT)),
}
REASONS = {b"rate_limited", b"too_many_errors", b"fragment_limit"}


@contextlib.contextmanager
def flooding(raw: Raw, frames: bytes) -> Iterator[None]:
    """Frames without end, until the server has had enough."""

    def push() -> None:
        with contextlib.suppress(OSError):
            while True:
                raw.socket.sendall(frames)

    thread = threading.Thread(target=push)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize(("protocol", "first", "frame"), FLOODS.values(), ids=FLOODS)
def test_a_flood_is_cut_with_its_reason_beside_others_who_are_answered(
    ada: Person, protocol: str, first: bytes, frame: bytes
) -> None:
    """The flooder reads why, although it never stops to send, and then it is gone."""
    with joined(ada, protocol) as raw, joined(ada) as healthy:
        raw.send(first)
        with flooding(raw, frame * (1 << 14)):
            for number in range(3):
                healthy.send(
                    said(type="publish", body="hello", ref=f"{raw.socket.fileno()}-{number}")
                )
                assert heard(healthy, "ack", "error", "closing")["type"] == "ack"
            *answers, (_, why), (_, close) = raw.stream.frames()
        assert (close[:2], close[2:] in REASONS) == ((1008).to_bytes(2), True)
        assert close[2:] in why
        assert len(answers) <= MAX_ANSWERS
