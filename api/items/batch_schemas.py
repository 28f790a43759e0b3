"""What a batch takes and answers."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    model_validator,
)
from pydantic.json_schema import models_json_schema
from pydantic_core import PydanticCustomError

from ..history.words import MAX_SEQ, ReactionValue, Ref, whole
from ..letters import is_addressable, is_visible
from ..rights.access import Role
from .schemas import DefaultRole, Input, ItemIdText, Title

# A single call of them is judged as a whole; a frame is as large as any body that comes otherwise.
MAX_COMMANDS = 1000
Item = Annotated[str, Field(examples=["order-17"])]
Target = Annotated[StrictInt, Field(ge=1, le=MAX_SEQ, examples=[7]), BeforeValidator(whole)]
Username = Annotated[str, Field(examples=["ext:42"])]


class _Command(Input):
    """What every command of a batch has."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)

    item: Item
    acting: Username | None = Field(
        None, alias="as", description="The username of whom a service key acts for."
    )


class PublishCommand(_Command):
    """A new message."""

    do: Literal["publish"]
    ref: Ref | None = None
    body: Any


class EditCommand(_Command):
    """Another body for a message."""

    do: Literal["edit"]
    ref: Ref | None = None
    target: Target
    body: Any


class DeleteCommand(_Command):
    """The end of a message."""

    do: Literal["delete"]
    ref: Ref | None = None
    target: Target


class ReactCommand(_Command):
    """A reaction, put on or taken back."""

    do: Literal["react"]
    ref: Ref | None = None
    target: Target
    value: ReactionValue
    on: StrictBool = True

    @model_validator(mode="after")
    def _check_value(self) -> Self:
        # As on a socket: what is there already can be taken back.
        if self.on and not (is_addressable(self.value) and is_visible(self.value)):
            raise PydanticCustomError("value_not_allowed", "an address cannot hold it")
        return self


class CreateItemCommand(_Command):
    """A new item."""

    do: Literal["create_item"]
    item: ItemIdText
    title: Title = ""
    default_role: DefaultRole | None = None


class PutMemberCommand(_Command):
    """A new member, or another role for one."""

    do: Literal["put_member"]
    username: Username
    role: Role


class RemoveMemberCommand(_Command):
    """The end of a membership."""

    do: Literal["remove_member"]
    username: Username


MessageCommand = PublishCommand | EditCommand | DeleteCommand | ReactCommand
MemberCommand = PutMemberCommand | RemoveMemberCommand
BatchCommand = MessageCommand | CreateItemCommand | MemberCommand
COMMAND: TypeAdapter[BatchCommand] = TypeAdapter(Annotated[BatchCommand, Field(discriminator="do")])


class Batch(Input):
    """Commands, each judged by itself; those of an item are stored in their order."""

    # What is no command is refused by itself, so it is no fault of the batch.
    commands: list[Annotated[BatchCommand, Field(discriminator="do")] | Any] = Field(
        min_length=1, max_length=MAX_COMMANDS
    )


class BatchAnswer(BaseModel):
    """What the single call would have said: where it is stored, or why it is not."""

    status: int = Field(description="The status of HTTP.", examples=[201])
    seq: int | None = Field(None, description="Of the entry that a message's command stored.")
    at: str | None = Field(None, examples=["2026-01-31T23:59:59.123Z"])
    duplicate: Literal[True] | None = Field(None, description="It was stored before.")
    code: str | None = Field(None, description="Of a refusal.", examples=["item_not_found"])
    detail: str | None = Field(None, description="The same for people.")
    retry_after: float | None = Field(None, description="Seconds.")


class BatchAnswers(BaseModel):
    """One answer for each command, in their order."""

    answers: list[BatchAnswer]


def batch_definitions() -> dict[str, Any]:
    """The schemas of a batch, for the OpenAPI document: the call reads its body by itself."""
    _, found = models_json_schema(
        [(Batch, "validation")], ref_template="#/components/schemas/{model}"
    )
    definitions: dict[str, Any] = found["$defs"]
    return definitions
