"""Who gets in: nobody new while the server stops."""

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import Refusal
from ..rights.access import Principal
from ..state import State, state_of
from .origin import check_socket_origin
from .problems import Problem, refuse
from .scopes import path_below

# Whoever runs the server must be able to watch it stop.
OPERATIONAL_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Admission:
    """Refuses what comes while draining."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and (problem := _objection(scope)):
            await refuse(scope, receive, send, problem)
        else:
            await self._app(scope, receive, send)


def _objection(scope: Scope) -> Problem | None:
    state = state_of(scope)
    if state.draining and path_below(scope) not in OPERATIONAL_PATHS:
        refusal = Refusal("draining", retry_after=state.settings.restart_spread)
        # The connection would otherwise be kept alive by a server that waits for its end.
        return Problem(refusal, headers={"Connection": "close"})
    return None


async def check_connections(state: State, user_key: int) -> None:
    """Refuse one more connection of a user who has too many, here and at other servers.

    Raises:
        Refusal: `too_many_connections`; `database_unavailable` or `overloaded`, as of any read.
    """
    limit = state.settings.connections_per_user
    if not limit:
        return
    held = state.hub.guests.count_of(user_key)
    if held < limit and state.nodes is not None:
        held += await state.nodes.company.connections_of(user_key)
    if held >= limit:
        raise Refusal("too_many_connections", retry_after=10)


async def check_handshake(connection: HTTPConnection, state: State, principal: Principal) -> None:
    """Refuse by REST what the handshake of the same page or program would be denied for.

    Browsers hide such a denial from the page, which therefore asks for its code.

    Raises:
        Refusal: `origin_denied`, `too_many_connections`.
    """
    if principal.credential.kind == "session":
        check_socket_origin(connection, state.settings)
    await check_connections(state, principal.user_key)
