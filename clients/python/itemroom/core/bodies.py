"""What people read of a message's body; see "Bodies" in docs/protocol.md."""

import json
from collections.abc import Iterable
from typing import Any

# Nested deeper, the server could not even read whose frame it is; its own limit is far below.
MAX_NESTING = 500
MAX_INTEGER = 2**53


def text_of(body: object) -> str:
    """The body itself when it is text, or the `text` of an object; else its JSON."""
    text = body.get("text") if isinstance(body, dict) else body
    if isinstance(text, str):
        return text
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def texts_in(body: Any) -> dict[int | None, str]:
    """The texts that can grow: of the body itself under None, of its `parts` by their numbers."""
    if isinstance(body, str):
        return {None: body}
    if not isinstance(body, dict):
        return {}
    parts = body.get("parts")
    found: dict[int | None, str] = {}
    if isinstance(body.get("text"), str):
        found[None] = body["text"]
    for number, part in enumerate(parts if isinstance(parts, list) else ()):
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            found[number] = part["text"]
    return found


def with_text(body: Any, part: int | None, text: str) -> Any:
    """The body with another text; the one that was given stays as it is."""
    if isinstance(body, str):
        return text
    if part is None:
        return {**body, "text": text}
    parts = list(body["parts"])
    parts[part] = {**parts[part], "text": text}
    return {**body, "parts": parts}


def fault_in(value: object) -> str | None:
    """What of a JSON value would make the server unable to tell which command it is refusing."""
    parts = [value]
    for _ in range(MAX_NESTING):
        if fault := next(filter(None, map(_fault_of, parts)), None):
            return fault
        parts = [inner for part in parts for inner in _inside(part)]
        if not parts:
            return None
    return "The body is nested too deeply."


def _fault_of(part: object) -> str | None:
    if isinstance(part, str) and "\0" in part:
        return "Text must not contain U+0000."
    if isinstance(part, int) and abs(part) > MAX_INTEGER:
        return "Integers must be within ±2^53."
    return None


def _inside(part: object) -> Iterable[object]:
    if isinstance(part, dict):
        return [*part, *part.values()]
    return part if isinstance(part, list) else ()
