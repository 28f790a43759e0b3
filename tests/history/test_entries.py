"""Entries and their JSON."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.history.entries import Author, Entry, Kind, digest, rfc3339

ADA = Author(1, "u1", "Ada")
AT = 1_769_903_999_123


def test_message_shows_its_body_as_stored() -> None:
    """A body is spliced in byte by byte, not parsed and written again."""
    entry = Entry(1, 12, Kind.MESSAGE, ADA, AT, ref="r", body=b'{"a":1.50 }')
    assert entry.json() == (
        b'{"type":"message","seq":12,"at":"2026-01-31T23:59:59.123Z",'
        b'"by":{"id":"u1","name":"Ada"},"ref":"r","body":{"a":1.50 }}'
    )


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (Entry(1, 2, Kind.EDIT, ADA, AT, target=1, body=b"null"), {"target": 1, "body": None}),
        (Entry(1, 2, Kind.DELETE, ADA, AT, target=1), {"target": 1}),
        (
            Entry(1, 2, Kind.REACTION, ADA, AT, target=1, body=b'{"value":"+","on":true}'),
            {"target": 1, "value": "+", "on": True},
        ),
        (
            Entry(1, 2, Kind.MEMBER, ADA, AT, body=b'{"user":{"id":"u2"},"role":null}'),
            {"user": {"id": "u2"}, "role": None},
        ),
        (Entry(1, 2, Kind.ITEM, ADA, AT, body=b'{"title":"T"}'), {"title": "T"}),
        (
            Entry(1, 2, Kind.MESSAGE, ADA, AT, body=b"1", edited_seq=5),
            {"body": 1, "edited_seq": 5},
        ),
        (Entry(1, 2, Kind.MESSAGE, ADA, AT, deleted_seq=6), {"deleted_seq": 6}),
        (Entry(1, 2, Kind.DELETE, ADA, AT, target=1, via="shop"), {"target": 1, "via": "shop"}),
    ],
    ids=["edit", "delete", "reaction", "member", "item", "edited", "deleted", "by a key"],
)
def test_entry_shows_the_fields_of_its_kind(entry: Entry, shown: dict[str, object]) -> None:
    """What every entry has, and what only its kind has; nothing that it lacks."""
    common = {
        "type": entry.kind.value,
        "seq": 2,
        "at": rfc3339(AT),
        "by": {"id": "u1", "name": "Ada"},
    }
    assert orjson.loads(entry.json()) == common | shown


@given(st.integers(0, 253_402_300_799_998))
def test_times_sort_as_their_texts(at: int) -> None:
    """Milliseconds are kept, and later times are later texts."""
    assert rfc3339(at) < rfc3339(at + 1)
    assert rfc3339(at).endswith(f".{at % 1000:03d}Z")


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-50_000_000_000_000, "0385-07-25T07:06:40.000Z"),
        (-(2**63), "0001-01-01T00:00:00.000Z"),
        (2**63, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_time_of_a_clock_that_is_far_off_is_one_all_the_same(at: int, shown: str) -> None:
    """An answer with a wrong time is better than none."""
    assert rfc3339(at) == shown


COMMANDS = st.tuples(
    st.sampled_from(Kind), st.none() | st.integers(1, 20), st.none() | st.binary(max_size=8)
)


@given(COMMANDS, COMMANDS)
def test_digests_equal_for_the_same_command_alone(
    one: tuple[Kind, int | None, bytes | None], other: tuple[Kind, int | None, bytes | None]
) -> None:
    """Kind, target and body each count; no body is as an empty one, which no JSON is."""
    same = (*one[:2], one[2] or b"") == (*other[:2], other[2] or b"")
    assert (digest(*one) == digest(*other)) is same
