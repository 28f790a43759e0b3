import asyncio
import gc
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.settings import Settings
from api.wire.server import COLLECT_AFTER, EXIT_MARGIN, Server, build_server, listen, serve
from tests.conftest import Serve, make_settings
from tests.databases import IN_FILES
from tests.deadlines import scaled
from tests.process import PATIENCE, Process
from tests.serving import Person, Talk
from tests.wire.stopping import UNLIMITED, Chatter, ended, hold, no_holes, stored, until_draining
from tests.wire.test_hardening import answer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
async def test_signal_under_load_says_goodbye_and_loses_no_ack(
    tmp_path: Path, signal_: int
) -> None:
    """Each of 50 clients is told when to come back, a moment of its own; the exit is a success."""
    with Process(tmp_path, measured=False, **UNLIMITED) as server:
        ada = server.person("ada")
        rooms = [f"room-{number}" for number in range(5)]
        for room in rooms:
            ada.create(room)
        async with AsyncExitStack() as stack:
            chatters = [
                Chatter(str(number), await stack.enter_async_context(ada.room(rooms[number % 5])))
                for number in range(50)
            ]
            running = [asyncio.create_task(chatter.run()) for chatter in chatters]
            while sum(chatter.acks for chatter in chatters) <= 500:
                await asyncio.sleep(0.02)
            server.popen.send_signal(signal_)
            await asyncio.gather(*running)
            assert await ended(server) == 0
    for chatter in chatters:
        code, reason, closing_frame = chatter.end
        assert (code, reason) == (1012, "restart")
        assert (closing_frame["code"], closing_frame["reason"]) == (1012, "restart")
        assert closing_frame["retry"] == "later"
        assert 0.5 <= closing_frame["retry_after"] <= 5.5
    assert len({chatter.end[2]["retry_after"] for chatter in chatters}) > 35
    on_disk = stored(server)
    acked = {ref: seq for chatter in chatters for ref, seq in chatter.acked.items()}
    assert len(acked) > 500
    assert acked.items() <= on_disk.items()
    assert no_holes(server)
    assert "Traceback" not in server.log
    assert " ERROR " not in server.log


async def test_draining_server_takes_nothing_new(tmp_path: Path) -> None:
    """Not ready, yet alive; new sockets and calls are told to come later, commands are refused."""
    with Process(tmp_path, measured=False, busy_timeout=60, shutdown_grace=60) as server:
        async with AsyncExitStack() as stack:
            held = await hold(server, stack)
            server.popen.send_signal(signal.SIGTERM)
            response = await until_draining(server)
            assert int(response.headers["Retry-After"]) >= 1
            async with httpx2.AsyncClient(base_url=server.url) as client:
                assert (await client.get("/healthz")).status_code == 200
                login = await client.post("/auth/login", json={"username": "x", "password": "y"})
                assert (login.status_code, login.json()["code"]) == (503, "draining")
            with pytest.raises(InvalidStatus) as denied:
                await connect(server.room_url("order-17", token=held.ada.token), proxy=None)
            assert denied.value.response.status_code == 503
            assert "Retry-After" in denied.value.response.headers
            refused = await held.talk.publish("too late", "late")
            assert (refused["type"], refused["code"]) == ("error", "draining")
        assert await ended(server) == 0


async def test_hung_disk_keeps_the_server_only_for_the_grace(tmp_path: Path) -> None:
    """Clients are told goodbye within the grace, and then the process ends whatever hangs."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(
            Process(tmp_path, measured=False, busy_timeout=60, shutdown_grace=1)
        )
        held = await hold(server, stack)
        started = time.monotonic()
        server.popen.send_signal(signal.SIGTERM)
        code, reason, _ = await held.talk.closed()
        assert (code, reason) == (1012, "restart")
        assert time.monotonic() - started < scaled(2)
        assert await ended(server) != 0
        assert time.monotonic() - started < 1 + EXIT_MARGIN + scaled(2)
    assert held.acked.items() <= stored(server).items()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_second_signal_ends_at_once_without_losing_an_ack(
    tmp_path: Path, second: int
) -> None:
    """Whoever asks twice does not want to wait."""
    async with AsyncExitStack() as stack:
        # Not measured: coverage would write its data from within the signal's handler, and may
        # hold the lock for that already.
        server = stack.enter_context(
            Process(tmp_path, measured=False, busy_timeout=60, shutdown_grace=60)
        )
        held = await hold(server, stack)
        server.popen.send_signal(signal.SIGTERM)
        await until_draining(server)
        started = time.monotonic()
        server.popen.send_signal(second)
        assert await ended(server) == 128 + second
        assert time.monotonic() - started < scaled(2)
    on_disk = stored(server)
    assert held.acked.items() <= on_disk.items()
    # What a session of PostgreSQL has been handed may be stored; nobody was told that it is.
    assert "waits" not in on_disk or not IN_FILES


async def test_second_signal_waits_for_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for the event loop either: the process ends within the handler."""
    server = build_server(settings)
    server.should_exit = True

    def leave(status: int) -> NoReturn:
        raise SystemExit(status)

    monkeypatch.setattr("os._exit", leave)
    with pytest.raises(SystemExit) as caught:
        server.handle_exit(signal.SIGINT, None)
    assert caught.value.code == 130


