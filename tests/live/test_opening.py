"""Where a connection begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.history.extent import Extent
from api.live.opening import Beginning, Opening, starting_point, welcome
from api.rights.access import Access, Credential, Principal, Role, Standing
from api.settings import Settings

STANDING = Standing(credential_ended=False, item_key=1, item_id="doc", title="The book")


@pytest.mark.parametrize(
    ("after", "epoch", "tail", "start"),
    [
        (None, None, 50, (50, True)),
        (None, None, 0, (100, True)),
        (None, None, 1000, (9, True)),
        (None, "e0", 50, (50, True)),
        (60, None, 50, (60, True)),
        (60, "e1", 50, (60, True)),
        (9, "e1", 50, (9, True)),
        (100, "e1", 0, (100, True)),
        (8, "e1", 50, (9, False)),
        (0, None, 0, (9, False)),
        (101, "e1", 50, (50, False)),
        (9999999999999999999, None, 50, (50, False)),
        (60, "e0", 50, (50, False)),
        (60, "e0", 0, (100, False)),
    ],
)
def test_start_in_a_log_from_10_to_100(
    after: int | None, epoch: str | None, tail: int, start: tuple[int, bool]
) -> None:
    """Too old begins with what is left; another epoch or the future begins as a newcomer does."""
    assert starting_point(Beginning(after, epoch, tail), Extent(100, 10, "e1")) == start


@given(
    st.none() | st.integers(0, 30),
    st.sampled_from([None, "e0", "e1"]),
    st.integers(0, 30),
    st.integers(0, 20),
    st.integers(1, 21),
)
def test_start_is_inside_the_log_and_never_skips_in_silence(
    after: int | None, epoch: str | None, tail: int, head: int, oldest: int
) -> None:
    """Replay begins where it can, and says so whenever that is not what was asked for."""
    extent = Extent(head, min(oldest, head + 1), "e1")
    start, recovered = starting_point(Beginning(after, epoch, tail), extent)
    assert extent.oldest - 1 <= start <= head
    if after is not None:
        assert recovered == (start == after and epoch != "e0")


@pytest.mark.parametrize(
    ("expires_at", "shown"), [(None, None), (1_700_000_000_123, "2023-11-14T22:13:20.123Z")]
)
def test_welcome_says_all_that_the_contract_promises(
    settings: Settings, expires_at: int | None, shown: str | None
) -> None:
    """Who, where, with which rights until when, from where on, and which limits."""
    principal = Principal(1, "u-ada", "Ada", Credential("access", "jti", 1, expires_at))
    access = Access(principal, 1, "doc", Role.WRITER, STANDING)
    opening = Opening(STANDING, Extent(12, 3, "e1"), 5, recovered=False)
    fields = welcome("c1", access, opening, {"count": 0, "users": []}, settings)
    limits = fields["limits"]
    assert fields == {
        "type": "welcome",
        "connection": "c1",
        "item": {"id": "doc", "title": "The book"},
        "you": {"id": "u-ada", "name": "Ada", "role": "writer"},
        "epoch": "e1",
        "head": 12,
        "oldest": 3,
        "after": 5,
        "recovered": False,
        "expires_at": shown,
        "limits": limits,
        "presence": {"count": 0, "users": []},
    }
    assert limits["body_bytes"] == settings.max_body_bytes
    assert limits["publish_rate"] == settings.publish_rate
