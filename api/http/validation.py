"""What FastAPI found wrong with a request, as one of our refusals, without a word of the input."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import Refusal

# Of these, pydantic's text holds only what we expected, at most with the length of what came.
# Any other might quote, as `union_tag_invalid` and `uuid_parsing` do.
_PLAIN = frozenset(
    {
        "bool_parsing",
        "bool_type",
        "dict_type",
        "enum",
        "extra_forbidden",
        "float_type",
        "greater_than",
        "greater_than_equal",
        "int_from_float",
        "int_parsing",
        "int_type",
        "json_invalid",
        "less_than",
        "less_than_equal",
        "list_type",
        "literal_error",
        "missing",
        "model_attributes_type",
        "string_too_long",
        "string_too_short",
        "string_type",
        "too_long",
        "too_short",
        "value_error",
    }
)
# More would not help anybody, and one body can hold thousands.
MAX_PROBLEMS = 10


def judge_validation(errors: Sequence[Any]) -> tuple[Refusal, list[dict[str, Any]]]:
    """The refusal, and a list of `{loc, problem}` for the person who reads it.

    A path that cannot name anything is refused like one that names nothing: an item's id must
    not look different when it is malformed.
    """
    for error in errors:
        if error["loc"][0] == "path":
            return Refusal("item_not_found" if "item_id" in error["loc"] else "not_found"), []
    is_syntax = any(
        error["loc"][0] != "body" or error["type"] == "json_invalid" for error in errors
    )
    problems = [_problem(error) for error in errors[:MAX_PROBLEMS]]
    return Refusal("malformed" if is_syntax else "bad_request"), problems


def _problem(error: Mapping[str, Any]) -> dict[str, Any]:
    kind, text = error["type"], "This value is not allowed."
    if kind in _PLAIN:
        text = error["msg"].removeprefix("Value error, ")
    # Deeper places may be keys of a dictionary, which the client made up, as are extra fields.
    place = list(error["loc"][:2])
    return {"loc": place[:1] if kind == "extra_forbidden" else place, "problem": text}
