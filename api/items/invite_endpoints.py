"""The calls about invites: links that make whoever shows them members."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from ..accounts.dependencies import ClientAddress, SignedIn, Visitor
from ..errors import Refusal
from ..http.ids import Askable
from ..http.origin import own_origin
from ..invites.invites import InviteRequest, create_invite, list_invites, revoke_invite
from ..rights.access import Principal, Role, clock_ms
from ..security import new_invite
from ..state import Running
from . import invite_schemas as schemas
from .accepting import accept_invite, look_at_invite
from .dependencies import ItemAccess
from .quotas import count_commands

router = APIRouter(prefix="/items/{item_id}/invites", tags=["members"])
shown = APIRouter(prefix="/invites", tags=["members"])


@router.post("", status_code=201)
async def create(
    wanted: schemas.NewInvite,
    access: ItemAccess,
    state: Running,
    request: Request,
    response: Response,
) -> schemas.InviteMade:
    """Make an invite; for admins. Its text and its link are shown this once.

    It lets people in while whoever made it is an admin of the item; one that a service key or a
    token of the product's has made, until it ends.
    """
    count_commands(state, access.principal)
    text = new_invite()
    wish = InviteRequest(wanted.role, wanted.uses, wanted.expires_in)
    made = await state.writer.call(partial(create_invite, access=access, wish=wish, text=text))
    origin = own_origin(request.scope, state.settings)
    # In the fragment, which browsers send to nobody.
    url = f"{origin}{request.scope['root_path']}/#/invite/{text}"
    response.headers["Cache-Control"] = "no-store"
    return schemas.show_new_invite(made, text, url)


@router.get("")
async def list_all(access: ItemAccess, state: Running) -> schemas.InviteList:
    """The invites that were not ended, the newest first, without their texts; for admins."""
    access.require(Role.ADMIN)
    found = await state.readers.read(list_invites, access.item_key, clock_ms())
    return schemas.InviteList(invites=[schemas.show_invite(one) for one in found])


@router.delete("/{invite_id}", status_code=204)
async def revoke(invite_id: Askable, access: ItemAccess, state: Running) -> None:
    """End an invite, at once and for good; for admins. Whoever came in by it stays."""
    await state.writer.call(partial(revoke_invite, access=access, invite_id=invite_id))


@shown.post("/look")
async def look(
    invite: schemas.InviteShown,
    visitor: Visitor,
    address: ClientAddress,
    state: Running,
    response: Response,
) -> schemas.InviteLook:
    """What an invite leads to, for whoever has it, signed in or not.

    `invite_ended` when it is too old, was used up or revoked, or its maker is no admin any more,
    but for who is a member already; `not_found` when there is none. Too many of the latter from
    an address are slowed down, as failed logins are, and with them.
    """
    response.headers["Cache-Control"] = "no-store"
    return schemas.show_look(await look_at_invite(state, visitor, address, invite.token))


async def joiner(principal: SignedIn) -> Principal:
    """Somebody who may become more than they are: with a credential that is not limited.

    Raises:
        Refusal: `forbidden`. What was given away for some items leads to no others.
    """
    if principal.credential.kind in {"api", "key"}:
        raise Refusal("forbidden", "An invite is accepted by people: API tokens and keys cannot.")
    return principal


@shown.post("/accept")
async def accept(
    invite: schemas.InviteShown,
    principal: Annotated[Principal, Depends(joiner)],
    address: ClientAddress,
    state: Running,
) -> schemas.InviteAccepted:
    """Become a member of what you are invited to; refused as a look is.

    It is a `member` entry in the log, by whoever made the invite. Nobody gets a lower role by it:
    who has its role, or a higher one, stays what they are, and does not use it.
    """
    seen, used = await accept_invite(state, principal, address, invite.token)
    return schemas.show_accepted(seen, used=used)
