"""From a credential's text to a `Principal`: verified, then looked up in the database."""

import contextlib
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, NotNullable, Select, select
from sqlmodel import col

from ..errors import Refusal
from ..history.commands import Call
from ..models import User
from ..rights.access import Credential, CredentialKind, Principal, Role, clock_ms
from ..rights.standing import load_standing
from ..security import KEY_PREFIX, Claims
from ..state import State
from ..store.statements import statement
from .keys import find_key, is_awaited
from .outside import admit_outside_user, expect_outside_user
from .sessions import TOUCH_INTERVAL, find_session, touch_sessions
from .tokens import moment_of

LookUp = Callable[[Connection], Principal]
"""Looks up, in a reader's thread, whose a verified credential is; raises Refusal.

A token may have been revoked all the same: `load_standing` says so, as part of a question about
an item, or asked by `identify` for itself.
"""


async def verify_token(state: State, token: str, acting: str | None = None) -> LookUp:
    """A token of ours or of the outside issuer that is what it says, or a service key.

    Cancelling is safe. `acting`: whom a key acts for, by their username.

    Raises:
        Refusal: `auth_invalid`, `auth_expired`, `auth_revoked`, or that the server is not able to.
    """
    if token.startswith(KEY_PREFIX):
        if acting is not None and await state.readers.read(is_awaited, token, acting):
            issuer = state.settings.issuer
            await state.writer.call(partial(expect_outside_user, issuer=issuer, username=acting))
        return partial(find_key, secret=token, acting=acting)
    claims = await state.token_reader.read(token)
    if claims.use == "outside":
        await admit_outside(state, claims.issuer, claims.subject, claims.name)
    return partial(_find_principal, claims=claims)


async def admit_outside(state: State, issuer: str, subject: str, name: str | None) -> None:
    """See to it that an outside user is known, and under this name; None: whichever they have."""
    known = await state.readers.read(_outside_user.fetch, issuer, subject)
    if not known or name not in (None, known[0][2]):
        admit = partial(admit_outside_user, issuer=issuer, subject=subject, name=name)
        await state.writer.call(admit)


def find_outside(connection: Connection, issuer: str, subject: str) -> tuple[int, str, str]:
    """Key, id and name of an outside user who is known. May block."""
    ((key, public_id, name),) = _outside_user.fetch(connection, issuer, subject)
    return key, public_id, name


def verify_session(state: State, secret: str) -> LookUp:
    """A session cookie. Whether it may be used from this page was asked before."""

    def look_up(connection: Connection) -> Principal:
        now = clock_ms()
        found = find_session(connection, secret, state.settings, now)
        # A session may idle for a minute at the least, so that a quarter of it is often enough.
        interval = min(TOUCH_INTERVAL, state.settings.session_idle / 4) * 1000
        if now - found.used_at > interval:
            _touch(state, found.principal.credential.id)
        return found.principal

    return look_up


def identify(connection: Connection, look_up: LookUp) -> Principal:
    """Whose a credential is that still counts. May block; raises Refusal."""
    principal = look_up(connection)
    if load_standing(connection, principal, "").credential_ended:
        raise Refusal("auth_revoked")
    return principal


async def identify_token(state: State, token: str) -> Principal:
    """Whom a token speaks for; raises as `verify_token`."""
    return await state.readers.read(identify, await verify_token(state, token))


def _touch(state: State, session_id: str) -> None:
    """Write it down some time soon: no request waits for it, or fails because of it."""
    touch = Call(partial(touch_sessions, ids=(session_id,)), light=True)
    with contextlib.suppress(Refusal):
        state.writer.submit(touch, lambda _result, _error: None)


def _find_principal(connection: Connection, claims: Claims) -> Principal:
    """The user of verified claims; raises Refusal `auth_revoked`."""
    principal = _find(connection, claims)
    if principal is None:
        raise Refusal("auth_revoked")
    return principal


def _find(connection: Connection, claims: Claims) -> Principal | None:
    if claims.use == "outside":
        rows = _outside_user.fetch(connection, claims.issuer, claims.subject)
    else:
        rows = _user.fetch(connection, claims.subject)
    for key, public_id, name in rows:
        return Principal(key, public_id, name, _credential(claims))
    return None


def _credential(claims: Claims) -> Credential:
    roles = claims.items
    items = None if roles is None else {key: Role(role) for key, role in roles.items()}
    expires_at = claims.expires_at * 1000
    if claims.use == "outside":
        issued_at = claims.issued_at * 1000
        return Credential("outside", claims.jti, issued_at, expires_at, items)
    kind: CredentialKind = "api" if claims.use == "api" else "access"
    return Credential(kind, claims.jti, moment_of(claims.jti), expires_at, items)


_USER = select(NotNullable(col(User.key)), col(User.id), col(User.name))


@statement
def _user(public_id: str) -> Select[int, str, str]:
    return _USER.where(col(User.id) == public_id)


@statement
def _outside_user(issuer: str, subject: str) -> Select[int, str, str]:
    return _USER.where(col(User.issuer) == issuer, col(User.subject) == subject)
