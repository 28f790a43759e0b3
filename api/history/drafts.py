"""The body of a message in the making: where its text stands, and how it grows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import Refusal

MAIN = -1
"""The part that is the body's own text: the body itself if it is a string, else its `text`."""


@dataclass(frozen=True, slots=True)
class Grown:
    """The answer to an addition: how long the text is now, in code points."""

    length: int
    stopped: bool = False
    """Whether somebody wants it to end."""
    duplicate: bool = False


class Draft:
    """A body whose texts grow. Lengths and places are counted in Unicode code points.

    Args:
        body: JSON, as it was when the message was begun.

    Raises:
        Refusal: `bad_message`: there is no text in it.
    """

    __slots__ = ("_body", "lengths")

    def __init__(self, body: bytes) -> None:
        self._body: Any = orjson.loads(body)
        self.lengths: dict[int, int] = _lengths(self._body)
        """By part; what can grow."""
        if not self.lengths:
            raise Refusal("bad_message", "A stream's body is a string, or has text or parts.")

    def add(self, part: int, text: str) -> None:
        """Put a text behind what is there."""
        if isinstance(self._body, str):
            self._body += text
        else:
            self._holder(part)["text"] += text
        self.lengths[part] += len(text)

    def rest(self, part: int, at: int) -> str:
        """The text from a place on."""
        whole = self._body if isinstance(self._body, str) else self._holder(part)["text"]
        return str(whole[at:])

    def json(self) -> bytes:
        """As it stands now."""
        return orjson.dumps(self._body)

    def _holder(self, part: int) -> dict[str, Any]:
        holder: dict[str, Any] = self._body if part == MAIN else self._body["parts"][part]
        return holder


def length_of(lengths: Mapping[int, int]) -> int:
    """Of a body's own text; of the first part that has one, where it has none."""
    return next(iter(lengths.values()))


def _lengths(body: Any) -> dict[int, int]:
    if isinstance(body, str):
        return {MAIN: len(body)}
    if not isinstance(body, dict):
        return {}
    parts = body.get("parts")
    found = {MAIN: len(body["text"])} if isinstance(body.get("text"), str) else {}
    found |= {
        number: len(part["text"])
        for number, part in enumerate(parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    }
    return found
