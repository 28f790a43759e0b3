"""What is ended and removed even if the process of the tests is killed."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

# Reads the end of its input when the tests are gone, in whatever way: then it does what is left.
WATCHER = "read -r _; "


@contextmanager
def last_will(script: str, *arguments: str) -> Iterator[None]:
    """Runs a script of the shell after the block, or without it as soon as this process ends.

    A terminal's interrupt is not for it: it has a session of its own.
    """
    watcher = subprocess.Popen(
        ["sh", "-c", WATCHER + script, "sh", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    assert watcher.stdin is not None
    try:
        yield
    finally:
        watcher.stdin.close()
        watcher.wait()
