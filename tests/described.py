"""What the server says, held against its own description of it."""

from typing import Any, get_args, get_type_hints

import orjson
from pydantic import TypeAdapter

from api.pages.asyncapi import SERVER_FRAMES


def type_of(model: type[Any]) -> str:
    """The `type` of the frames that a class describes."""
    (name,) = get_args(get_type_hints(model)["type"])
    return str(name)


DESCRIBED = {type_of(model): TypeAdapter[Any](model) for model in SERVER_FRAMES}


def check_frame(frame: Any) -> None:
    """A frame fits its description, and has no field beside it."""
    described = DESCRIBED[frame["type"]]
    described.validate_json(orjson.dumps(frame), strict=True)
    assert frame.keys() <= described.json_schema()["properties"].keys(), frame
