"""What a peer is, and how one is started on the server's core and ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.load.dialect import Dialect
from bench.machine import cpu_seconds, family, free_port, pin, program_of, resident_bytes

SOURCES = Path(__file__).parent / "sources"
PATIENCE = 60.0  # seconds, for a server to start
GRACE = 10.0  # seconds, for it to end


class AbsentError(Exception):
    """A peer cannot be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class World:
    """What a scenario needs to exist: rooms, members of each, entries in the rooms' logs."""

    rooms: int = 1
    members: int = 1
    logs: tuple[int, ...] = (0,)
    """Entries by room; when there are more rooms, they go on from the first."""
    limits_raised: bool = True
    """Whether a peer that limits what one client may do is told to let the load through."""
    servers: int = 1
    """How many of them share the rooms; all on the server's core."""

    def entries(self, room: int) -> int:
        """How long a room's log is."""
        return self.logs[room % len(self.logs)]

    def server(self, room: int, member: int) -> int:
        """Where somebody is connected: members of a room are at different ones."""
        return (room + member) % self.servers


Arguments = list[str | Path]


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start, and the port that it answers on when it is ready."""

    arguments: Arguments
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = ""
    """What it prints when it is ready, if it answers before."""


class Peer(Protocol):
    """A server to be measured."""

    name: str
    title: str
    keeps: str
    """What it still has of a message after a power cut."""

    def install(self) -> None:
        """Bring it into its folder, unless it is there; raises AbsentError."""

    def versions(self) -> dict[str, str]:
        """Its parts and their versions."""

    def commands(self, port: int, world: World, folder: Path) -> Iterable[Command]:
        """What to start, in order; `folder` is empty, and removed in the end.

        Each is ready before the next is asked for, which may need it.
        """

    def dialect(self, port: int, world: World) -> Dialect:
        """How to speak to it."""


@dataclass(frozen=True, slots=True)
class Site:
    """A peer that runs."""

    peer: Peer
    world: World
    port: int
    dialect: Dialect
    processes: Sequence[subprocess.Popen[bytes]]

    @property
    def pids(self) -> list[int]:
        """Its processes, and all that they have started."""
        return [pid for process in self.processes for pid in family(process.pid)]

    def cpu_seconds(self) -> float:
        """What it has computed so far."""
        return cpu_seconds(self.pids)

    def cpu_seconds_of(self, program: str) -> float:
        """What those of its processes have computed that run a program."""
        return cpu_seconds([pid for pid in self.pids if program_of(pid) == program])

    def resident_bytes(self) -> int:
        """What it holds in memory."""
        return resident_bytes(self.pids)


@contextmanager
def started(peer: Peer, world: World, folder: Path, *, core: int) -> Iterator[Site]:
    """A peer, ready to be connected to, on one core; ended with the block."""
    port = free_port()
    with ExitStack() as stack:
        processes = []
        for command in peer.commands(port, world, folder):
            process = stack.enter_context(_run(command, folder, core=core))
            processes.append(process)
            _wait_until_ready(process, command, folder)
        yield Site(peer, world, port, peer.dialect(port, world), processes)


def log_of(folder: Path) -> str:
    """The end of what a peer's programs have printed."""
    log = folder / "log"
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


@contextmanager
def _run(command: Command, folder: Path, *, core: int) -> Iterator[subprocess.Popen[bytes]]:
    inherited = {name: value for name, value in os.environ.items() if "ITEMROOM_" not in name}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own peers
            [str(argument) for argument in command.arguments],
            env=inherited | dict(command.environment),
            cwd=folder,
            stdout=log,
            stderr=log,
            # So that what it starts ends with it: Node's wheel runs Node from a wrapper.
            start_new_session=True,
        )
    pin(process.pid, core)
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    # It may have ended by itself.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], command: Command, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AbsentError(f"it ended by itself: {log_of(folder)}")
        if _answers(command.port) and command.ready in log_of(folder):
            return
        time.sleep(0.02)
    raise AbsentError("it did not start")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
