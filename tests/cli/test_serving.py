import os
import signal
import socket
import threading
from functools import partial
from pathlib import Path

import httpx2
import pytest

from api.settings import Settings
from tests.cli.commands import Command
from tests.cli.holding import held
from tests.databases import SECRET, rows
from tests.deadlines import scaled
from tests.process import Process
from tests.programs.postgresql import Cluster
from tests.programs.waiting import free_port, until


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--workers", "2"], {}), ([], {"WEB_CONCURRENCY": "4"})],
)
def test_more_than_one_worker_is_refused(
    itemroom: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    variables: dict[str, str],
) -> None:
    """SQLite has one writer, so a second process could only do harm."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert "one process" in itemroom.failed("serve", *arguments)


def test_worker_that_cannot_begin_ends_the_server_with_its_code(
    itemroom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has said why by itself."""
    monkeypatch.setenv("ITEMROOM_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
    monkeypatch.setenv("ITEMROOM_SECRET", SECRET)
    outcome = itemroom("serve", "--port", "0", "--workers", "2", "--worker-ports", "4000")
    assert (outcome.code, outcome.out) == (2, "")


def test_workers_serve_until_they_are_told_to_end(
    itemroom: Command, monkeypatch: pytest.MonkeyPatch, cluster: Cluster
) -> None:
    """It is a success, as of one server."""
    monkeypatch.setenv("ITEMROOM_DATABASE_URL", cluster.database())
    monkeypatch.setenv("ITEMROOM_SECRET", SECRET)
    port, own = free_port(), free_port()

    def end() -> None:
        until(partial(answers, own + 1))
        os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    outcome = itemroom("serve", "--port", str(port), "--workers", "2", "--worker-ports", str(own))
    ending.join()
    assert outcome.code == 0
    assert not answers(port)


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz").is_success
    except httpx2.TransportError:
        return False


def test_port_in_use_ends_serve_with_one_sentence(itemroom: Command) -> None:
    """It names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = itemroom.failed("serve", "--port", str(port))
    assert said == f"127.0.0.1:{port}: Address already in use."


def test_migrate_brings_the_schema_up_to_date(itemroom: Command, empty: Settings) -> None:
    """Says to which revision, may come twice, and gives the lock back."""
    first = itemroom.done("migrate")
    assert first == itemroom.done("migrate")
    assert "revision 0" in first
    assert rows(empty, "SELECT count(*) FROM item") == [(0,)]
    with held(empty, None):
        pass


def test_server_on_port_0_leaves_its_url_in_the_lock(tmp_path: Path) -> None:
    """And says in its log where it serves."""
    with Process(tmp_path) as server:
        assert not server.url.endswith(":0")
        assert f"serving {server.url}" in server.log


@pytest.mark.sqlite  # Several share another one.
def test_second_server_on_a_database_ends_with_one_sentence(tmp_path: Path) -> None:
    """The first one goes on."""
    with Process(tmp_path) as server:
        second = Process(tmp_path)
        assert second.popen.wait(scaled(30)) == 2
        assert server.popen.poll() is None
        assert server.log.splitlines()[-1].startswith("itemroom: test.db.lock: process ")
        assert "Traceback" not in server.log
