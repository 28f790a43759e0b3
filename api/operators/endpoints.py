"""The calls of the command line while a server holds the database; see docs/operations.md."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from ..accounts import keys, users
from ..accounts.schemas import DEFAULT_TOKEN_TTL, AccountView, show_user
from ..accounts.tokens import TokenRequest
from ..security import new_key
from ..state import Running
from . import schemas
from .dependencies import operator
from .items import MAX_PAGE, summarize_items
from .service import issue_api_token, replace_password, unguessable_password

# Not in the OpenAPI document: no promise to clients, only to the command line of this version.
router = APIRouter(prefix="/operator", include_in_schema=False, dependencies=[Depends(operator)])


@router.post("/users", status_code=201)
async def create_user(state: Running, user: schemas.NewUser) -> AccountView:
    """Make a user."""
    given = user.password
    password = unguessable_password() if given is None else given.get_secret_value()
    password_hash = await state.passwords.hash(password)
    profile = await state.writer.call(
        partial(
            users.create_user,
            username=user.username,
            password_hash=password_hash,
            name=user.display_name,
            admin=user.admin,
        )
    )
    return show_user(profile)


@router.post("/users/{username:path}/disable", status_code=204)
async def disable_user(state: Running, username: str) -> None:
    """Keep a user out; their sockets close at once."""
    await state.writer.call(partial(users.disable_user, username=username))


@router.post("/users/{username:path}/enable", status_code=204)
async def enable_user(state: Running, username: str) -> None:
    """Let a user sign in again."""
    await state.writer.call(partial(users.enable_user, username=username))


@router.post("/users/{username:path}/admin", status_code=204)
async def set_admin(state: Running, username: str, flag: schemas.AdminFlag) -> None:
    """Let a user see how the server does, or no longer; they stay signed in."""
    await state.writer.call(partial(users.set_admin, username=username, admin=flag.admin))


@router.post("/users/{username:path}/password", status_code=204)
async def set_password(state: Running, username: str, new: schemas.NewPassword) -> None:
    """Give a user another password; ends their sessions and access tokens."""
    password_hash = await state.passwords.hash(new.password.get_secret_value())
    await state.writer.call(
        partial(replace_password, username=username, password_hash=password_hash)
    )


@router.post("/tokens", status_code=201)
async def create_token(
    state: Running, response: Response, token: schemas.NewToken
) -> schemas.TokenText:
    """Make an API token for a user."""
    longest = state.settings.api_token_max_ttl
    ttl = token.expires_in or min(DEFAULT_TOKEN_TTL, longest)
    wish = TokenRequest(token.name, token.items, ttl)
    issued = await state.writer.call(
        partial(issue_api_token, tokens=state.tokens, username=token.username, wish=wish)
    )
    response.headers["Cache-Control"] = "no-store"
    return schemas.TokenText(id=issued.claims.jti, token=issued.token)


@router.post("/keys", status_code=201)
async def create_key(state: Running, response: Response, key: schemas.NewKey) -> schemas.KeyText:
    """Make a service key."""
    wish = keys.KeyRequest(key.name, key.items, key.expires_in, key.acts_for_others)
    secret = new_key()
    await state.writer.call(partial(keys.create_key, wish=wish, secret=secret))
    response.headers["Cache-Control"] = "no-store"
    return schemas.KeyText(key=secret)


@router.post("/keys/{name}/rotate", status_code=201)
async def rotate_key(
    state: Running, response: Response, name: str, how: schemas.Rotation | None = None
) -> schemas.KeyText:
    """Give a key another secret; the former one, and its sockets, end at once or in time."""
    secret, grace = new_key(), 0 if how is None else how.grace
    await state.writer.call(partial(keys.rotate_key, name=name, secret=secret, grace=grace))
    response.headers["Cache-Control"] = "no-store"
    return schemas.KeyText(key=secret)


@router.post("/keys/{name}/revoke", status_code=204)
async def revoke_key(state: Running, name: str) -> None:
    """End a key; its sockets close at once."""
    await state.writer.call(partial(keys.revoke_key, name=name))


@router.get("/items")
async def show_items(
    state: Running,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
) -> schemas.ItemSummaries:
    """All items, by id."""
    return await state.readers.read(summarize_items, after, limit)
