"""What the server says on a socket, as models: only to describe it in `/asyncapi.json`.

The frames themselves are made where they are sent, as plain dictionaries: validating what we
wrote ourselves would cost more than writing it. A live test holds them against these models.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

Seq = Annotated[int, Field(ge=0, description="An entry's number in the item's log.")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
RoleName = Annotated[
    Literal["reader", "writer", "admin"], Field(json_schema_extra={"title": "Role"})
]
# A field that is not there, which is not the same as one that is null.
Absent = SkipJsonSchema[None]


def _forget_defaults(schema: dict[str, Any]) -> None:
    """What Python needs for a field that may be missing is no value that ever comes."""
    for field in schema["properties"].values():
        field.pop("default", None)


class ServerFrame(BaseModel):
    """What the server says. More fields may come: ignore those that you do not know."""

    model_config = ConfigDict(strict=True, json_schema_extra=_forget_defaults)


class User(ServerFrame):
    """Somebody, as others see them."""

    id: str
    name: str


class You(User):
    """Whom the connection belongs to, and what they may do."""

    role: RoleName


class ItemInfo(ServerFrame):
    """The item of the room."""

    id: str
    title: str


class PresenceSummary(ServerFrame):
    """Who is here; above 200 users only how many."""

    count: int
    users: list[User] | Absent = None


class Limits(ServerFrame):
    """Sizes in bytes, rates a second, times in seconds; a rate of 0 is no limit."""

    frame_bytes: int
    body_bytes: int
    nesting: int
    publish_rate: float
    publish_burst: int
    in_flight: int
    ping_interval: float
    ping_timeout: float


class Welcome(ServerFrame):
    """Once, first: where the log stands, and where replay begins."""

    type: Literal["welcome"]
    connection: str
    item: ItemInfo
    you: You
    epoch: str
    head: Seq
    oldest: Seq
    after: Seq
    recovered: bool
    expires_at: Time | None
    limits: Limits
    presence: PresenceSummary


class _Entry(ServerFrame):
    seq: Seq
    at: Time
    by: User
    ref: str | Absent = None


class Message(_Entry):
    """A message, as it stands now."""

    type: Literal["message"]
    body: Any = None
    edited_seq: Seq | Absent = None
    deleted_seq: Seq | Absent = None


class Edit(_Entry):
    """A message has another body."""

    type: Literal["edit"]
    target: Seq
    body: Any = None
    deleted_seq: Seq | Absent = None


class Delete(_Entry):
    """A message is gone."""

    type: Literal["delete"]
    target: Seq


class Reaction(_Entry):
    """A reaction was put on a message, or taken back."""

    type: Literal["reaction"]
    target: Seq
    value: str
    on: bool


class Member(_Entry):
    """A user's role in the item; null: removed."""

    type: Literal["member"]
    user: User
    role: RoleName | None


class Item(_Entry):
    """The item itself was changed."""

    type: Literal["item"]
    title: str | Absent = None
    default_role: RoleName | None = None


class Live(ServerFrame):
    """Replay is over: what follows has just been stored."""

    type: Literal["live"]
    seq: Seq


class Ack(ServerFrame):
    """The command's entry is on disk."""

    type: Literal["ack"]
    ref: str | Absent = None
    seq: Seq
    at: Time
    duplicate: Literal[True] | Absent = None


class Signal(ServerFrame):
    """Somebody else's signal, such as typing; never stored."""

    type: Literal["signal"]
    name: str
    by: User
    body: Any


class Read(ServerFrame):
    """How far somebody has read."""

    type: Literal["read"]
    by: User
    seq: Seq


class Presence(PresenceSummary):
    """Who came and went, or, when asked for, everybody."""

    type: Literal["presence"]
    join: list[User] | Absent = None
    leave: list[User] | Absent = None


class RoleChanged(ServerFrame):
    """The connection's own rights changed."""

    type: Literal["role"]
    role: RoleName


class Auth(ServerFrame):
    """The newer token counts."""

    type: Literal["auth"]
    expires_at: Time | None


class Expiring(ServerFrame):
    """The credential ends in this many seconds."""

    type: Literal["expiring"]
    seconds: Annotated[int, Field(alias="in", ge=0)]


class Pong(ServerFrame):
    """The answer to `ping`."""

    type: Literal["pong"]
    head: Seq | None


class Error(ServerFrame):
    """A command was refused; the connection stays."""

    type: Literal["error"]
    ref: str | Absent = None
    code: str
    message: str
    retry_after: float | Absent = None


class Closing(ServerFrame):
    """Right before every close that the server begins."""

    type: Literal["closing"]
    code: int
    reason: str
    retry: Literal["never", "later", "after_auth"]
    retry_after: float | Absent = None
    message: str | Absent = None


SERVER_FRAMES: tuple[type[ServerFrame], ...] = (
    Welcome,
    Message,
    Edit,
    Delete,
    Reaction,
    Member,
    Item,
    Live,
    Ack,
    Signal,
    Read,
    Presence,
    RoleChanged,
    Auth,
    Expiring,
    Pong,
    Error,
    Closing,
)
