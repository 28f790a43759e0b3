"""What a product's backend does beside items: users, their sockets, and which rooms are live."""

from sqlalchemy import update
from sqlmodel import col

from ..accounts.names import KEY_USER_PREFIX, OUTSIDE_PREFIX, as_username
from ..accounts.outside import expect_outside_user
from ..accounts.users import Profile, create_user, find_user, rename_user
from ..errors import Refusal
from ..history.events import UserDisconnected
from ..history.transaction import Transaction
from ..models import User
from ..state import State


def put_user(
    transaction: Transaction, *, issuer: str | None, username: str, name: str | None
) -> tuple[Profile, bool]:
    """A user with this username, called so; whether they are new.

    Raises:
        Refusal: `bad_request` when nobody can have the username, or `forbidden` for a key's own.
    """
    meant = as_username(username)
    if meant.startswith(KEY_USER_PREFIX):
        raise Refusal("forbidden", "A key's user comes and goes with it.")
    user = find_user(transaction.connection, meant)
    if user is not None:
        if name is not None:
            user = rename_user(transaction, user_key=user.key, name=name)
        return user, False
    if not meant.startswith(OUTSIDE_PREFIX):
        # Nobody signs in as them before an operator sets a password.
        return create_user(transaction, username=meant, password_hash=None, name=name), True
    expect_outside_user(transaction, issuer, meant, name)
    made = find_user(transaction.connection, meant)
    if made is None:
        raise Refusal("bad_request", "An outside user is ext: and a sub.", field="username")
    return made, True


def disconnect_user(transaction: Transaction, username: str) -> None:
    """Close all sockets of a user, on all servers; they may come back.

    Raises:
        Refusal: `not_found`.
    """
    user = find_user(transaction.connection, username)
    if user is None:
        raise Refusal("not_found", "There is no such user.")
    counted = {col(User.disconnects): col(User.disconnects) + 1}
    transaction.connection.execute(update(User).where(col(User.key) == user.key).values(counted))
    transaction.emit(UserDisconnected(user.key))


async def live_rooms(state: State, after: str, limit: int) -> list[tuple[str, int, int]]:
    """Items with somebody in their rooms, those after an id, and how many users and connections.

    Raises:
        Refusal: `database_unavailable`, or `overloaded`.
    """
    if state.nodes is not None:
        return await state.nodes.company.rooms(after, limit)
    found = sorted(room for room in state.hub.attendance() if room[0] > after)
    return found[:limit]
