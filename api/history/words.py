"""The values that commands take, over HTTP as over the socket: one definition for both."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from api.letters import check_addressable, check_visible

MAX_SEQ = 2**53
# Control characters, surrogates and line ends. Not all that Python calls unprintable: the joiner
# U+200D, without which many emoji fall apart, is a format character.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn what follows, on every receiver's screen.
_DIRECTION_CHANGES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# The same for who reads OpenAPI; half a character is none of JSON's.
_SHOWABLE = r"[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]"
SHOWABLE_LINE = {"pattern": f"^{_SHOWABLE}*$"}


def check_printable(text: str) -> str:
    """The text, or ValueError when a line of a log or terminal could not show it."""
    if not text.isprintable():
        raise ValueError("only printable characters")
    return text


def is_showable(character: str) -> bool:
    """Whether a character stays in its place in one line that people read."""
    return (
        unicodedata.category(character) not in _REFUSED_CATEGORIES
        and character not in _DIRECTION_CHANGES
    )


def check_showable(text: str) -> str:
    """The text, or ValueError when it holds what has no place in one line that people read."""
    if not all(map(is_showable, text)):
        raise ValueError("no control characters, and none that change the writing direction")
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