async def test_client_that_never_reads_does_not_keep_the_server(tmp_path: Path) -> None:
    """It gets no goodbye, and others are not held up by it."""
    with Process(
        tmp_path, measured=False, **UNLIMITED, shutdown_grace=4, stall_timeout=60
    ) as server:
        ada = server.person("ada")
        ada.create("order-17")
        async with ada.room("order-17") as talk:
            with stalled_reader(server, ada):
                for number in range(400):
                    answer = await talk.publish("x" * 15_000, f"r{number}")
                    assert answer["type"] == "ack"
                started = time.monotonic()
                server.popen.send_signal(signal.SIGTERM)
                code, reason, _ = await talk.closed()
                assert (code, reason) == (1012, "restart")
                assert time.monotonic() - started < 3
                assert await ended(server) == 0
                assert time.monotonic() - started < 5
    assert len(stored(server)) == 400


@contextmanager
def stalled_reader(server: Process, person: Person) -> Iterator[None]:
    """A client that joins a room and then takes nothing from its socket."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect((host, int(port)))
        raw.sendall(
            f"GET /items/order-17/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Version: 13\r\nAuthorization: Bearer {person.token}\r\n\r\n".encode()
        )
        assert raw.recv(12) == b"HTTP/1.1 101"
        yield


async def test_server_goes_on_when_nobody_reads_its_output(tmp_path: Path) -> None:
    """Whoever started it has gone, and closed both pipes."""
    started = Process(tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, measured=False)
    for pipe in (started.popen.stdout, started.popen.stderr):
        assert pipe is not None
        pipe.close()
    with started as server:
        ada = server.person("ada")
        ada.create("order-17")
        for _ in range(3):
            async with ada.room("order-17") as talk:
                assert (await talk.publish("hello"))["type"] == "ack"
        assert server.end() == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_listening_socket_gives_up_on_peers_that_acknowledge_nothing(
    tmp_path: Path, host: str
) -> None:
    """On either family, and on a port of its own."""
    with listen(make_settings(tmp_path, host=host, stall_timeout=3, ping_timeout=4)) as listening:
        assert listening.getsockname()[1] > 0
        timeout = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert timeout == 7000


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="the machine has no IPv6")
async def test_proxy_of_ipv4_is_believed_by_a_server_that_listens_everywhere(serve: Serve) -> None:
    """On `::` it is seen as `::ffff:127.0.0.1`; clients behind it are counted one by one."""
    server = serve(
        host="::",
        public_url="https://rooms.example.com",
        trusted_proxies="127.0.0.1",
        handshake_rate=0.01,
        handshake_burst=1,
    )

    async def end(client: str) -> str | int:
        forwarded = {"X-Forwarded-For": client}
        try:
            url = server.room_url("order-17")
            async with connect(url, proxy=None, additional_headers=forwarded) as room:
                return (await Talk(room).closed())[1]
        except InvalidStatus as error:
            return error.response.status_code

    clients = ["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1"]
    assert [await end(client) for client in clients] == ["auth_missing", "auth_missing", 429]


def test_server_told_to_stop_while_it_starts_never_listens(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It starts what it began to start, and stops that again."""
    server = build_server(make_settings(tmp_path))
    server.should_exit = True
    with caplog.at_level("INFO", "itemroom"):
        server.run([])
    assert "told to stop while starting" in caplog.text
    assert not server.started


def test_connection_is_kept_for_another_request_as_long_as_was_set(serve: Serve) -> None:
    """A proxy that is told the time does not meet an end in the middle of its next request."""
    server = serve(keep_alive=2)
    assert server.server.config.timeout_keep_alive == 2, "or uvicorn's own 5 s would do below"
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as kept:
        for _ in range(2):
            kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert answer(kept).startswith(b"HTTP/1.1 200 ")
        assert kept.recv(65536) == b""


def test_address_that_is_taken_is_named(tmp_path: Path) -> None:
    """An error without it would leave the operator guessing."""
    with listen(make_settings(tmp_path)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            listen(make_settings(tmp_path, port=port))


async def test_goodbye_is_said_in_batches_to_everybody(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two batches the event loop serves others."""
    monkeypatch.setattr("api.wire.server.DRAIN_BATCH", 2)
    server = serve()
    ada = server.person("ada")
    ada.create("order-17")
    async with AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(ada.room("order-17")) for _ in range(5)]
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        ends = await asyncio.gather(*(talk.closed() for talk in talks))
        await stopping
    assert {(code, reason) for code, reason, _ in ends} == {(1012, "restart")}


def test_server_with_a_process_of_its_own_collects_garbage_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one within somebody else's program: that is theirs to decide."""
    thresholds: list[int] = []
    monkeypatch.setattr(Server, "run", lambda *_: thresholds.append(gc.get_threshold()[0]))
    before = gc.get_threshold()
    try:
        serve(make_settings(tmp_path, port=0))
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
    assert thresholds == [COLLECT_AFTER]
