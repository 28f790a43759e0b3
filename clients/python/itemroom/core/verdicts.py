"""What the end of a connection, or a handshake that was denied, means."""

import json
import math
from collections.abc import Mapping
from typing import Any

from itemroom.core.entries import Fields
from itemroom.core.errors import Refused, Retry

# Closed with these, a client would only be closed again: it does something wrong.
MISTAKES = frozenset({1002, 1003, 1007, 1009})

# Refused with these, another credential may do.
CREDENTIALS = frozenset(
    {"auth_missing", "auth_invalid", "auth_ambiguous", "auth_expired", "ticket_used"}
)


def closing(frame: Fields) -> Refused:
    """What a `closing` frame says."""
    retry = frame["retry"]
    return Refused(
        frame["reason"],
        frame.get("message", ""),
        retry=retry if retry in ("later", "after_auth") else "never",
        retry_after=_seconds(frame.get("retry_after")),
        close_code=frame.get("code", 1008),
    )


def closed(code: int | None) -> Refused:
    """What an end without a `closing` frame means; no code: the connection was lost."""
    if code is None:
        return Refused("lost", "The connection was lost.", retry="later")
    retry: Retry = "never" if code in MISTAKES else "later"
    sentence = f"The connection was closed ({code})."
    return Refused(f"close_{code}", sentence, retry=retry, close_code=code)


def denied(status: int, headers: Mapping[str, str], body: bytes) -> Refused:
    """What an HTTP answer says that is no success."""
    problem = _problem(body)
    wait = _seconds(problem.get("retry_after"))
    code = problem.get("code", f"http_{status}")
    retry: Retry = "after_auth" if code in CREDENTIALS else "never"
    return Refused(
        code,
        problem.get("detail", f"The server answered {status}."),
        retry="later" if status == 429 or status >= 500 else retry,
        retry_after=_seconds(headers.get("Retry-After")) if wait is None else wait,
        status=status,
        length=problem.get("length"),
    )


def _problem(body: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(body)
    except ValueError:
        return {}  # The page of a proxy.
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), str):
        return {}
    return problem


def _seconds(value: object) -> float | None:
    """A time to wait; None for a date, which Retry-After may be too, and for nonsense."""
    try:
        seconds = float(value)  # type: ignore[arg-type] # what it may be is the question
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
