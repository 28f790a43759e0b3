"""From a credential's text to a `Principal`: verified, then looked up in the database."""

import contextlib
from functools import partial

from sqlalchemy import Connection, select
from sqlmodel import col

from api.accounts.outside import admit_outside_user
from api.accounts.sessions import TOUCH_INTERVAL, find_session, touch_sessions
from api.accounts.tokens import moment_of
from api.errors import Refusal
from api.history.writer import Call
from api.items.access import Credential, CredentialKind, Principal, Role, clock_ms, load_standing
from api.models import User
from api.security import Claims
from api.state import State


async def identify_token(state: State, token: str) -> Principal:
    """Whom a token of ours, or of the outside issuer, speaks for. Cancelling is safe.

    Raises:
        Refusal: `auth_invalid`, `auth_expired`, `auth_revoked`, or that the server is not able to.
    """
    claims = await state.token_reader.read(token)
    principal = await state.readers.read(_find_principal, claims)
    if claims.use == "outside" and _is_news(claims, principal):
        await state.writer.call(partial(admit_outside_user, claims=claims))
        principal = await state.readers.read(_find_principal, claims)
    if principal is None:
        raise Refusal("auth_revoked")
    return principal


async def identify_session(state: State, secret: str) -> Principal:
    """Whose session cookie this is. Whether it may be used from this page was asked before.

    Raises:
        Refusal: `auth_invalid`, `auth_expired`, `auth_revoked`, or that the server is not able to.
    """
    now = clock_ms()
    found = await state.readers.read(find_session, secret, state.settings, now)
    # A session may idle for a minute at the least, so that a quarter of it is often enough.
    interval = min(TOUCH_INTERVAL, state.settings.session_idle / 4) * 1000
    if now - found.used_at > interval:
        _touch(state, found.principal.credential.id)
    return found.principal


def _is_news(claims: Claims, known: Principal | None) -> bool:
    return known is None or claims.name not in (None, known.name)


def _touch(state: State, session_id: str) -> None:
    """Write it down some time soon: no request waits for it, or fails because of it."""
    touch = Call(partial(touch_sessions, ids=(session_id,)), light=True)
    with contextlib.suppress(Refusal):
        state.writer.submit(touch, lambda _result, _error: None)


def _find_principal(connection: Connection, claims: Claims) -> Principal | None:
    """The user of verified claims; None: not known here.

    Raises:
        Refusal: `auth_revoked`.
    """
    query = select(col(User.key), col(User.id), col(User.name))
    if claims.use == "outside":
        query = query.where(col(User.issuer) == claims.issuer, col(User.subject) == claims.subject)
    else:
        query = query.where(col(User.id) == claims.subject)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    principal = Principal(row.key, row.id, row.name, _credential(claims))
    if load_standing(connection, principal, "").credential_ended:
        raise Refusal("auth_revoked")
    return principal


def _credential(claims: Claims) -> Credential:
    roles = claims.items
    items = None if roles is None else {key: Role(role) for key, role in roles.items()}
    expires_at = claims.expires_at * 1000
    if claims.use == "outside":
        issued_at = claims.issued_at * 1000
        return Credential("outside", claims.jti, issued_at, expires_at, items)
    kind: CredentialKind = "api" if claims.use == "api" else "access"
    return Credential(kind, claims.jti, moment_of(claims.jti), expires_at, items)
