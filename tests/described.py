"""What the server says, held against its own description of it."""

from typing import Any, get_args, get_type_hints

import orjson
from pydantic import TypeAdapter

from api.pages.asyncapi import NAMED_SERVER_FRAMES, SERVER_FRAMES, SHARED_SERVER_FRAMES


def type_of(model: type[Any]) -> str:
    """The `type` of the frames that a class describes."""
    (name,) = get_args(get_type_hints(model)["type"])
    return str(name)


DESCRIBED = {type_of(model): TypeAdapter[Any](model) for model in SERVER_FRAMES}
SHARED = {type_of(model): TypeAdapter[Any](model) for model in SHARED_SERVER_FRAMES}
NAMED = {type_of(model): TypeAdapter[Any](model) for model in NAMED_SERVER_FRAMES}


def check_frame(frame: Any) -> None:
    """A frame fits its description, and has no field beside it."""
    _check(DESCRIBED[frame["type"]], frame)


def check_shared_frame(frame: Any) -> None:
    """Likewise one of a socket for many items: what is of an item says of which."""
    if frame["type"] in SHARED:
        _check(SHARED[frame["type"]], frame)
        return
    rest = dict(frame)
    assert isinstance(rest.pop("item"), str), frame
    _check(NAMED[frame["type"]], rest)


def _check(described: TypeAdapter[Any], frame: Any) -> None:
    described.validate_json(orjson.dumps(frame), strict=True)
    assert frame.keys() <= described.json_schema()["properties"].keys(), frame
