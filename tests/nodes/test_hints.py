import json
from dataclasses import replace
from typing import Any

import orjson
import pytest

from api.history.entries import Author, Entry, Kind
from api.nodes import hints
from api.nodes.hints import (
    Beat,
    EntriesStored,
    Hint,
    LoginTried,
    MarkerMoved,
    PresenceChanged,
    RightsChanged,
    Signalled,
    TextGrown,
    decode,
    encode,
)

ADA = Author(3, "u-ada", 'Ada "the first"')
MESSAGE = Entry(
    7, 4, Kind.MESSAGE, ADA, 1_700_000_000_123, ref="r", body=b'{"n":1.0,"t":"\xc3\xbc\\u0000"}'
)
EDIT = Entry(7, 5, Kind.EDIT, ADA, 1_700_000_000_124, target=4, body=b"12345678901234567890123")
DELETE = Entry(7, 6, Kind.DELETE, ADA, 1_700_000_000_125, target=4, via="shop")


@pytest.mark.parametrize(
    "hint",
    [
        EntriesStored(7, 4, 6, (MESSAGE, EDIT, DELETE)),
        EntriesStored(7, 4, 6),
        TextGrown(7),
        RightsChanged(7, 3),
        RightsChanged(user_key=3),
        RightsChanged(7),
        MarkerMoved(7, ADA, 12),
        PresenceChanged(7),
        Signalled(7, ADA, "typing", b'{"a":[1]}'),
        Signalled(7, ADA, "typing", b"null"),
        LoginTried("192.0.2.1", "ada", succeeded=False),
        Beat(5),
    ],
    ids=str,
)
def test_hint_is_read_as_it_was_told(hint: Hint) -> None:
    """Bodies to the byte, numbers that no double holds included."""
    data = encode(hint, "boot-1", bodies=True)
    assert json.loads(data.decode())[:2] == [1, "boot-1"]
    told = decode(data)
    assert told is not None
    assert (told.boot, told.hint) == ("boot-1", hint)


@pytest.mark.parametrize(
    ("entries", "bodies"),
    [
        ((MESSAGE, EDIT, DELETE), False),
        ((replace(MESSAGE, body=b'"' + b"x" * 4096 + b'"'), EDIT, DELETE), True),
    ],
    ids=["no-bodies-carried", "too-large"],
)
def test_entries_that_do_not_go_along_are_told_by_their_numbers(
    entries: tuple[Entry, ...], *, bodies: bool
) -> None:
    """Whoever has the item open reads them."""
    data = encode(EntriesStored(7, 4, 6, entries), "b", bodies=bodies)
    assert len(data) < 100
    told = decode(data)
    assert told is not None
    assert told.hint == EntriesStored(7, 4, 6)


def test_many_small_entries_are_large_together() -> None:
    """What an entry has besides its body counts, too."""
    entries = tuple(replace(DELETE, seq=seq) for seq in range(40))
    assert not hints.is_small(entries)
    assert hints.is_small(entries[:30])


@pytest.mark.parametrize(
    "told",
    [
        [2, "b", "presence", 7],
        [1, "b", "weather", 7],
        [1, "b", "presence", 7, 8],
        [1, "b", "read", 7, 3],
        [1, "b", "entries", 7, 4, 5, [[4, "message", 3, "u", "A", 0, None, None, None]]],
        [1, "b", "entries", 7, 4, 4, [[4, "song", 3, "u", "A", 0, None, None, None]]],
        [1, "b", "entries", 7, 4, 4, [[4, "message", 3, "u", "A", 0, None, None, 5]]],
        [1, "b", ["entries"], 7],
        [1],
        {"a": 1},
        7,
    ],
    ids=str,
)
def test_what_is_not_known_is_ignored(told: Any) -> None:
    """Newer nodes tell more; others may tell anything."""
    assert decode(orjson.dumps(told)) is None


def test_bytes_that_are_no_json_are_ignored() -> None:
    """A channel is open to whoever may use the broker."""
    assert decode(b"\xff{") is None


@pytest.mark.parametrize(
    "entry", [replace(MESSAGE, lengths={-1: 3}), replace(DELETE, kind=Kind.FINISH, body=b"{}")]
)
def test_entry_whose_text_stands_elsewhere_does_not_go_along(entry: Entry) -> None:
    """Of a message in the making, or of its end: the database has it."""
    hint = EntriesStored(7, entry.seq, entry.seq, (entry,))
    told = decode(encode(hint, "boot-1", bodies=True))
    assert told is not None
    assert told.hint == EntriesStored(7, entry.seq, entry.seq)
