"""Who is asking? For REST calls and sockets alike; endpoints declare what they need."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Query, Response
from fastapi.security import APIKeyCookie, HTTPBearer, OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from ..errors import Refusal
from ..http.origin import check_cookie_origin
from ..rights.access import Principal, clock_ms
from ..security import KEY_PREFIX
from ..settings import Settings
from ..state import Running, State, state_of
from .cookies import SessionCookie, read_session_cookie, rename_session_cookie
from .hosted import verify_caller
from .identity import LookUp, identify, verify_session, verify_token

__all__ = [
    "SCHEMES",
    "AccountOwner",
    "ClientAddress",
    "Comer",
    "Credentials",
    "Shown",
    "SignedIn",
    "Visitor",
    "checked_origin",
    "identify_shown",
    "shown_credential",
]

BEARER_SUBPROTOCOL = "bearer."
AS_HEADER = "itemroom-as"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client shows of itself, as it came: at most one of token and ticket."""

    token: str | None = field(default=None, repr=False)
    ticket: str | None = field(default=None, repr=False)
    cookie: SessionCookie | None = None
    acting: str | None = None
    """The username of whom a service key acts for."""


async def shown_credential(
    connection: HTTPConnection,
    token: Annotated[list[str] | None, Query(include_in_schema=False)] = None,
    ticket: Annotated[list[str] | None, Query(include_in_schema=False)] = None,
) -> Shown:
    """The one credential that counts: an explicit one, or else the cookie.

    Headers are read here: FastAPI takes as long for each that it is asked for as for the rest, and
    the cookie's name is a setting.

    Raises:
        Refusal: `auth_ambiguous`, or `auth_invalid` for another scheme than Bearer; `forbidden`
            when it is to act for others, and is no key.
    """
    protocols: list[str] = connection.scope.get("subprotocols", [])
    offered = [name for name in protocols if name.startswith(BEARER_SUBPROTOCOL)]
    tokens = [
        *(token or ()),
        *map(_bearer, connection.headers.getlist("authorization")),
        *(name.removeprefix(BEARER_SUBPROTOCOL) for name in offered),
    ]
    tickets = ticket or []
    cookie = None
    if "cookie" in connection.headers:
        cookie = read_session_cookie(connection, state_of(connection.scope).settings)
    acting = _acting(connection)
    if len(tokens) + len(tickets) > 1:
        raise Refusal("auth_ambiguous")
    if acting is not None and not (tokens and tokens[0].startswith(KEY_PREFIX)):
        raise Refusal("forbidden", "Only a service key acts for others.")
    if tokens:
        return Shown(token=tokens[0], acting=acting)
    if tickets:
        return Shown(ticket=tickets[0])
    return Shown(cookie=cookie)


Credentials = Annotated[Shown, Depends(shown_credential)]


def _acting(connection: HTTPConnection) -> str | None:
    """Whom the client acts for: a username as UTF-8, which headers hold byte by byte."""
    values = connection.headers.getlist(AS_HEADER)
    if len(values) > 1:
        raise Refusal("auth_ambiguous")
    try:
        return values[0].encode("latin-1").decode() if values else None
    except UnicodeDecodeError:
        raise Refusal("malformed", "Itemroom-As holds no UTF-8 text.") from None


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Refusal("auth_invalid", "Authorization has the form: Bearer, a blank, a token.")
    return token.strip()


async def identify_shown(state: State, shown: Shown, connection: HTTPConnection) -> Principal:
    """Who shows this; raises as `verify_shown`."""
    return await state.readers.read(identify, await verify_shown(state, shown, connection))


