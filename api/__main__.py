"""The program `itemroom`. Before all else it answers signals: to load the rest takes a second.

A signal ends a process that has no handler for it, but not the first process of a container: to
that one (PID 1) it is not even delivered. `docker stop` would wait in vain, and then kill.
"""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType


def main() -> None:
    """Answer signals, and run the command line."""
    answer_signals(sys.argv[1:], os.getpid())
    from .cli import main as run  # noqa: PLC0415 - that it comes second is the point

    run()


def answer_signals(arguments: Sequence[str], pid: int) -> None:
    """Until a command has handlers of its own, if it ever has.

    `os._exit` and no exception: one that is raised within an import may be caught there. Nothing
    has been touched so far.
    """
    if next((one for one in arguments if not one.startswith("-")), None) == "serve":
        # Python answers an interrupt itself until then, with another exit code: so this is first.
        signal.signal(signal.SIGINT, _succeed)
        signal.signal(signal.SIGTERM, _succeed)
    elif pid == 1:
        signal.signal(signal.SIGTERM, _fail)
    if pid == 1:
        # The deadline that a server sets for its own end: see `Server.handle_exit`.
        signal.signal(signal.SIGALRM, _fail)


def _succeed(_number: int, _frame: FrameType | None) -> None:
    """A stop that was asked for is a success, as it is later on."""
    os._exit(0)


def _fail(number: int, _frame: FrameType | None) -> None:
    """As a shell tells of a process that a signal ended."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
