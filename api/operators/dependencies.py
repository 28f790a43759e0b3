"""Who may command the server: whoever holds its secret. Who may watch it: its admins."""

from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import HTTPConnection

from ..accounts.dependencies import Shown, account_owner, identify_shown, shown_credential
from ..accounts.keys import is_for_others
from ..accounts.users import load_user
from ..addresses import parse_address
from ..errors import Refusal
from ..items.quotas import count_commands
from ..rights.access import Principal
from ..state import Running, State


async def operator(
    state: Running, authorization: Annotated[list[str] | None, Header()] = None
) -> None:
    """Let in an operator's token, shown in `Authorization` and nowhere else.

    Raises:
        Refusal: `auth_missing`, `auth_ambiguous`, `auth_invalid`, or `auth_expired`.
    """
    if authorization is None:
        raise Refusal("auth_missing")
    if len(authorization) != 1:
        raise Refusal("auth_ambiguous")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Refusal("auth_invalid")
    state.tokens.read_operator(token.strip())


async def backend(connection: HTTPConnection, state: Running) -> Principal | None:
    """Let in a service key, which acts for itself, or an operator's token: None.

    Raises:
        Refusal: `forbidden` for everybody else; else as for any credential.
    """
    shown = await _shown(connection)
    if shown.token is not None and await _is_operator(connection, state):
        return None
    principal = await identify_shown(state, shown, connection)
    if principal.credential.kind != "key" or principal.via is not None:
        raise Refusal("forbidden", "This is for a service key that acts for itself.")
    return principal


Backend = Annotated[Principal | None, Depends(backend)]


async def backend_of_all(state: Running, principal: Backend) -> None:
    """Let in only such a key as may act for any user.

    Raises:
        Refusal: `forbidden`.
    """
    if principal is None:
        return
    if not await state.readers.read(is_for_others, principal.credential.id):
        raise Refusal("forbidden", "This needs a key that acts for any user: one made with --as.")
    count_commands(state, principal)


async def _is_operator(connection: HTTPConnection, state: State) -> bool:
    try:
        await operator(state, connection.headers.getlist("authorization") or None)
    except Refusal:
        return False
    return True


async def watcher(connection: HTTPConnection, state: Running) -> None:
    """Let in whoever may see how the server does, as `ITEMROOM_METRICS` says.

    Raises:
        Refusal: `forbidden` for a user who is no admin; else as for any credential.
    """
    if state.settings.metrics == "open":
        return  # Not even a credential that is no good keeps a scraper out.
    shown = await _shown(connection)
    if shown == Shown() and _is_local(connection):
        return
    await _check_admin(state, shown, connection)


async def admin(connection: HTTPConnection, state: Running) -> None:
    """Let in an admin.

    Raises:
        Refusal: `forbidden` for any other user; else as for any credential.
    """
    await _check_admin(state, await _shown(connection), connection)


async def _check_admin(state: State, shown: Shown, connection: HTTPConnection) -> None:
    principal = await account_owner(await identify_shown(state, shown, connection))
    if not (await state.readers.read(load_user, principal.user_key)).admin:
        raise Refusal("forbidden", "Only an admin sees this: itemroom user admin NAME.")


async def _shown(connection: HTTPConnection) -> Shown:
    query = connection.query_params
    return await shown_credential(connection, query.getlist("token"), query.getlist("ticket"))


def _is_local(connection: HTTPConnection) -> bool:
    """Whether a program of this machine asks by itself: a proxy would say for whom it does."""
    headers = connection.headers
    if connection.client is None or "x-forwarded-for" in headers or "forwarded" in headers:
        return False
    address = parse_address(connection.client.host)
    return address is not None and address.is_loopback
