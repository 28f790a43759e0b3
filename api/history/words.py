"""The values that commands take, over HTTP as over the socket: one definition for both."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from ..letters import UNRULY, check_addressable, check_visible

MAX_SEQ = 2**53
# The same for who reads OpenAPI; half a character is none of JSON's.
SHOWABLE_LINE = {"pattern": f"^[^{UNRULY}]*$"}
_UNSHOWABLE = re.compile(rf"[{UNRULY}\ud800-\udfff]")


def check_printable(text: str) -> str:
    """The text, or ValueError when a line of a log or terminal could not show it."""
    if not text.isprintable():
        raise ValueError("only printable characters")
    return text


def is_showable(text: str) -> bool:
    """Whether all of a text stays in its place in one line that people read."""
    return _UNSHOWABLE.search(text) is None


def showable(text: str) -> str:
    """Text that stays on its line: a line break or escape could fake somebody else's words."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def check_showable(text: str) -> str:
    """The text, or ValueError when it holds what has no place in one line that people read."""
    if _UNSHOWABLE.search(text):
        raise ValueError("no control characters, and none that change the writing direction")
    return text


def check_text(text: str) -> str:
    """The text, or ValueError for U+0000, which no body may hold.

    Half a character, which none may hold either, is refused where JSON is read, or by pydantic.
    """
    if "\0" in text:
        raise ValueError("no U+0000")
    return text


def whole(value: object) -> object:
    """A number without a fraction as an integer: in JSON, and for OpenAPI, 3.0 is 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Ref = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="Your own id for this command: a retry with the same ref stores nothing twice.",
        examples=["a1"],
        json_schema_extra=SHOWABLE_LINE,
    ),
    AfterValidator(check_showable),
]
ReactionValue = Annotated[
    str,
    Field(min_length=1, max_length=32, examples=["👍"], json_schema_extra=SHOWABLE_LINE),
    AfterValidator(check_showable),
]
# One that is put on. What was put on before there was this rule can still be taken back.
NewReactionValue = Annotated[
    ReactionValue, AfterValidator(check_addressable), AfterValidator(check_visible)
]
