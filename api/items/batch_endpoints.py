"""The call with many commands."""

import json
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from ..accounts.dependencies import Credentials, SignedIn
from ..errors import Refusal
from ..live.client_frames import describe_fault
from ..state import Running
from .batch import run_batch
from .batch_schemas import COMMAND, MAX_COMMANDS, BatchAnswers, BatchCommand
from .quotas import count_commands

router = APIRouter(tags=["messages"])

_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
}


@router.post(
    "/batch",
    response_model=BatchAnswers,
    openapi_extra={"requestBody": _BODY},
)
async def batch(
    request: Request, principal: SignedIn, shown: Credentials, state: Running
) -> Response:
    """Store up to 1,000 commands: one answer for each, in their order.

    Each is judged by itself: one that is refused leaves the others as they are. The commands of
    an item are stored in their order. Together they count as so many single calls.
    """
    # Read here, and not by FastAPI: of strangers no large body is taken in.
    commands = _read(await request.body())
    count_commands(state, principal, len(commands))
    is_key = principal.credential.kind == "key"
    answers = await run_batch(state, principal, shown.token if is_key else None, commands)
    return Response(orjson.dumps({"answers": answers}), media_type="application/json")


def _read(text: bytes) -> list[BatchCommand | Refusal]:
    """The commands of a batch; of those that are none, why.

    Raises:
        Refusal: `malformed`, or `bad_request` when it is no batch at all.
    """
    try:
        # As FastAPI does: what no JSON client could read, the body's own check finds.
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal("malformed", "The body is no JSON.") from None
    commands = given.get("commands") if isinstance(given, dict) and len(given) == 1 else None
    if not isinstance(commands, list) or not 1 <= len(commands) <= MAX_COMMANDS:
        sentence = f"A batch is an object with `commands`: a list of 1 to {MAX_COMMANDS}."
        raise Refusal("bad_request", sentence, field="commands")
    return list(map(_read_command, commands))


def _read_command(given: Any) -> BatchCommand | Refusal:
    try:
        return COMMAND.validate_python(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return Refusal("bad_request", describe_fault(first))
