import pytest

from itemroom import text_of


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("hi", "hi"),
        ({"text": "hi", "mentions": ["bob"]}, "hi"),
        ({"text": 7}, '{"text":7}'),
        ({"é": [1, None]}, '{"é":[1,null]}'),
        (["hi"], '["hi"]'),
        (None, "null"),
    ],
)
def test_body_is_its_text_or_its_json_where_it_has_none(body: object, text: str) -> None:
    """The same as the client in JavaScript has it."""
    assert text_of(body) == text
