"""Read markers over HTTP: how far one has read, and who may say so."""

import pytest

from api.history.events import Event, ReadMoved
from tests.items.conftest import Cast
from tests.people import People

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("seqs", "marker", "moves"),
    [([1], 1, 1), ([2, 1], 2, 1), ([1, 2], 2, 2), ([99], 2, 1), ([0], 0, 0), ([2, 2], 2, 1)],
    ids=str,
)
async def test_read_marker_moves_forward_up_to_the_head(
    cast: Cast, events: list[Event], seqs: list[int], marker: int, moves: int
) -> None:
    """Two tabs may report in any order; the others hear of moves alone."""
    for seq in seqs:
        answer = await cast.reader.call("PUT", "/items/doc/read", json={"seq": seq})
        assert answer.status_code == 204
    assert (await cast.reader.do("GET", "/items/doc"))["read_seq"] == marker
    moved = [event for event in events if isinstance(event, ReadMoved)]
    assert len(moved) == moves
    assert not moved or moved[-1].seq == marker


async def test_read_position_that_cannot_be_refused(cast: Cast) -> None:
    """Integers only, and no larger than JavaScript can count."""
    for seq in (-1, 2**53 + 1, "1", 1.5, True, None):
        body = {"seq": seq}
        assert await cast.reader.code("PUT", "/items/doc/read", json=body) == "bad_request"


async def test_marker_without_membership_kept(people: People, cast: Cast) -> None:
    """Who is let in by the default role has a marker too, which makes them no member."""
    await cast.admin.do("PATCH", "/items/doc", json={"default_role": "reader"})
    await cast.stranger.do("PUT", "/items/doc/read", json={"seq": 2})
    await cast.stranger.do("PUT", "/items/doc/read", json={"seq": 1})
    assert (await cast.stranger.do("GET", "/items/doc"))["read_seq"] == 2
    assert await people.rows("SELECT role FROM membership WHERE read_seq > 0") == [(None,)]
