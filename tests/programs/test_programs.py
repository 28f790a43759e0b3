"""The programs that tests bring along start anywhere, and nothing of them stays."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import finding
from tests.programs.finding import find
from tests.programs.postgresql import Cluster, binaries
from tests.programs.redis import redis_server
from tests.programs.waiting import until

STARTING = """
import time
from tests.programs.postgresql import Cluster
from tests.programs.redis import redis_server
with Cluster() as cluster, redis_server() as redis:
    print(cluster.port, redis.port, cluster.folder, redis.folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has none of the programs."""
    monkeypatch.setattr(finding, "PLACES", os.devnull)
    monkeypatch.setattr(finding, "VERSIONED", {})


@pytest.mark.usefixtures("bare")
def test_machine_without_postgresql_has_that_of_the_wheel() -> None:
    """It makes a cluster, also below a folder of root's own, and serves it."""
    programs = binaries()
    assert programs.is_relative_to(sys.prefix)
    with Cluster(programs) as cluster:
        url = cluster.database()
        assert cluster.run("SELECT 1", url) == [(1,)]
        cluster.drop(url)


def test_version_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were not there; a machine with nothing newer and no wheel is a fault, not a skip."""
    monkeypatch.setattr(finding, "WHEELS", {})
    with pytest.raises(pytest.fail.Exception, match="there is no postgres"):
        find("postgres", suits=lambda _: False)


@pytest.mark.usefixtures("bare")
def test_machine_without_redis_has_another() -> None:
    """It is stopped and started at one address, and hangs on request."""
    with redis_server() as redis:
        redis.stop()
        assert not redis.answers()
        redis.start()
        assert redis.answers()
        redis.signal(signal.SIGSTOP)
        assert not redis.answers()
    assert not redis.answers()


def test_program_is_found_through_links_unless_they_lead_to_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beside it is where it is; but one file may be several programs, by their names."""
    folder = tmp_path / "real"
    folder.mkdir()
    for name in ("one", "check"):
        (folder / name).touch(0o755)
    (tmp_path / "one").symlink_to(folder / "one")
    (tmp_path / "other").symlink_to(folder / "check")
    monkeypatch.setattr(finding, "PLACES", str(tmp_path))
    assert find("one").path == str(folder / "one")
    assert find("other").path == str(tmp_path / "other")


def test_killed_tests_leave_no_program_behind() -> None:
    """Neither PostgreSQL nor Redis, nor their files."""
    with subprocess.Popen([sys.executable, "-c", STARTING], stdout=subprocess.PIPE) as tests:
        assert tests.stdout is not None
        *ports, cluster, redis = tests.stdout.readline().split()
        assert all(map(is_open, ports))
        tests.kill()
    until(lambda: not any(map(is_open, ports)))
    until(lambda: not Path(cluster.decode()).exists() and not Path(redis.decode()).exists())


def is_open(port: bytes) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", int(port))) == 0
