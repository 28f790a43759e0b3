"""What may be in a body: checked once at the edge, so that whatever is stored can be sent on.

Pure. A text with a lone surrogate could be stored and then break every receiver's encoder; a NUL
cannot be stored by every database; a number beyond 2^53 is another number in JavaScript.
"""

import base64
import json
import math
import re
from typing import Any

import orjson

from api.errors import Refusal

MAX_INTEGER = 2**53
# The JSON form of bytes, which only MessagePack has: {"$bytes": "<base64>"}.
BYTES = "$bytes"
_LONG_NUMBER = re.compile(rb"[0-9]{16}")


def decode_json(text: bytes) -> Any:
    """One JSON value, with every integer within ±2^53. When a key comes twice the last one counts.

    Raises:
        Refusal: `bad_message`; also for lone surrogates, NaN and infinities.
    """
    try:
        value = orjson.loads(text)
        if _LONG_NUMBER.search(text):
            # orjson turns integers beyond 64 bits into floats: only the text tells.
            json.loads(text, parse_int=_bounded)
    except (ValueError, RecursionError) as error:
        raise Refusal("bad_message", "This is not JSON that can be passed on.") from error
    return value


def _bounded(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise ValueError("an integer is beyond ±2^53")
    return int(digits)


def encode_body(value: object, *, max_bytes: int, max_nesting: int) -> bytes:
    """The JSON of a body, exactly as it will be stored and sent; bytes become {"$bytes": …}.

    Raises:
        Refusal: `bad_message` or `too_big`.
    """
    try:
        body = orjson.dumps(_checked(value, max_nesting))
    except (TypeError, ValueError) as error:  # orjson's error for a surrogate is a TypeError.
        raise Refusal("bad_message", "The body cannot be passed on as JSON.") from error
    if len(body) > max_bytes:
        raise Refusal("too_big", f"A body has at most {max_bytes} bytes; this one {len(body)}.")
    return body


def _checked(value: object, levels: int) -> object:
    """The value with its bytes in their JSON form; raises Refusal for what cannot be sent on."""
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int() | float():
            return _number(value)
        case bytes():
            return {BYTES: base64.b64encode(value).decode()}
    if levels <= 0:
        raise Refusal("bad_message", "The body is nested too deeply.")
    if isinstance(value, list):
        return [_checked(part, levels - 1) for part in value]
    if isinstance(value, dict):
        return {_key(key): _checked(part, levels - 1) for key, part in value.items()}
    raise Refusal("bad_message", "The body has a value that JSON does not know.")


def _text(text: str) -> str:
    if "\0" in text:
        raise Refusal("bad_message", "Text must not contain U+0000.")
    return text


def _number(number: int | float) -> int | float:
    # MessagePack has NaN and infinities, and orjson would write them as null.
    if isinstance(number, float) and not math.isfinite(number):
        raise Refusal("bad_message", "Numbers must be finite.")
    if isinstance(number, int) and abs(number) > MAX_INTEGER:
        raise Refusal("bad_message", "Integers must be within ±2^53.")
    return number


def _key(key: object) -> str:
    if not isinstance(key, str) or "\0" in key:
        raise Refusal("bad_message", "Keys must be text without U+0000.")
    return key


def restore_bytes(value: Any) -> Any:
    """A body read back from its JSON, with every {"$bytes": …} as bytes again."""
    if isinstance(value, list):
        return [restore_bytes(part) for part in value]
    if isinstance(value, dict):
        if value.keys() == {BYTES} and isinstance(value[BYTES], str):
            try:
                return base64.b64decode(value[BYTES], validate=True)
            except ValueError:  # binascii.Error among others: letters beyond ASCII raise it bare.
                return value  # A JSON client wrote this; it never was bytes.
        return {key: restore_bytes(part) for key, part in value.items()}
    return value
