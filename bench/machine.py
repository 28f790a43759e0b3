"""The machine: which core serves, which one loads, and what a process takes."""

import os
import platform
import socket
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for whatever serves, another for the load: neither takes time from the other."""

    server: int
    load: int

    @property
    def shared(self) -> bool:
        """Whether the machine lends one core only, so that no figure says much."""
        return self.server == self.load


def cores() -> Cores:
    """The first and the last core that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[-1])


def pin(pid: int, core: int) -> None:
    """Keep a process, and what it starts from now on, on one core."""
    os.sched_setaffinity(pid, {core})


def cpu_seconds(pids: list[int]) -> float:
    """The time that processes, and those of their own that have ended, have computed so far."""
    return sum(_cpu_ticks(pid) for pid in pids) / TICKS


def all_cpu_seconds() -> float:
    """The time that all processes of the machine have computed, and what was stolen from it."""
    # user, nice, system, idle, iowait, irq, softirq, steal: interrupts are nobody's own.
    ticks = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
    return (ticks[0] + ticks[1] + ticks[2] + ticks[7]) / TICKS


def resident_bytes(pids: list[int]) -> int:
    """The memory that processes hold (RSS)."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * PAGE


def family(pid: int) -> list[int]:
    """A process and all that it has started, directly or not."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def program_of(pid: int) -> str:
    """The name of what a process runs, of which the kernel keeps 15 characters."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def free_port() -> int:
    """A port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def describe() -> dict[str, str]:
    """What a reader must know of the machine to judge a figure."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "begun": f"{time.strftime('%Y-%m-%d')}, at a load average of {os.getloadavg()[0]:.2f}",
        "before": f"{pace():.1f} ms for a fixed computation",
    }


def pace() -> float:
    """How long a core takes for a fixed computation, the best of some times, in milliseconds."""
    seconds = []
    for _ in range(7):
        begun = time.perf_counter()
        sum(number % 7 for number in range(200_000))
        seconds.append(time.perf_counter() - begun)
    return min(seconds) * 1000


def _cpu_ticks(pid: int) -> int:
    # The name of the program, in brackets, may hold blanks.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    # Of itself in user and kernel mode, and the same of its children that it has waited for:
    # PostgreSQL has a process for each connection, and some for a moment.
    return sum(map(int, fields[11:15]))
