from typing import Any

import pytest

from api.cli.transcript import Transcript
from itemroom import Entry
from itemroom.core.entries import entry_of

AT = "2026-01-31T15:25:13.207Z"
ADA, BEN = {"id": "u1", "name": "Ada"}, {"id": "u2", "name": "Ben"}


def entry(type_: str, seq: int, by: dict[str, str] = ADA, **fields: Any) -> Entry:
    return entry_of({"type": type_, "seq": seq, "at": AT, "by": by, **fields})


def shown(*entries: Entry) -> list[str]:
    """The lines without their times."""
    transcript = Transcript()
    for one in entries:
        transcript.apply(one)
    return [str(line.render())[6:] for line in transcript.lines.values()]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("hello", "hello"),
        ({"text": "hello", "more": 1}, "hello"),
        ({"n": [1, None]}, '{"n":[1,null]}'),
        (None, "null"),
        ("one\nAda two", "one\n      Ada two"),
        ("a\x1b[2Jb\u202ec\r", "a�[2Jb�c�"),
    ],
)
def test_body_is_shown_as_text(body: object, text: str) -> None:
    """Whatever it is; and it cannot pass for somebody else's line."""
    assert shown(entry("message", 1, body=body)) == [f"Ada {text}"]


@pytest.mark.parametrize(
    ("later", "line"),
    [
        ([], "Ada hi"),
        ([entry("edit", 2, target=1, body="ho")], "Ada ho (edited)"),
        ([entry("edit", 2, target=1, deleted_seq=3), entry("delete", 3, target=1)], "Ada deleted"),
        ([entry("edit", 2, target=1, deleted_seq=9)], "Ada hi"),
        ([entry("reaction", 2, target=1, value="👍", on=True)], "Ada hi  👍 1"),
        (
            [
                entry("reaction", 2, target=1, value="👍", on=True),
                entry("reaction", 3, BEN, target=1, value="👍", on=True),
                entry("reaction", 4, BEN, target=1, value="a\nb", on=True),
            ],
            "Ada hi  👍 2  a\nb 1".replace("\n", "�"),
        ),
        (
            [
                entry("reaction", 2, target=1, value="👍", on=True),
                entry("reaction", 3, target=1, value="👍", on=False),
            ],
            "Ada hi",
        ),
    ],
)
def test_later_entries_change_a_line(later: list[Entry], line: str) -> None:
    """It stays where it is."""
    assert shown(entry("message", 1, body="hi"), *later) == [line]


def test_replayed_line_shows_itself_as_it_stands() -> None:
    """What changed it comes later, and is in it already."""
    assert shown(
        entry("message", 1, body="new", edited_seq=3),
        entry("message", 2, edited_seq=4, deleted_seq=5),
    ) == ["Ada new (edited)", "Ada deleted"]


def test_notes_tell_of_members_and_title() -> None:
    """What says nothing to people is no line."""
    assert shown(
        entry("member", 1, user=BEN, role="writer"),
        entry("item", 2, title="New"),
        entry("item", 3, default_role="reader"),
    ) == ["* Ada made Ben writer", "* Ada set the title: New"]


def test_target_that_is_not_shown_is_passed_over() -> None:
    """It is older than what is."""
    transcript = Transcript()
    assert transcript.apply(entry("delete", 9, target=1)) is None
    assert transcript.apply(entry("message", 10, body="hi")) == 10
    assert transcript.apply(entry("delete", 11, target=10)) == 10


@pytest.mark.parametrize(
    ("later", "line"),
    [
        ([], "Ada Hel (in the making)"),
        ([entry("finish", 2, target=1, state="done", body="Hello")], "Ada Hello"),
        ([entry("finish", 2, target=1, state="stopped", body="Hello")], "Ada Hello (stopped)"),
        ([entry("finish", 2, target=1, state="failed")], "Ada Hel (failed)"),
        ([entry("delete", 2, target=1)], "Ada deleted"),
    ],
)
def test_message_in_the_making_grows_to_its_end(later: list[Entry], line: str) -> None:
    """And no further."""
    transcript = Transcript()
    transcript.apply(entry("message", 1, body={"text": ""}, open=True, length=0))
    assert transcript.grow(1, "Hel")
    assert not transcript.grow(7, "older than what is shown")
    for one in later:
        transcript.apply(one)
    assert str(transcript.lines[1].render())[6:] == line
    assert transcript.grow(1, "late") == (not later or later[0].type == "delete")
