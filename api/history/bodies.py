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

from ..errors import Refusal

MAX_INTEGER = 2**53
# The JSON form of bytes, which only MessagePack has: {"$bytes": "<base64>"}.
BYTES = "$bytes"
# Any digit as 0, so that a run of them is found at the speed of a search for bytes.
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_RUN = b"0" * 16
# Where a number may begin: ids and hashes in text have long runs of digits too.
_LONG_INTEGER = re.compile(rb"(?:\A|[\s:,\[])-?[0-9]{16}")


def decode_json(text: bytes) -> Any:
    """One JSON value, with every integer within ±2^53. When a key comes twice the last one counts.

    Raises:
        Refusal: `bad_message`; also for lone surrogates, NaN and infinities.
    """
    try:
        value = orjson.loads(text)
        if _LONG_RUN in text.translate(_ZEROS) and _LONG_INTEGER.search(text):
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
    # The size first: orjson takes a hundredth of the time that it takes to look at every part, and
    # a frame of 64 KB can hold as many of them.
    try:
        body = orjson.dumps(value, default=_bytes_as_json)
    except (TypeError, ValueError) as error:  # orjson's error for a surrogate is a TypeError.
        raise Refusal("bad_message", "The body cannot be passed on as JSON.") from error
    if len(body) > max_bytes:
        raise Refusal("too_big", f"A body has at most {max_bytes} bytes; this one {len(body)}.")
    _check(value, max_nesting)
    return body


def _bytes_as_json(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError("a value that JSON does not know")
    return {BYTES: base64.b64encode(value).decode()}


def _check(value: object, levels: int) -> None:
    """Raise Refusal for what was written as JSON, and cannot be sent on."""
    match value:
        case None | bool() | bytes():
            return
        case str():
            _check_text(value)
        case int() | float():
            _check_number(value)
        case list() | dict() if levels <= 0:
            raise Refusal("bad_message", "The body is nested too deeply.")
        case list():
            for part in value:
                _check(part, levels - 1)
        case dict():
            for key, part in value.items():
                _check_text(key)
                _check(part, levels - 1)
        case _:
            raise Refusal("bad_message", "The body has a value that JSON does not know.")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Refusal("bad_message", "Text must not contain U+0000.")


def _check_number(number: int | float) -> None:
    # MessagePack has NaN and infinities, and orjson would write them as null.
    if isinstance(number, float) and not math.isfinite(number):
        raise Refusal("bad_message", "Numbers must be finite.")
    if isinstance(number, int) and abs(number) > MAX_INTEGER:
        raise Refusal("bad_message", "Integers must be within ±2^53.")


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
