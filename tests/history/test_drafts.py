import pytest

from api.errors import Refusal
from api.history.drafts import MAIN, Draft, length_of


def test_text_grows_where_the_body_has_it() -> None:
    """In the body itself, in its `text`, in a part."""
    text = Draft(b'"caf\xc3\xa9"')
    text.add(MAIN, "\N{GRINNING FACE}")
    assert (text.json().decode(), text.lengths) == ('"café\N{GRINNING FACE}"', {MAIN: 5})
    assert text.rest(MAIN, 4) == "\N{GRINNING FACE}"
    whole = Draft(b'{"parts":[{"text":""},1,{"text":"ab"},{"text":1}],"text":"x"}')
    whole.add(2, "c")
    whole.add(MAIN, "y")
    assert whole.lengths == {MAIN: 2, 0: 0, 2: 3}
    assert whole.rest(2, 1) == "bc"
    assert whole.json() == b'{"parts":[{"text":""},1,{"text":"abc"},{"text":1}],"text":"xy"}'
    assert length_of(whole.lengths) == 2
    assert length_of(Draft(b'{"parts":[{"text":"a"}]}').lengths) == 1


@pytest.mark.parametrize("body", [b"1", b"null", b"{}", b'{"text":1}', b'{"parts":{}}', b"[]"])
def test_body_without_a_text_cannot_grow(body: bytes) -> None:
    """It is refused as a message that is begun."""
    with pytest.raises(Refusal, match="bad_message"):
        Draft(body)
