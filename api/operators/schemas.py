"""What an operator's calls take and give."""

from typing import Annotated

from pydantic import BaseModel, Field, StrictInt

from ..accounts import keys
from ..accounts import schemas as accounts


class NewUser(accounts.Input):
    """A user to be made; without a password they cannot sign in before one is set."""

    username: accounts.NewUsername
    password: accounts.Password | None = None
    display_name: accounts.Name | None = None
    admin: bool = False


class NewPassword(accounts.Input):
    """The password that a user shall have."""

    password: accounts.Password


class AdminFlag(accounts.Input):
    """Whether a user may see how the server does."""

    admin: bool


class NewToken(accounts.NewToken):
    """An API token to be made for a user."""

    username: Annotated[str, Field(max_length=256)]


class NewKey(accounts.Input):
    """A service key to be made."""

    name: accounts.NewUsername
    items: accounts.ItemRoles
    expires_in: Annotated[StrictInt, Field(ge=1)] | None = None
    acts_for_others: bool = False


class Rotation(accounts.Input):
    """How a key gets another secret."""

    grace: Annotated[StrictInt, Field(ge=0, le=keys.MAX_GRACE)] = 0
    """Seconds for which the one before goes on counting."""


class KeyText(BaseModel):
    """A key's text, which is shown this once."""

    key: str


class TokenText(BaseModel):
    """A new token; its text is shown this once."""

    id: str
    token: str


class ItemSummary(BaseModel):
    """An item as an operator sees it."""

    id: str
    title: str
    epoch: str
    head: int
    oldest: int
    members: int
    created_at: str
    active_at: str


class ItemDetail(ItemSummary):
    """One item, with what else its admins have chosen."""

    default_role: str | None
    retention_days: int | None


class ItemSummaries(BaseModel):
    """Some of the items, by id."""

    items: list[ItemSummary]
    next: str | None
