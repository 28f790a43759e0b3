"""The unit, judged by systemd and run as it says."""

import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import httpx2
import pytest

from api.settings import Settings
from api.wire.server import EXIT_MARGIN
from tests.deploy.shipped import Shipped
from tests.docs.reading import ROOT
from tests.nodes.serving import SECRET
from tests.process import ITEMROOM, PATIENCE
from tests.programs.finding import PLACES
from tests.programs.postgresql import Cluster
from tests.programs.waiting import free_port

UNIT = ROOT / "deploy" / "systemd" / "itemroom.service"
SEVERAL = UNIT.with_name("itemroom@.service")
PROGRAM = "/opt/itemroom/.venv/bin/itemroom"
STATE = "/var/lib/itemroom"
# Of 100, which is no protection at all.
WORST_EXPOSURE = 15
# NoNewPrivileges= and MemoryDenyWriteExecute= as the kernel has them: the latter since 6.3, and
# systemd filters system calls before that.
WALLS = """
import ctypes, os, resource, sys
kernel = ctypes.CDLL(None)
assert kernel.prctl(38, 1, 0, 0, 0) == 0
kernel.prctl(65, 1, 0, 0, 0)
files = min(int(sys.argv[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
os.execv(sys.argv[2], sys.argv[2:])
"""


def read_unit(unit: Path = UNIT) -> dict[str, list[str]]:
    """The values of each key; no key of ours stands in two sections."""
    values = defaultdict(list)
    for line in unit.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, equals, value = line.partition("=")
            assert equals, line
            values[key].append(value)
    return values


def one(key: str, unit: Path = UNIT) -> str:
    """The value of a key that comes once."""
    (value,) = read_unit(unit)[key]
    return value


def variables() -> dict[str, str]:
    """What the unit puts into the environment."""
    return dict(value.split("=", 1) for value in read_unit()["Environment"])


@pytest.fixture
def analyze() -> str:
    """The judge that systemd brings."""
    return shutil.which("systemd-analyze", path=PLACES) or pytest.skip("there is no systemd")


@pytest.fixture(params=[UNIT, SEVERAL], ids=lambda unit: str(unit.name))
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit with the program's place as it is here; of several, that of one port."""
    unit: Path = request.param
    here = tmp_path / unit.name.replace("@", "@8000")
    here.write_text(unit.read_text().replace(PROGRAM, str(ITEMROOM)))
    return here


def test_systemd_takes_every_line(analyze: str, here: Path) -> None:
    """It says so of every key and value that it does not understand."""
    verdict = subprocess.run(
        [analyze, "verify", "--man=no", here], capture_output=True, text=True, check=False
    )
    complaints = [line for line in verdict.stderr.splitlines() if here.name in line]
    assert (verdict.returncode, complaints) == (0, [])


def test_systemd_finds_little_exposed(analyze: str, here: Path) -> None:
    """What is left open is named by `systemd-analyze security`: mostly that it has a network."""
    judge = [analyze, "security", "--offline=yes", f"--threshold={WORST_EXPOSURE}", str(here)]
    verdict = subprocess.run(judge, capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_the_time_to_stop_is_enough_for_the_grace() -> None:
    """SIGKILL comes after the server has given up by itself."""
    settings = Settings(shutdown_grace=float(variables()["ITEMROOM_SHUTDOWN_GRACE"]))
    assert float(one("TimeoutStopSec")) > settings.shutdown_grace + EXIT_MARGIN


def start(directory: Path) -> Shipped:
    """The program as the unit starts it, under those of its walls that need no systemd."""
    assert variables()["ITEMROOM_DATABASE_URL"] == f"sqlite:///{STATE}/itemroom.db"
    assert one("WorkingDirectory") == STATE
    assert one("NoNewPrivileges") == one("MemoryDenyWriteExecute") == "yes"
    command = [str(ITEMROOM), *shlex.split(one("ExecStart").removeprefix(PROGRAM))]
    walls = [sys.executable, "-c", WALLS, one("LimitNOFILE")]
    return Shipped(directory, [*walls, *command], variables(), umask=int(one("UMask"), 8))


@pytest.mark.sqlite  # One server by itself is shipped with a file.
def test_the_unit_serves_and_ends_as_it_says(tmp_path: Path) -> None:
    """With nothing of this environment but what the unit and its file of settings give."""
    with start(tmp_path) as unit:
        assert httpx2.get(f"{unit.url}/readyz", trust_env=False).status_code == 200
        unit.person("ada").create("order-17")
        assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("test.db*")} == {0}
        assert unit.end(signal.Signals[one("KillSignal")]) == 0
    assert not [line for line in unit.log.splitlines() if "WARNING" in line]


def test_several_have_the_same_walls_and_a_database_that_is_no_file() -> None:
    """What differs is what makes it one of several."""
    alone, several = read_unit(UNIT), read_unit(SEVERAL)
    differing = {key for key in alone | several if alone.get(key) != several.get(key)}
    own = {"StateDirectory", "StateDirectoryMode", "WorkingDirectory"}
    assert differing - own == {
        "Description",
        "After",
        "ExecStart",
        "Environment",
        "EnvironmentFile",
    }
    assert one("ExecStart", SEVERAL) == f"{one('ExecStart')} --port %i"
    assert "ITEMROOM_NODE_NAME=%H:%i" in several["Environment"]
    # Without it there is no database: it has to be there.
    assert not one("EnvironmentFile", SEVERAL).startswith("-")


def test_one_of_several_serves_and_ends_as_it_says(tmp_path: Path, cluster: Cluster) -> None:
    """On PostgreSQL, under the same walls, with what the unit gives alone."""
    port = free_port()
    command = one("ExecStart", SEVERAL).replace("%i", str(port)).removeprefix(PROGRAM)
    given = [value.replace("%H:%i", f"here:{port}") for value in read_unit(SEVERAL)["Environment"]]
    own = {"ITEMROOM_DATABASE_URL": cluster.database(), "ITEMROOM_SECRET": SECRET}
    with (tmp_path / "log").open("wb") as log:
        popen = subprocess.Popen(
            [sys.executable, "-c", WALLS, one("LimitNOFILE", SEVERAL), ITEMROOM, *command.split()],
            env=dict(value.split("=", 1) for value in given) | own,
            cwd="/",
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + PATIENCE
    try:
        while not is_ready(port):
            assert popen.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        popen.send_signal(signal.Signals[one("KillSignal", SEVERAL)])
        assert popen.wait(PATIENCE) == 0
    finally:
        popen.kill()
        popen.wait()


def is_ready(port: int) -> bool:
    try:
        answer = httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=PATIENCE)
    except httpx2.TransportError:
        return False
    return answer.status_code == 200
