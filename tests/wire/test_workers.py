"""Who starts workers, starts them again, and ends them: with programs that are no servers."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from api.wire import workers as workers_module
from api.wire.link import Link
from api.wire.workers import Workers, environment_of, reserve
from tests.programs.waiting import until

# Says that it has begun, and that it serves; drains for as long as a file is there.
WORKER = """
import os, pathlib, signal, socket, sys, time
link = socket.socket(fileno=int(sys.argv[1]))
number, folder = sys.argv[2], pathlib.Path(sys.argv[3])
if (folder / f"failing-{number}").exists():
    (folder / f"failed-{number}-{os.getpid()}").touch()
    sys.exit(3)
def drain(*_):
    while (folder / "draining").exists():
        time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGTERM, drain)
while (folder / "slow").exists():
    (folder / f"slow-{number}").touch()
    time.sleep(0.01)
(folder / f"{number}-{os.getpid()}").touch()
link.send(b"R")
link.recv(1)
"""


class Scene:
    """Workers of a test, run in the main thread while a script acts in another."""

    def __init__(self, folder: Path, count: int = 2) -> None:
        self.folder = folder
        self.code: int | None = None
        command = [sys.executable, "-c", WORKER, "{link}"]
        self.workers = Workers(
            [[*command, str(number), str(folder)] for number in range(count)],
            [environment_of(number, "node") for number in range(count)],
        )

    def play(self, script: Callable[[], None]) -> int:
        """The exit code. What the script asserts is asserted."""
        failures: list[BaseException] = []

        def act() -> None:
            try:
                script()
            except BaseException as error:
                failures.append(error)
            finally:
                self.tell(signal.SIGTERM)

        acting = threading.Thread(target=act)
        acting.start()
        try:
            code = self.workers.run()
        finally:
            acting.join()
        if failures:
            raise failures[0]
        return code

    def begun(self, number: int) -> list[int]:
        """The processes that have served under a number."""
        return [int(path.name.split("-")[1]) for path in self.folder.glob(f"{number}-*")]

    def has_begun(self, number: int, count: int) -> bool:
        """Whether so many have."""
        return len(self.begun(number)) == count

    def failed(self, number: int) -> list[Path]:
        """What those leave that have not."""
        return list(self.folder.glob(f"failed-{number}-*"))

    @staticmethod
    def tell(which: signal.Signals) -> None:
        os.kill(os.getpid(), which)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(workers_module, "FIRST_PAUSE", 0.01)
    return Scene(tmp_path)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_worker_that_dies_is_started_again_and_all_end_together(scene: Scene) -> None:
    """Each as often as it takes; nobody is left."""

    def script() -> None:
        until(lambda: bool(scene.begun(0) and scene.begun(1)))
        for count in (2, 3):
            [alive] = filter(is_alive, scene.begun(1))
            os.kill(alive, signal.SIGKILL)
            until(partial(scene.has_begun, 1, count))
        assert len(scene.begun(0)) == 1

    assert scene.play(script) == 0
    assert not any(map(is_alive, scene.begun(0) + scene.begun(1)))


def test_worker_that_cannot_begin_ends_all_with_its_code(scene: Scene) -> None:
    """At the start alone; it has said why."""
    (scene.folder / "failing-1").touch()
    assert scene.workers.run() == 3
    assert not any(map(is_alive, scene.begun(0)))


def test_worker_that_cannot_begin_again_is_tried_until_it_can(scene: Scene) -> None:
    """The others go on meanwhile."""

    def script() -> None:
        until(lambda: bool(scene.begun(1)))
        failing = scene.folder / "failing-1"
        failing.touch()
        os.kill(scene.begun(1)[0], signal.SIGKILL)
        until(lambda: not is_alive(scene.begun(1)[0]))
        until(lambda: len(scene.failed(1)) >= 2)
        failing.unlink()
        until(lambda: len(scene.begun(1)) == 2)

    assert scene.play(script) == 0


def test_hangup_replaces_one_after_the_other(scene: Scene) -> None:
    """The new one serves before the old one drains."""

    def script() -> None:
        until(lambda: bool(scene.begun(0) and scene.begun(1)))
        (scene.folder / "draining").touch()
        olds = scene.begun(0) + scene.begun(1)
        scene.tell(signal.SIGHUP)
        until(lambda: len(scene.begun(0)) == 2)
        assert all(map(is_alive, olds))
        assert len(scene.begun(1)) == 1
        (scene.folder / "draining").unlink()
        until(lambda: len(scene.begun(1)) == 2)
        until(lambda: not any(map(is_alive, olds)))

    assert scene.play(script) == 0


def test_replacement_that_does_not_serve_leaves_the_old_one(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """And nobody else is replaced."""

    def script() -> None:
        until(lambda: bool(scene.begun(0) and scene.begun(1)))
        (scene.folder / "failing-0").touch()
        scene.tell(signal.SIGHUP)
        until(lambda: "worker 0 stays" in caplog.text)
        assert all(map(is_alive, scene.begun(0) + scene.begun(1)))

    assert scene.play(script) == 0
    assert (len(scene.begun(0)), len(scene.begun(1))) == (1, 1)


@pytest.mark.parametrize("moment", ["beginning", "waiting for the new", "waiting for the old"])
def test_stop_in_the_midst_of_something_ends_all(scene: Scene, moment: str) -> None:
    """Nobody who has begun is left, nor begins."""

    def script() -> None:
        until(lambda: bool(scene.begun(0)))
        if moment == "beginning":
            return
        until(lambda: bool(scene.begun(1)))
        (scene.folder / ("slow" if "new" in moment else "draining")).touch()
        scene.tell(signal.SIGHUP)
        if "new" in moment:
            until((scene.folder / "slow-0").exists)
        else:
            until(lambda: len(scene.begun(0)) == 2)
            scene.tell(signal.SIGTERM)
            (scene.folder / "draining").unlink()

    assert scene.play(script) == 0
    assert not any(map(is_alive, scene.begun(0) + scene.begun(1)))


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    return signals


def test_worker_ends_with_whoever_started_it(killed: list[tuple[int, int]]) -> None:
    """However that ended; until then it only says that it serves."""
    ours, theirs = socket.socketpair()
    link = Link(theirs.detach())
    link.tell_ready()
    assert ours.recv(1) == b"R"
    link.watch()
    assert killed == []
    ours.close()
    until(lambda: killed == [(os.getpid(), signal.SIGTERM)])
    link.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_address_is_kept_for_workers_alone(host: str) -> None:
    """Those of another server find it taken, and those of this one do not."""
    with reserve(host, 0) as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(OSError, match=f":{port}"):
            reserve(host, port)
        with socket.socket(reserved.family) as worker:
            worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            worker.bind((host, port))
