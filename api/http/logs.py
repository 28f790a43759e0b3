"""Logging: one line a record, and no secret in it, whoever wrote it.

Redaction sits in the formatters, which every record passes on its way out: uvicorn writes the
URLs of sockets with their query on `uvicorn.error`, also without an access log, and an
exception's text is known only when it is formatted.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson

from ..settings import Settings

HIDDEN = "[hidden]"
# These say what they handle when asked for more: frames with their bodies, headers with
# credentials, statements with their parameters.
_LIBRARY_FLOORS = {
    "alembic": "WARNING",
    "asyncio": "INFO",
    "httpcore2": "INFO",
    "httpx2": "WARNING",
    "jose": "WARNING",
    "passlib": "WARNING",
    "python_multipart": "WARNING",
    "sqlalchemy": "WARNING",
    "uvicorn": "INFO",
    "uvicorn.access": "INFO",
    "uvicorn.asgi": "INFO",
    "uvicorn.error": "INFO",
    "websockets": "INFO",
}
# Of a URL's query only these parameters are shown, and only values that cannot hide anything.
# A list of secret names would not do: `%74oken` is one too.
_PLAIN_PARAMETER = re.compile(r"(?:after|before|limit|tail)=[0-9]{0,19}")
_QUERY = re.compile(r"(?<=\?)[^\s\"'<>#]+")
_JWT = re.compile(r"\beyJ[\w-]{4,}(?:\.|%2[eE])[\w.%-]+")
# Service keys, and what is in the links of invites.
_KEY = re.compile(r"\bir[ki]_[\w-]{8,}")
_BEARER = re.compile(r"\bbearer([ .:]|%20)\s*[^\s,;\"']+", re.IGNORECASE)
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization|(?:set-)?cookie|sec-websocket-protocol)(b?[\"']?\s*[:=,]\s*)\S.*",
    re.IGNORECASE,
)
_NAMES = r"(?:\w*(?:token|ticket|password|passwd|secret|api_?key|session)|jwt)"
_PAIR = re.compile(
    rf"\b({_NAMES}[\"']?\s*[:=]\s*)(?!\[hidden\])(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&)}}\]]+)",
    re.IGNORECASE,
)
# The same in a query, where the name may be encoded.
_PARAMETER = re.compile(r"(?<![\w%+.-])([\w%+.-]+)=(?!\[hidden\])[^\s&\"'<>#;,)}\]]+")
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
# What a terminal obeys, what starts a new line, and what turns the order of letters around.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def redact(text: str) -> str:
    """The text without what looks like a credential, and without queries. Line by line."""
    return hide_credentials(_QUERY.sub(_shown_query, text))


def hide_credentials(text: str) -> str:
    """The text without what looks like a credential; doing it twice changes nothing more."""
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    text = _PARAMETER.sub(_shown_parameter, text)
    text = _JWT.sub(HIDDEN, text)
    text = _KEY.sub(HIDDEN, text)
    text = _BEARER.sub(rf"bearer {HIDDEN}", text)
    return _PAIR.sub(rf"\1{HIDDEN}", text)


def _shown_query(match: re.Match[str]) -> str:
    parts = match[0].split("&")
    return "&".join(part if _PLAIN_PARAMETER.fullmatch(part) else HIDDEN for part in parts)


def _shown_parameter(match: re.Match[str]) -> str:
    is_secret = _SECRET_NAME.fullmatch(unquote(unquote(match[1])))
    return f"{match[1]}={HIDDEN}" if is_secret else match[0]


def escape(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class TextFormatter(logging.Formatter):
    """A line for people; the lines of a traceback follow, marked so that none can be forged.

    Args:
        worker: number of the worker whose log it is; None: there is one process.
    """

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = "" if worker is None else f" #{worker}"

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        who = f"{record.name}{self._worker}"
        line = f"{_time(record)} {record.levelname:<7} {who}: {_message(record)}"
        return "\n    | ".join([line, *_traceback(self, record)])


class JsonFormatter(logging.Formatter):
    """A JSON object a line, for programs; with the worker's number, if there are several."""

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        fields: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        } | self._worker
        if lines := _traceback(self, record):
            fields["traceback"] = lines
        return orjson.dumps(fields).decode()


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"


def _message(record: logging.LogRecord) -> str:
    return escape(redact(record.getMessage()))


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    elif record.exc_text:  # What `CleanRecords` left of it.
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return [escape(redact(line)) for part in parts for line in part.split("\n")]


def configure(settings: Settings, worker: int | None = None) -> dict[str, Any]:
    """The configuration for `logging.config.dictConfig`, and so for uvicorn's `log_config`.

    uvicorn must be given no `log_level` beside it, which would overrule the floors.

    Args:
        settings: of the server.
        worker: its number among several; None: it is the only one.
    """
    formatter = JsonFormatter if settings.log_format == "json" else TextFormatter
    level = settings.log_level.upper()
    floors = {
        name: {"level": max(level, floor, key=_rank), "handlers": [], "propagate": True}
        for name, floor in _LIBRARY_FLOORS.items()
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"itemroom": {"()": formatter, "worker": worker}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "itemroom",
            }
        },
        "loggers": floors,
        "root": {"handlers": ["stderr"], "level": level},
    }


def _rank(level: str) -> int:
    return logging.getLevelNamesMapping()[level]