async def verify_shown(state: State, shown: Shown, connection: HTTPConnection) -> LookUp:
    """What looks up who shows this, once it is verified.

    A ticket is no answer here: only a room can take it (`redeem_ticket`).

    Raises:
        Refusal: `auth_missing`, `auth_invalid`, `auth_expired`, `auth_revoked`, `origin_denied`.
    """
    if shown.token is not None:
        return await verify_token(state, shown.token, shown.acting)
    if shown.ticket is not None:
        raise Refusal("auth_invalid", "A ticket opens a socket, and nothing else.")
    if state.identify is not None:
        # An application goes by a cookie, too, as a rule.
        check_cookie_origin(connection, state.settings)
        return await verify_caller(state, state.identify, connection)
    if shown.cookie is None:
        raise Refusal("auth_missing")
    check_cookie_origin(connection, state.settings)
    return verify_session(state, shown.cookie.secret)


_PASSWORD = OAuth2PasswordBearer("auth/token", scheme_name="password", auto_error=False)
_TOKEN = HTTPBearer(bearerFormat="JWT", scheme_name="token", auto_error=False)
_COOKIE = APIKeyCookie(
    name=Settings.model_fields["cookie"].default, scheme_name="cookie", auto_error=False
)
SCHEMES = [Depends(_PASSWORD), Depends(_TOKEN), Depends(_COOKIE)]
"""For a route whose credential is read in another way than by these dependencies."""


# Read by `shown_credential` and not by FastAPI's classes, which take the first of two headers and
# fall back to the cookie; these tell the OpenAPI page what there is.
async def signed_in(
    connection: HTTPConnection,
    response: Response,
    state: Running,
    shown: Credentials,
    _password: Annotated[object, Depends(_PASSWORD)],
    _token: Annotated[object, Depends(_TOKEN)],
    _cookie: Annotated[object, Depends(_COOKIE)],
) -> Principal:
    """Whoever makes a REST call."""
    principal = await identify_shown(state, shown, connection)
    if shown.cookie is not None and shown.cookie.is_former and state.identify is None:
        rest = max(0, (principal.credential.expires_at or 0) - clock_ms()) // 1000
        rename_session_cookie(response, connection, state.settings, shown.cookie.secret, rest)
    return principal


SignedIn = Annotated[Principal, Depends(signed_in)]


async def comer(
    connection: HTTPConnection,
    response: Response,
    state: Running,
    shown: Credentials,
    _password: Annotated[object, Depends(_PASSWORD)],
    _token: Annotated[object, Depends(_TOKEN)],
    _cookie: Annotated[object, Depends(_COOKIE)],
) -> Principal | Refusal:
    """Whoever makes a call about an item, or why they are nobody: the product may know them."""
    try:
        return await signed_in(connection, response, state, shown, None, None, None)
    except Refusal as refusal:
        # What was shown on purpose is judged as what it is.
        if state.authorize is None or shown.token or shown.ticket:
            raise
        return refusal


Comer = Annotated[Principal | Refusal, Depends(comer)]


async def perhaps_signed_in(
    connection: HTTPConnection, state: Running, shown: Credentials
) -> Principal | None:
    """Whoever makes a call that is for everybody; None: nobody, or no longer."""
    try:
        return await identify_shown(state, shown, connection)
    except Refusal as refusal:
        if refusal.verdict.status != 401:
            raise
        return None


Visitor = Annotated[Principal | None, Depends(perhaps_signed_in)]


async def account_owner(principal: SignedIn) -> Principal:
    """Somebody who may manage their account: with what a password gave them, and unlimited.

    Raises:
        Refusal: `forbidden`. A token that was given away must not be able to make more of itself.
    """
    credential = principal.credential
    if credential.kind not in ("session", "access") or credential.items is not None:
        raise Refusal("forbidden", "This needs a session or an access token.")
    return principal


AccountOwner = Annotated[Principal, Depends(account_owner)]


async def client_address(connection: HTTPConnection) -> str:
    """Where a request comes from; `X-Forwarded-For` of trusted proxies was applied before."""
    return connection.client.host if connection.client else ""


ClientAddress = Annotated[str, Depends(client_address)]


async def checked_origin(connection: HTTPConnection, state: Running) -> None:
    """For calls that begin a session: other sites' pages must not sign a visitor in as theirs.

    Raises:
        Refusal: `origin_denied`.
    """
    check_cookie_origin(connection, state.settings)
