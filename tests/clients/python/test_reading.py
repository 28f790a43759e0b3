"""A text that somebody follows, before anything is known of it."""

from types import SimpleNamespace
from typing import Any

import pytest

from itemroom import Refused
from itemroom.core.texts import Texts
from itemroom.reading import _text


@pytest.mark.parametrize(("is_live", "after"), [(False, 9), (True, 6), (True, None)])
def test_text_may_still_come(is_live: bool, after: int | None) -> None:  # noqa: FBT001 - a value
    """While not all that there is was said, up to the message."""
    cursor = SimpleNamespace(after=after)
    keeper: Any = SimpleNamespace(
        session=SimpleNamespace(texts=Texts(), is_live=is_live, cursor=cursor)
    )
    assert _text(keeper, 7, None) is None
    keeper.session.is_live, cursor.after = True, 7
    with pytest.raises(Refused):
        _text(keeper, 7, None)
