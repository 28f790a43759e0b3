"""The calls of a product's backend, by its service key, or of whoever runs the server."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from ..accounts.schemas import AccountView, Input, Name, show_user
from ..http.ids import Askable
from ..rights.access import claimed_role
from ..state import Running
from .backend import disconnect_user, live_rooms, put_user
from .dependencies import Backend, backend_of_all

MAX_ROOMS = 500

router = APIRouter(tags=["backend"])


class UserPut(Input):
    """A user who is to be there, and what others shall see of them."""

    username: Annotated[
        str,
        Field(max_length=256, examples=["ext:42"], description="Of outside ones `ext:` and `sub`."),
    ]
    display_name: Name | None = Field(None, description="Without, a name that there is stays.")


class RoomView(BaseModel):
    """An item with somebody in its room."""

    item: str = Field(examples=["order-17"])
    users: int
    connections: int


class RoomPage(BaseModel):
    """Some of the live rooms, by their items' ids."""

    rooms: list[RoomView]
    next: str | None = Field(description="Ask again with `after` set to this; null: the end.")


@router.post(
    "/users",
    dependencies=[Depends(backend_of_all)],
    responses={201: {"model": AccountView, "description": "A new user"}},
)
async def put(state: Running, user: UserPut, response: Response) -> AccountView:
    """See that there is a user, called so; with a service key that acts for any user.

    201 for a new one. A local user who is made so cannot sign in before a password is set.
    """
    act = partial(
        put_user,
        issuer=state.settings.issuer,
        username=user.username,
        name=user.display_name,
    )
    profile, is_new = await state.writer.call(act)
    response.status_code = 201 if is_new else 200
    return show_user(profile)


@router.post(
    "/users/{username:path}/disconnect",
    status_code=204,
    dependencies=[Depends(backend_of_all)],
)
async def disconnect(state: Running, username: Annotated[str, Path(examples=["ada"])]) -> None:
    """Close all of a user's sockets, on all servers; with a key that acts for any user.

    They are told `disconnected`, and come back with another credential. What they show goes on.
    """
    await state.writer.call(partial(disconnect_user, username=username))


@router.get("/rooms")
async def rooms(
    state: Running,
    backend: Backend,
    after: Annotated[
        Askable, Query(max_length=128, description="What the page before gave as `next`.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_ROOMS)] = 100,
) -> RoomPage:
    """The rooms with somebody in them, within the patterns of the service key, by item.

    A page may show fewer than `limit` although more follow; only `next: null` is the end.
    """
    found = await live_rooms(state, after, limit + 1)
    items = None if backend is None else backend.credential.items
    shown = [
        RoomView(item=item, users=users, connections=connections)
        for item, users, connections in found[:limit]
        if items is None or claimed_role(items, item) is not None
    ]
    return RoomPage(rooms=shown, next=found[limit - 1][0] if len(found) > limit else None)
