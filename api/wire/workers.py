"""Several workers behind one port: who starts them, starts them again, and ends them.

Each is a whole server with a process of its own; this one serves nothing. All of them listen on the
port by themselves (SO_REUSEPORT), so that the kernel spreads what comes by its addresses: of those
who wait for one listening socket it wakes the last to come, which would get most.
"""

import logging
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from .link import READY

logger = logging.getLogger("itemroom.workers")

# Seconds until a worker that has died is started again, doubled with each death in a row.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# Seconds after which a worker counts as well.
WELL_AFTER = 60.0
STOPPING = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Worker:
    """A process, and this one's end of what binds them."""

    number: int
    process: "subprocess.Popen[bytes]"
    link: socket.socket
    begun_at: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    is_dead: bool = False


class Workers:
    """Owns the processes while `run` lasts, which is in the main thread.

    Args:
        commands: what starts each; `{link}` in it stands for a descriptor that it inherits.
        environments: of each.
    """

    def __init__(
        self, commands: Sequence[Sequence[str]], environments: Sequence[dict[str, str]]
    ) -> None:
        self._commands = commands
        self._environments = environments
        self._workers: list[Worker] = []
        self._deaths = [0] * len(commands)
        self._due: dict[int, float] = {}  # When which one is to be started again.
        self._selector = selectors.DefaultSelector()
        self._signals: list[int] = []
        self._stopping = False

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; the exit code. SIGHUP replaces one worker after another.

        A worker that does not get to serve at the beginning ends all: it has said why.
        """
        with self._hearing():
            # The first one alone: it may have to migrate.
            for numbers in (range(1), range(1, len(self._commands))):
                begun = [self._start(number) for number in numbers]
                self._wait_ready(begun)
                failed = next((worker for worker in begun if worker.is_dead), None)
                if self._stopping:
                    break
                if failed is not None:
                    self._stop(signal.SIGTERM)
                    self._wait_dead()
                    return failed.process.returncode or 1
            while not self._stopping:
                # Asked before anything is waited for: it may have come while they began.
                if signal.SIGHUP in self._signals:
                    self._signals.clear()
                    self._replace_all()
                else:
                    self._turn()
                    self._start_next()
            self._wait_dead()
        return 0

    def _start(self, number: int) -> Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            command = [part.replace("{link}", str(descriptor)) for part in self._commands[number]]
            # A session of its own: an interrupt at the terminal is for this process, which tells
            # them. A second signal would end them at once.
            process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                env=self._environments[number],
                pass_fds=[descriptor],
                start_new_session=True,
            )
        worker = Worker(number, process, ours)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        return worker

    def _turn(self) -> None:
        """Wait for something to happen, and see to what happens to the workers."""
        due = min(self._due.values(), default=None)
        wait = None if due is None else max(due - time.monotonic(), 0)
        for key, _ in self._selector.select(wait):
            if isinstance(key.data, Worker):
                self._hear(key.data)
            else:
                self._signals += key.fileobj.recv(64)  # type: ignore[union-attr] # our socket
        for number in [one for one in self._signals if one in STOPPING]:
            self._signals.remove(number)
            self._stop(number)

    def _hear(self, worker: Worker) -> None:
        said = worker.link.recv(1)
        if said == READY:
            worker.is_ready = True
            logger.info("worker %d serves (process %d)", worker.number, worker.process.pid)
        else:
            self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        """A worker's end of the link is gone, and so is the process, or it soon is."""
        self._selector.unregister(worker.link)
        worker.link.close()
        code = worker.process.wait()
        worker.is_dead = True
        self._workers.remove(worker)
        is_replaced = any(one.number == worker.number for one in self._workers)
        if self._stopping or is_replaced or not worker.is_ready:
            return
        self._retry(worker.number, lived=time.monotonic() - worker.begun_at)
        logger.error("worker %d has died (%d), and is started again", worker.number, code)

    def _retry(self, number: int, *, lived: float) -> None:
        former = 0 if lived > WELL_AFTER else self._deaths[number]
        self._deaths[number] = former + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(former, 30))
        self._due[number] = time.monotonic() + pause

    def _start_next(self) -> None:
        """Start the one that has been due for longest, if any is."""
        now = time.monotonic()
        number = next((one for one, due in self._due.items() if due <= now), None)
        if number is not None:
            del self._due[number]
            worker = self._start(number)
            self._wait_ready([worker])
            if worker.is_dead:
                self._retry(number, lived=0)

    def _replace_all(self) -> None:
        """One after the other: the new one serves before the old one drains."""
        for old in list(self._workers):
            new = self._start(old.number)
            self._wait_ready([new])
            if new.is_dead and not self._stopping:
                logger.error("worker %d stays: its replacement does not serve", old.number)
                return
            if not self._stopping:
                old.process.send_signal(signal.SIGTERM)
            while not (old.is_dead or self._stopping):
                self._turn()
            if self._stopping:
                return

    def _wait_ready(self, workers: Sequence[Worker]) -> None:
        while not self._stopping and not all(one.is_ready or one.is_dead for one in workers):
            self._turn()

    def _wait_dead(self) -> None:
        while self._workers:
            self._turn()

    def _stop(self, number: int) -> None:
        """Hand a signal on: the first drains, a second one ends at once."""
        self._stopping = True
        for worker in self._workers:
            worker.process.send_signal(number)

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        """Signals become bytes that can be waited for together with everything else."""
        ours, theirs = socket.socketpair()
        numbers = (*STOPPING, signal.SIGHUP)
        with ours, theirs:
            theirs.setblocking(False)
            former = {number: signal.signal(number, _hear_nothing) for number in numbers}
            wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
            self._selector.register(ours, selectors.EVENT_READ)
            try:
                yield
            finally:
                signal.set_wakeup_fd(wakeup)
                for number, handler in former.items():
                    signal.signal(number, handler)
                self._selector.close()


def _hear_nothing(_number: int, _frame: FrameType | None) -> None:
    """The byte says it: without a handler there would be none."""


def reserve(host: str, port: int) -> socket.socket:
    """Keep an address for workers: bound, and not listening; port 0 finds a free one.

    Raises:
        OSError: the address is taken or not ours.
    """
    address = (host, port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as alone:
        # Workers of another server would share the port with ours, and nobody would say so.
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(alone, address)
        taken = alone.getsockname()
    reserved = socket.socket(family)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(reserved, taken)
    return reserved


def _bind(one: socket.socket, address: tuple[object, ...]) -> None:
    try:
        one.bind(address)
    except OSError as error:
        one.close()
        raise OSError(error.errno, error.strerror, f"{address[0]}:{address[1]}") from error


def environment_of(number: int, name: str) -> dict[str, str]:
    """A worker's environment: it is a server with a name of its own."""
    return os.environ | {"ITEMROOM_NODE_NAME": f"{name} #{number}"}
