"""No credential in the log, also when the log is not ours: under any server, or mounted.

Other servers write the URL of a request with its query, and at `debug` its headers and frames, on
loggers and by handlers of their own, which may be replaced at any time, and partly before the
application has seen the request. Every record passes the factory of records, whoever writes it and
whatever shows it.
"""

import contextlib
import logging
import re
from collections.abc import Callable
from traceback import format_exception
from typing import Any

from .logs import HIDDEN, hide_credentials

# How websockets writes down a frame, at `debug`: a message of somebody's.
_FRAME = re.compile(r"([<>] (?:TEXT|BINARY|CONT)\b).+", re.DOTALL)


class CleanRecords:
    """Makes log records that hold no credential.

    Only credentials are hidden, no queries: the log is somebody else's, and so may be the page.
    """

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make

    def __call__(self, *arguments: Any, **named: Any) -> logging.LogRecord:
        """Make a record as `logging.LogRecord` would, then hide the credentials in it."""
        record = self._make(*arguments, **named)
        # Whatever a record's arguments do when they are asked for their text, `logging` reports;
        # whoever logs must not fail over it.
        with contextlib.suppress(Exception):
            _clean(record)
        return record


def guard_records() -> None:
    """From now on, in this process. It stays: other applications may be running as well."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, CleanRecords):
        logging.setLogRecordFactory(CleanRecords(make))


def _clean(record: logging.LogRecord) -> None:
    if isinstance(record.args, tuple):
        # One by one first: uvicorn's formatter of the access log needs the five that it gave.
        record.args = tuple(map(_clean_argument, record.args))
    message = record.getMessage()
    shown = _FRAME.sub(rf"\1 {HIDDEN}", hide_credentials(message))
    if shown != message and record.name != "uvicorn.access":
        record.msg, record.args = shown, ()
    if record.stack_info:
        record.stack_info = hide_credentials(record.stack_info)
    if record.exc_info and record.exc_info[1] is not None:
        trace = "".join(format_exception(record.exc_info[1])).rstrip("\n")
        if (shown := _by_line(trace)) != trace:
            # `logging.Formatter` takes this text; others would make their own of `exc_info`.
            record.exc_text, record.exc_info = shown, None


def _clean_argument(argument: object) -> object:
    return hide_credentials(argument) if isinstance(argument, str) else argument


def _by_line(text: str) -> str:
    return "\n".join(map(hide_credentials, text.split("\n")))
