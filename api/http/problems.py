"""Every refusal as `application/problem+json` (RFC 9457), and never a word of what was sent."""

import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from ..errors import Refusal
from ..state import state_of
from .methods import WHOLE_SERVER, allowed_methods
from .scopes import path_below
from .strangers import slowed
from .validation import judge_validation

logger = logging.getLogger("itemroom.http")
RefuseSocket = Callable[[WebSocket, Exception], Awaitable[None]]

MEDIA_TYPE = "application/problem+json"
# What a socket is denied with before it opens; see docs/protocol.md, "Refusals".
DENIALS = frozenset(
    {"malformed", "origin_denied", "rate_limited", "too_many_connections", "draining"}
)
# What Starlette and FastAPI refuse by themselves. They are given a text of ours: theirs may quote.
_CODES_BY_STATUS = {
    401: "auth_invalid",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_big",
    422: "bad_request",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal with what only HTTP says of it."""

    refusal: Refusal
    status: int | None = None
    """Instead of the code's own."""
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the document."""

    def response(self) -> Response:
        """The answer."""
        refusal, headers = self.refusal, dict(self.headers)
        status = self.status or refusal.verdict.status
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": refusal.message,
            "code": refusal.code,
            **self.members,
        }
        if refusal.length is not None:
            document["length"] = refusal.length
        if refusal.retry_after is not None:
            document["retry_after"] = round(refusal.retry_after, 3)
            headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
        if status == 401:
            headers.setdefault("WWW-Authenticate", "Bearer")
        return Response(orjson.dumps(document), status, headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """What a client is told of an exception."""
    if isinstance(error, Refusal):
        return Problem(error, members=_about(error))
    if isinstance(error, RequestValidationError | WebSocketRequestValidationError):
        refusal, problems = judge_validation(error.errors())
        return Problem(refusal, members={"errors": problems} if problems else {})
    if isinstance(error, HTTPException):
        other = "internal" if error.status_code >= 500 else "malformed"
        refusal = Refusal(_CODES_BY_STATUS.get(error.status_code, other))
        return Problem(refusal, error.status_code, error.headers or {})
    return _internal(error)


def _about(refusal: Refusal) -> dict[str, Any]:
    """Which field it is about, in the form in which FastAPI's findings are told."""
    if refusal.field is None:
        return {}
    return {"errors": [{"loc": ["body", refusal.field], "problem": refusal.message}]}


def _internal(error: Exception) -> Problem:
    """A fault of ours: the client gets an id, and the log what happened under the same id."""
    failure_id = secrets.token_hex(8)
    logger.error("internal error %s: %s", failure_id, type(error).__name__, exc_info=error)
    refusal = Refusal("internal", f"The server failed; its log has more under {failure_id}.")
    return Problem(refusal, members={"id": failure_id})


def install(app: FastAPI, *, refuse_socket: RefuseSocket) -> None:
    """Turn whatever ends a request, or the handshake of a socket, into its answer.

    Args:
        app: gets its handlers.
        refuse_socket: accepts a socket, says why, and closes it.
    """

    async def answer(connection: Request | WebSocket, error: Exception) -> Response | None:
        problem = problem_of(error)
        if isinstance(connection, Request):
            if problem.refusal.code == "method_not_allowed":
                problem = replace(problem, headers={"Allow": allowed_methods(connection.scope)})
                if connection.method == "OPTIONS":  # It asks for just that.
                    return Response(status_code=204, headers=problem.headers)
            return problem.response()
        problem = _slowed(connection.scope, problem)
        if isinstance(error, HTTPException) or problem.refusal.code in DENIALS:
            state_of(connection.scope).metrics.refused(problem.refusal.code)
            return problem.response()
        await refuse_socket(connection, problem.refusal)
        return None

    kinds: tuple[type[Exception], ...] = (
        Refusal,
        RequestValidationError,
        WebSocketRequestValidationError,
        HTTPException,
    )
    for kind in kinds:
        app.add_exception_handler(kind, answer)  # type: ignore[arg-type] # of sockets may be None
    app.add_exception_handler(WebSocketException, refuse_socket)
    app.router.default = _unknown_path


async def _unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    """No route knows this. Starlette's own answer to a socket would be a close, a bare 403."""
    problem = Problem(Refusal("not_found"))
    if scope["type"] == "http" and path_below(scope) == WHOLE_SERVER:
        headers = {"Allow": allowed_methods(scope)}
        await Response(status_code=204, headers=headers)(scope, receive, send)
        return
    if scope["type"] == "http" and _is_socket(scope):
        message = "Only a WebSocket can be opened here."
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        problem = Problem(Refusal("malformed", message), 426, headers)
    await refuse(scope, receive, send, problem)


def _is_socket(scope: Scope) -> bool:
    """Whether a socket at the same path would have found its route."""
    handshake = {**scope, "type": "websocket"}
    routes = scope["app"].routes
    return any(route.matches(handshake)[0] is Match.FULL for route in routes)


async def refuse(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    """Answer a request, or deny a socket, from middleware."""
    if scope["type"] == "websocket":
        problem = _slowed(scope, problem)
        state_of(scope).metrics.refused(problem.refusal.code)
        if "websocket.http.response" not in scope.get("extensions", {}):
            verdict = problem.refusal.verdict
            reason = problem.refusal.code
            await send({"type": "websocket.close", "code": verdict.close_code, "reason": reason})
            return
    await problem.response()(scope, receive, send)


def _slowed(scope: Scope, problem: Problem) -> Problem:
    refusal = slowed(scope, problem.refusal)
    return problem if refusal is problem.refusal else Problem(refusal)
