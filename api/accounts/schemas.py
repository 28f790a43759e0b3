"""What the calls about accounts take and give."""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictInt,
)

from ..history.entries import rfc3339
from ..history.words import whole
from ..letters import VISIBLE_NAME
from ..rights.access import CredentialKind, Principal, Role
from ..security.claims import MAX_ITEM_PATTERNS
from ..security.passwords import TYPED_PATTERN
from .names import MAX_NAME_LENGTH, USERNAME_PATTERN, clean_name, new_username
from .sessions import SessionListed
from .tokens import TokenListed
from .users import Profile

DEFAULT_TOKEN_TTL = 90 * 86400  # Seconds: a forgotten token ends by itself within a season.

# Its length is no business of the schema's: at a login a password that is too long must be
# answered like any wrong one, and for a new one the limits are settings.
Password = Annotated[SecretStr, Field(examples=["correct horse battery"])]
NewPassword = Annotated[
    SecretStr,
    Field(examples=["correct horse battery"], json_schema_extra={"pattern": TYPED_PATTERN}),
]
Name = Annotated[
    str,
    Field(
        max_length=MAX_NAME_LENGTH,
        examples=["Ada"],
        json_schema_extra={"minLength": 1} | VISIBLE_NAME,
    ),
    AfterValidator(clean_name),
]
NewUsername = Annotated[
    str,
    Field(examples=["ada"], json_schema_extra={"pattern": USERNAME_PATTERN}),
    AfterValidator(new_username),
]
Time = Annotated[str, Field(examples=["2026-01-31T23:59:59.123Z"])]
ITEM_PATTERN = r"^([A-Za-z0-9][A-Za-z0-9._:-]*)?\*?$"


def _item_pattern(text: str) -> str:
    if not re.fullmatch(ITEM_PATTERN.strip("^$"), text):
        raise ValueError("A pattern is an item's id, or its beginning and a final *.")
    return text


ItemPattern = Annotated[
    str,
    Field(min_length=1, max_length=128, json_schema_extra={"pattern": ITEM_PATTERN}),
    AfterValidator(_item_pattern),
]
ItemRoles = Annotated[
    dict[ItemPattern, Role],
    Field(
        min_length=1,
        max_length=MAX_ITEM_PATTERNS,
        description="Item id, or its beginning and a final `*`, to the highest role in it.",
        examples=[{"order-17": "writer", "order-*": "reader"}],
        json_schema_extra={"additionalProperties": False},
    ),
]


class Input(BaseModel):
    """What a client sends; what nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Registration(Input):
    """A new user."""

    username: NewUsername
    password: NewPassword
    display_name: Name | None = Field(None, description="Shown to others; else the username is.")


class Login(Input):
    """A username and its password."""

    username: Annotated[str, Field(examples=["ada"])]
    password: Password


class PasswordChange(Input):
    """The password as it is, and as it shall be."""

    current_password: Password
    new_password: NewPassword


class Renaming(Input):
    """What others shall see."""

    display_name: Name


class NewToken(Input):
    """An API token to be made."""

    name: Annotated[Name, Field(description="What it is for.", examples=["nightly import"])]
    items: ItemRoles
    expires_in: Annotated[StrictInt, Field(ge=1), BeforeValidator(whole)] | None = Field(
        None, description="Seconds; 90 days unless said, and never more than the setting."
    )


class AccountView(BaseModel):
    """A user."""

    id: str
    username: str
    name: str
    created_at: Time


class CredentialView(BaseModel):
    """What the call was made with."""

    kind: CredentialKind
    expires_at: Time | None
    items: dict[str, Role] | None = Field(description="What it is limited to; null: nothing.")


class Me(AccountView):
    """The user who asks, and how they are known."""

    admin: bool = Field(description="Whether they may see how the server does, at `/status`.")
    credential: CredentialView


class VisitorShown(BaseModel):
    """Who calls, if anybody, and whether they could sign up."""

    me: Me | None = Field(description="As `GET /auth/me`; null: not signed in.")
    registration: Literal["open", "closed"]
    first: bool = Field(description="Whether nobody is a user yet.")


class SessionView(BaseModel):
    """A browser that is signed in."""

    id: str
    created_at: Time
    used_at: Time = Field(description="Within some minutes.")
    user_agent: str | None
    current: bool = Field(description="Whether this call was made with it.")


class SessionList(BaseModel):
    """The browsers that are signed in."""

    sessions: list[SessionView]


class AccessToken(BaseModel):
    """An access token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind, no secret
    expires_in: int


class TokenView(BaseModel):
    """An API token, without its text."""

    id: str
    name: str
    items: dict[str, Role]
    created_at: Time
    expires_at: Time


class TokenMade(TokenView):
    """A new API token; its text is shown this once."""

    token: str


class TokenList(BaseModel):
    """The API tokens that count."""

    tokens: list[TokenView]


def show_user(user: Profile) -> AccountView:
    """A user as the user and its creator see it."""
    return AccountView(
        id=user.id, username=user.username, name=user.name, created_at=rfc3339(user.created_at)
    )


def show_me(user: Profile, principal: Principal) -> Me:
    """The user and the credential in use."""
    credential = principal.credential
    ends = credential.expires_at
    shown = CredentialView(
        kind=credential.kind,
        expires_at=None if ends is None else rfc3339(ends),
        items=None if credential.items is None else dict(credential.items),
    )
    return Me(**show_user(user).model_dump(), admin=user.admin, credential=shown)


def show_session(session: SessionListed, principal: Principal) -> SessionView:
    """A session, and whether it is the principal's own."""
    return SessionView(
        id=session.id,
        created_at=rfc3339(session.created_at),
        used_at=rfc3339(session.used_at),
        user_agent=session.user_agent,
        current=session.id == principal.credential.id,
    )


def show_token(token: TokenListed) -> TokenView:
    """An API token in a list."""
    return TokenView.model_validate(_token_fields(token))


def show_new_token(token: TokenListed, text: str) -> TokenMade:
    """An API token, this once with its text."""
    return TokenMade.model_validate({**_token_fields(token), "token": text})


def _token_fields(token: TokenListed) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "items": dict(token.items),
        "created_at": rfc3339(token.created_at),
        "expires_at": rfc3339(token.expires_at),
    }
