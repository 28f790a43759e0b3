"""The bound of a request's body, kept while it arrives."""

import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import Refusal
from .problems import Problem, refuse
from .scopes import header, path_below

# What may stand around the largest frame when it is posted: field names, or a form's encoding.
SLACK_BYTES = 8 * 1024
# Of the one call that holds many commands, which reads it once it knows whose it is.
LARGER = {"/batch": 1024 * 1024}


class BodyCap:
    """Refuses a body that says it is too big before a byte of it is read, others while they come.

    Args:
        max_bytes: of the body; headers have a limit of their own.
        larger: other bounds, by path.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, larger: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._larger.get(path_below(scope), self._max_bytes)
        if any(_exceeds(value, max_bytes) for value in header(scope, b"content-length")):
            # Closing is the only way to stop a client that sends without looking.
            problem = Problem(Refusal("too_big"), headers={"Connection": "close"})
            await refuse(scope, receive, send, problem)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                # FastAPI turns any other exception than this into a 400.
                raise HTTPException(413, headers={"Connection": "close"})
            return message

        await self._app(scope, counted, send)


def _exceeds(content_length: str, max_bytes: int) -> bool:
    # The server has checked the digits; int() of many thousand of them would be slow.
    digits = re.sub("^0+", "", content_length.strip())
    return len(digits) > 18 or (digits.isdecimal() and int(digits) > max_bytes)
