"""Who gets in: nobody new while the server stops."""

from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import Refusal
from api.http.problems import Problem, refuse
from api.http.scopes import state_of

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
    if state.draining and scope["path"] not in OPERATIONAL_PATHS:
        refusal = Refusal("draining", retry_after=state.settings.restart_spread)
        # The connection would otherwise be kept alive by a server that waits for its end.
        return Problem(refusal, headers={"Connection": "close"})
    return None
