"""Where the tests' temporary files lie: in memory, where there is enough of it.

Each commit waits for the disk, and so does each server that starts: together that is more than a
third of the time of a test with a database. The server asks for every sync all the same, and which
of them it needs is what `tests/power` looks at; nobody pulls the plug of this machine meanwhile.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
# Bytes; a run needs a tenth of them, with Chromium's and PostgreSQL's files.
ROOM = 4 << 30


def use_memory() -> None:
    """For this process and all that it starts, unless somebody has chosen a place already."""
    if "TMPDIR" not in os.environ and suits(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # To be found anew.


def suits(folder: Path) -> bool:
    """Whether it is there for us, has room, and lets programs run that tests put there."""
    return (
        folder.is_dir()
        and os.access(folder, os.W_OK | os.X_OK)
        and shutil.disk_usage(folder).free >= ROOM
        and not os.statvfs(folder).f_flag & os.ST_NOEXEC
    )
