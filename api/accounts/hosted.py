"""Users of the application that this server is mounted in: it is asked of them, and again."""

import logging
from functools import partial

from sqlalchemy import Connection
from starlette.requests import HTTPConnection

from ..callers import HOST, Caller, Identify, ask, credential_of
from ..errors import Refusal
from ..live.opening import Again
from ..rights.access import Principal
from ..state import State
from .identity import LookUp, admit_outside, find_outside, identify

logger = logging.getLogger("itemroom.accounts")


async def verify_caller(state: State, ask_host: Identify, connection: HTTPConnection) -> LookUp:
    """Whoever the application says that it is.

    Raises:
        Refusal: `auth_missing`: it says nobody.
    """
    caller = await ask(ask_host, connection)
    if caller is None:
        raise Refusal("auth_missing")
    return await admit_caller(state, caller)


async def admit_caller(state: State, caller: Caller) -> LookUp:
    """A user of that application, who is made if they never came."""
    issuer = state.issuer or HOST
    await admit_outside(state, issuer, caller.id, caller.name)
    credential = credential_of(caller)

    def look_up(connection: Connection) -> Principal:
        return Principal(*find_outside(connection, issuer, caller.id), credential)

    return look_up


def asked_again(state: State, connection: HTTPConnection, principal: Principal) -> Again | None:
    """How the application is asked again of somebody; None: it said for good who they are."""
    if state.identify is None or principal.credential.known_until is None:
        return None
    # Without the server's extensions: by those a connection would hold itself, through its socket.
    as_it_came = HTTPConnection({**connection.scope, "extensions": {}})
    return partial(_ask_again, state, state.identify, as_it_came)


async def _ask_again(
    state: State, ask_host: Identify, connection: HTTPConnection, principal: Principal
) -> Principal:
    if principal.credential.known_until is None:
        return principal  # They have shown a token since.
    try:
        caller = await ask(ask_host, connection)
    except Exception as error:
        logger.exception("the application could not say who somebody is")
        raise Refusal("authorize_unavailable") from error
    if caller is None:
        raise Refusal("auth_revoked")
    known = await state.readers.read(identify, await admit_caller(state, caller))
    if known.user_key != principal.user_key:
        raise Refusal("auth_revoked")
    return known
