"""Users of the application that this server is mounted in, which says who they are.

They are outside users like those of an issuer's tokens, and nothing is believed of a request but
what the application makes of it.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from .rights.access import Credential, Role, clock_ms
from .security import is_subject, new_id

HOST = "host"
"""Whose users they are, where the settings name no issuer of tokens that has the same users."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A user of the application.

    Attributes:
        id: what the application knows them by for good: 1 to 128 printable characters.
        name: how others see them; None: as they are known already, or else by the id.
        items: roles by item id, or by its beginning and a final `*`, as a token's `items`. They
            grant, and make an item that never was. None: what the item's members are told.
        expires_at: milliseconds since the epoch, when this is no longer sure; None: never.
    """

    id: str
    name: str | None = None
    items: Mapping[str, Role | str] | None = None
    expires_at: int | None = None


Who = Caller | tuple[str, str | None] | None
"""A caller, their id and name, or nobody."""
Identify = Callable[[HTTPConnection], Who | Awaitable[Who]]
"""Asked of each request and each handshake that shows no token: who is this?"""


async def ask(identify: Identify, connection: HTTPConnection) -> Caller | None:
    """Who somebody is, by the application's own word. What it raises is its failure, not theirs.

    Raises:
        ValueError: no user can have this id.
    """
    answer = identify(connection)
    who = await answer if inspect.isawaitable(answer) else answer
    return None if who is None else as_caller(who)


def as_caller(who: Caller | tuple[str, str | None] | str) -> Caller:
    """A caller, however the application names them; raises ValueError."""
    if isinstance(who, str):
        who = (who, None)
    caller = who if isinstance(who, Caller) else Caller(*who)
    if not is_subject(caller.id):
        raise ValueError("A user's id has 1 to 128 printable characters and no blanks around it.")
    return caller


def credential_of(caller: Caller) -> Credential:
    """What somebody is taken to have shown of whom the application has said this.

    Raises:
        ValueError: there is no such role.
    """
    roles = caller.items
    items = None if roles is None else {key: Role(role) for key, role in roles.items()}
    return Credential("outside", new_id(), clock_ms(), caller.expires_at, items)
