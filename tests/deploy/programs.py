"""Other people's programs, to run what `deploy/` has for them: the system's, else Debian's.

Debian's are unpacked below `bench/.peers`, once for a clone; nothing is installed on the system.
"""

import fcntl
import os
import shutil
from dataclasses import dataclass, field

import pytest

from bench.peers.install import PEERS, install_debian
from bench.peers.peer import AbsentError

# Servers are where an ordinary user's PATH does not lead.
PLACES = os.pathsep.join((os.environ["PATH"], "/usr/local/sbin", "/usr/sbin"))
PACKAGES = {
    "nginx": ["nginx"],
    "haproxy": ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"],
    "prometheus": ["prometheus"],
    "promtool": ["prometheus"],
}


@dataclass(frozen=True)
class Program:
    """A program, and what it needs in its environment."""

    path: str
    environment: dict[str, str] = field(default_factory=dict)


def find(name: str) -> Program:
    """A program by its name; several workers may want it at once, and one brings it."""
    if found := shutil.which(name, path=PLACES):
        return Program(found)
    packages = PACKAGES[name]
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
