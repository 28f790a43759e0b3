"""What the calls about invites take and give."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, StrictInt

from ..history.entries import rfc3339
from ..history.words import whole
from ..invites.invites import DEFAULT_LIFETIME, MAX_LIFETIME, MAX_USES, StoredInvite
from ..rights.access import Role
from .accepting import Seen
from .inbox_schemas import InboxItem
from .schemas import Input, UserView

Token = Annotated[
    str,
    Field(
        max_length=256,
        description="What is in the link of an invite, behind `#/invite/`.",
        examples=["iri_VOrNpLxK2KZWmqWwCmQOIJq0n7nZPVSCV1PoDq4jbLE"],
    ),
]
Uses = Annotated[StrictInt, Field(ge=1, le=MAX_USES), BeforeValidator(whole)]
Lifetime = Annotated[StrictInt, Field(ge=1, le=MAX_LIFETIME), BeforeValidator(whole)]


class NewInvite(Input):
    """An invite to be made."""

    role: Role = Field(description="What whoever comes in by it becomes.")
    uses: Uses | None = Field(1, description="How many may come in by it; null: any number.")
    expires_in: Lifetime = Field(DEFAULT_LIFETIME, description="Seconds; a week unless said.")


class InviteShown(Input):
    """The text of an invite, in the body: addresses stand in logs."""

    token: Token


class InviteView(BaseModel):
    """An invite, without its text."""

    id: str
    role: Role
    uses: int | None = Field(description="How many may come in by it; null: any number.")
    left: int | None = Field(description="How many more may.", examples=[1])
    by: UserView = Field(description="Who made it.")
    valid: bool = Field(
        description="Whether it lets anybody in now: not while who made it is no admin."
    )
    created_at: str = Field(examples=["2026-01-31T23:59:59.123Z"])
    expires_at: str = Field(examples=["2026-02-07T23:59:59.123Z"])


class InviteMade(InviteView):
    """A new invite; its text, and its link in the console, are shown this once."""

    token: Token
    url: str = Field(examples=["https://rooms.example.com/#/invite/iri_VOrNpLxK2KZWmqWwC…"])


class InviteList(BaseModel):
    """The invites of an item that were not ended, the newest first."""

    invites: list[InviteView]


class InviteLook(BaseModel):
    """What an invite leads to."""

    item: InboxItem
    role: Role = Field(description="What it makes of whoever accepts it.")
    by: UserView = Field(description="Who made it.")
    expires_at: str = Field(examples=["2026-02-07T23:59:59.123Z"])
    member_role: Role | None = Field(
        description="What the caller is there already; null: no member, or not signed in."
    )


class InviteAccepted(BaseModel):
    """Where somebody is a member now."""

    item: InboxItem
    role: Role = Field(description="As a member.")
    used: bool = Field(
        description="Whether the invite was used; not by who had this role, or a higher one."
    )


def show_invite(invite: StoredInvite) -> InviteView:
    """An invite in a list."""
    return InviteView.model_validate(_fields(invite))


def show_new_invite(invite: StoredInvite, text: str, url: str) -> InviteMade:
    """An invite, this once with its text."""
    return InviteMade.model_validate(_fields(invite) | {"token": text, "url": url})


def show_look(seen: Seen) -> InviteLook:
    """What whoever was invited may know before they accept."""
    invite = seen.invite
    return InviteLook(
        item=InboxItem(id=invite.item_id, title=invite.title),
        role=invite.role,
        by=_maker(invite),
        expires_at=rfc3339(invite.expires_at),
        member_role=seen.member_role,
    )


def show_accepted(seen: Seen, *, used: bool) -> InviteAccepted:
    """What has become of them."""
    item = InboxItem(id=seen.invite.item_id, title=seen.invite.title)
    return InviteAccepted.model_validate({"item": item, "role": seen.member_role, "used": used})


def _fields(invite: StoredInvite) -> dict[str, object]:
    return {
        "id": invite.id,
        "role": invite.role,
        "uses": invite.uses,
        "left": invite.left,
        "by": _maker(invite),
        "valid": invite.has_right,
        "created_at": rfc3339(invite.created_at),
        "expires_at": rfc3339(invite.expires_at),
    }


def _maker(invite: StoredInvite) -> UserView:
    return UserView(id=invite.maker.id, name=invite.maker.name)
