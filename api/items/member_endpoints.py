"""The calls about an item's members."""

import functools
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ..http.ids import Askable
from ..state import Running
from .dependencies import ItemAccess
from .members import list_members, put_member, remove_member
from .schemas import MemberPage, MemberView, NewRole

router = APIRouter(prefix="/items/{item_id}/members", tags=["members"])

MAX_MEMBERS = 500
Limit = Annotated[int, Query(ge=1, le=MAX_MEMBERS)]
After = Annotated[
    Askable, Query(max_length=200, description="What the page before gave as `next`.")
]
# No pattern: a name that nobody can have is refused like one that nobody has. An outside user's
# subject may hold a slash, hence `:path` in the routes.
Username = Annotated[str, Path(examples=["ada"])]


@router.get("")
async def list_all(
    access: ItemAccess, state: Running, after: After = "", limit: Limit = 100
) -> MemberPage:
    """The members, by username.

    Users who are let in by the item's default role alone are not among them.
    """
    return await state.readers.read(list_members, access.item_key, after, limit)


@router.put(
    "/{username:path}",
    responses={201: {"model": MemberView, "description": "A new member"}},
)
async def put(
    username: Username, wanted: NewRole, access: ItemAccess, state: Running, response: Response
) -> MemberView:
    """Make a user a member, or change a member's role; for admins.

    201 for a new member. A change is a `member` entry in the log. The last admin cannot be
    demoted. With a token of the outside issuer, and with a service key, outside users can be made
    members before they have come: `ext:` and the `sub`.
    """
    act = functools.partial(
        put_member, access=access, settings=state.settings, username=username, role=wanted.role
    )
    member, is_new = await state.writer.call(act)
    response.status_code = 201 if is_new else 200
    return member


@router.delete("/{username:path}", status_code=204)
async def remove(username: Username, access: ItemAccess, state: Running) -> None:
    """Remove a member; for admins, and for members who leave. The last admin cannot.

    It is a `member` entry in the log, with the role null.
    """
    await state.writer.call(functools.partial(remove_member, access=access, username=username))
