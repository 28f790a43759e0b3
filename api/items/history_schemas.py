"""What the calls about the log take and give."""

import re
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.config import JsonDict
from typing_extensions import TypedDict

from ..errors import Refusal
from ..history.words import MAX_SEQ, Ref, check_text
from ..rights.access import Role

_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
_SEQ = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


def only_digits(text: object) -> object:
    """Only digits: int() would also take `+1`, `1_000` and digits of other scripts."""
    if isinstance(text, str) and not _DIGITS.fullmatch(text):
        raise ValueError("only the digits 0 to 9")
    return text


# The bounds stand first: OpenAPI has those that a validator comes after.
Position = Annotated[int, Query(ge=0, le=MAX_SEQ), BeforeValidator(only_digits)]
Limit = Annotated[
    int,
    Query(ge=1, le=10_000, description="At most 500 come, unless the operator chose otherwise."),
    BeforeValidator(only_digits),
]
# Text, since a seq that cannot exist must be refused like one that does not exist.
SeqText = Annotated[str, Path(description="The message's seq.", examples=["12"])]


def parse_seq(text: str) -> int:
    """A message's seq from a path.

    Raises:
        Refusal: `not_found`, whatever is wrong with it.
    """
    if not _SEQ.fullmatch(text) or int(text) > MAX_SEQ:
        raise Refusal("not_found", "There is no message with this seq.")
    return int(text)


class NewBody(BaseModel):
    """A message, or a message's new body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ref: Ref | None = None
    body: Any = Field(description="Any JSON value.", examples=["hello", {"text": "hello"}])


class _Texted(TypedDict):
    text: str


class _Parted(TypedDict):
    parts: list[Any]


def _growing() -> JsonDict:
    """What can grow has a text: pydantic cannot say so, and who reads OpenAPI should know."""
    text, texted, parted = (TypeAdapter(of).json_schema() for of in (str, _Texted, _Parted))
    parted["properties"]["parts"]["contains"] = texted
    body: JsonDict = {"anyOf": [text, texted, parted]}
    return {"properties": {"open": {"const": True}, "body": body}, "required": ["open"]}


class NewMessage(NewBody):
    """A message."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"properties": {"open": {"const": False}}}, _growing()]}
    )

    open: Annotated[
        bool, Field(strict=True, description="Whether it is only begun, and its text will grow.")
    ] = False


class NewText(BaseModel):
    """More text for a message in the making."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Annotated[int, Field(ge=0, le=MAX_SEQ, description="Where the text ends: code points.")]
    text: Annotated[
        str,
        Field(min_length=1, examples=["Hel"], json_schema_extra={"pattern": "^[^\\u0000]*$"}),
        AfterValidator(check_text),
    ]
    part: Annotated[int | None, Field(ge=0, le=1000, description="Of `parts`, the number.")] = None


class GrownView(BaseModel):
    """The text is on disk."""

    length: int = Field(description="Of the text by now, in code points.", examples=[3])
    stopped: Literal[True] | None = Field(None, description="Somebody wants it to end.")
    duplicate: Literal[True] | None = Field(None, description="It was stored before.")


class NewEnd(BaseModel):
    """How a message in the making ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ref: Ref | None = None
    state: Literal["done", "failed", "stopped"] = "done"
    error: dict[str, Any] | None = Field(None, description="What has failed.")
    body: Any = Field(None, description="In place of what has come.")


class Wish(BaseModel):
    """That a message in the making ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ref: Ref | None = None


class StoredView(BaseModel):
    """Where in the log a command stands. It is on disk."""

    seq: int = Field(examples=[1235])
    at: str = Field(examples=["2026-01-31T23:59:59.123Z"])
    duplicate: Literal[True] | None = Field(
        None, description="Only there when it was stored before, and nothing was stored now."
    )


class AuthorView(BaseModel):
    """Who made an entry."""

    id: str
    name: str = Field(examples=["Ada"])


class _LogView(BaseModel):
    """What a message and every entry have."""

    seq: int = Field(examples=[1202])
    at: str = Field(examples=["2026-01-31T23:59:59.123Z"])
    by: AuthorView
    ref: str | None = None
    via: str | None = Field(None, description="The service key that acted for `by`.")
    body: Any = Field(None, description="As it stands now; not there in a deleted message.")
    edited_seq: int | None = Field(None, description="The newest edit, which the body is from.")
    deleted_seq: int | None = Field(None, description="The deletion.")
    open: Literal[True] | None = Field(None, description="It is in the making.")
    length: int | None = Field(None, description="Of its text so far, in code points.")


class MessageView(_LogView):
    """A message as it stands now."""

    type: Literal["message"]
    reactions: dict[str, list[str]] = Field(
        description="By value: the ids of the users.", examples=[{"👍": ["0198c0de"]}]
    )


class EntryView(_LogView):
    """An entry of the log: what every kind has, and the fields of each kind."""

    type: Literal["message", "edit", "delete", "reaction", "member", "item", "stop", "finish"]
    target: int | None = Field(None, description="The message that this is about.")
    value: str | None = Field(None, description="Of a `reaction`.", examples=["👍"])
    on: bool | None = Field(None, description="Of a `reaction`: false when taken back.")
    state: Literal["done", "failed", "stopped", "interrupted"] | None = Field(
        None, description="Of a `finish`."
    )
    error: dict[str, Any] | None = Field(None, description="Of a `finish` that failed.")
    user: AuthorView | None = Field(None, description="Of a `member`: whom it is about.")
    role: Role | None = Field(None, description="Of a `member`: null when removed.")
    title: str | None = Field(None, description="Of an `item`: the new title.")
    default_role: Role | None = Field(None, description="Of an `item`: the new one.")


class _Page(BaseModel):
    """Where the log stands: the exact place to join the live feed is after `head`."""

    head: int = Field(description="The newest seq.", examples=[1234])
    oldest: int = Field(description="The oldest seq still kept.", examples=[1])
    epoch: str = Field(description="Identifies one life of the log.")


class MessagePage(_Page):
    """Messages, oldest first."""

    messages: list[MessageView]


class LogPage(_Page):
    """Entries in seq order."""

    entries: list[EntryView]
