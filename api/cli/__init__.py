"""`itemroom`: the command line. This file imports nothing, so that an interrupt is soon quiet."""

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

INTERRUPTED = 130
"""What a shell says of a program that SIGINT has ended."""


def main() -> None:
    """Run the command that the arguments name, and exit; an interrupt never shows a traceback."""
    # A shell's background jobs ignore it: then so do we.
    is_heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_heard:
        # While modules are imported an exception would come out in the middle of any of them.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .commands import run

    if is_heard:
        sys.unraisablehook = _unraisable
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        if is_heard:
            # The interpreter's own end is no place for exceptions either.
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _unraisable(report: "UnraisableHookArgs") -> None:
    """An interrupt in a finalizer would be shown, and lost: there it ends the program at once."""
    if report.exc_type is KeyboardInterrupt:
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(report)
