"""Users of the application that this server is mounted in, which says who they are.

They are outside users like those of an issuer's tokens, and nothing is believed of a request but
what the application makes of it.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from .asking.authorize import MAX_TTL, MIN_TTL
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
        expires_at: milliseconds since the epoch, when this ends for good, unless it is said anew;
            None: never.
        ttl: seconds, 3 to 300, before whose end the application is asked again of a socket that is
            open; None: never.
    """

    id: str
    name: str | None = None
    items: Mapping[str, Role | str] | None = None
    expires_at: int | None = None
    ttl: float | None = None


Who = Caller | tuple[str, str | None] | None
"""A caller, their id and name, or nobody."""
Identify = Callable[[HTTPConnection], Who | Awaitable[Who]]
"""Asked of each request and each handshake that shows no token: who is this?"""


async def ask(identify: Identify, connection: HTTPConnection) -> Caller | None:
    """Who somebody is, by the application's own word. What it raises is its failure, not theirs.

    Raises:
        ValueError: no user can have this id, or no credential the rest.
    """
    answer = identify(connection)
    who = await answer if inspect.isawaitable(answer) else answer
    if who is None:
        return None
    caller = as_caller(who)
    credential_of(caller)  # Here it is known whose mistake it is.
    return caller


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
        ValueError: there is no such role, or the `ttl` is no number.
    """
    now = clock_ms()
    ttl = None if caller.ttl is None else min(max(caller.ttl, MIN_TTL), MAX_TTL)
    roles = caller.items
    items = None if roles is None else {key: Role(role) for key, role in roles.items()}
    known_until = None if ttl is None else now + round(ttl * 1000)
    return Credential("outside", new_id(), now, caller.expires_at, items, known_until)
