"""What the server says on a socket, as models: only to describe it in `/asyncapi.json`.

The frames themselves are made where they are sent, as plain dictionaries: validating what we
wrote ourselves would cost more than writing it. A live test holds them against these models.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Seq = Annotated[int, Field(ge=0, description="An entry's number in the item's log.")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
RoleName = Literal["reader", "writer", "admin"]


class ServerFrame(BaseModel):
    """What the server says. More fields may come: ignore those that you do not know."""

    model_config = ConfigDict(strict=True)


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
    users: list[User] | None = None


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
    limits: dict[str, float]
    presence: PresenceSummary


class _Entry(ServerFrame):
    seq: Seq
    at: Time
    by: User
    ref: str | None = None


class Message(_Entry):
    """A message, as it stands now."""

    type: Literal["message"]
    body: Any = None
    edited_seq: Seq | None = None
    deleted_seq: Seq | None = None


class Edit(_Entry):
    """A message has another body."""

    type: Literal["edit"]
    target: Seq
    body: Any = None
    deleted_seq: Seq | None = None


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
    title: str | None = None


class Live(ServerFrame):
    """Replay is over: what follows has just been stored."""

    type: Literal["live"]
    seq: Seq


class Ack(ServerFrame):
    """The command's entry is on disk."""

    type: Literal["ack"]
    ref: str | None = None
    seq: Seq
    at: Time
    duplicate: Literal[True] | None = None


class Signal(ServerFrame):
    """Somebody else's signal, such as typing; never stored."""

    type: Literal["signal"]
    name: str
    by: User
    body: Any = None


class Read(ServerFrame):
    """How far somebody has read."""

    type: Literal["read"]
    by: User
    seq: Seq


class Presence(PresenceSummary):
    """Who came and went, or, when asked for, everybody."""

    type: Literal["presence"]
    join: list[User] | None = None
    leave: list[User] | None = None


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
    ref: str | None = None
    code: str
    message: str
    retry_after: float | None = None


class Closing(ServerFrame):
    """Right before every close that the server begins."""

    type: Literal["closing"]
    code: int
    reason: str
    retry: Literal["never", "later", "after_auth"]
    retry_after: float | None = None
    message: str | None = None


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
