from dataclasses import replace

from api.history.events import (
    CredentialsEnded,
    DefaultRoleChanged,
    EntryStored,
    Event,
    ItemDeleted,
    LogCut,
    MemberChanged,
    ReadMoved,
    UserDisconnected,
    UserRenamed,
)
from api.nodes.hints import EntriesStored, MarkerMoved, RightsChanged
from api.nodes.telling import hints_of
from api.rights.access import Role
from tests.live.fakes import ADA, entry


def test_entries_are_told_together_for_each_item() -> None:
    """But not over what another node has stored between them, nor over a change of rights."""
    entries = {seq: entry(seq) for seq in (1, 2, 4, 5)}
    other = replace(entry(7), item_key=2)
    events: list[Event] = [
        EntryStored(entries[1]),
        EntryStored(other),
        EntryStored(entries[2]),
        EntryStored(entries[4]),
        MemberChanged(1, 3, Role.WRITER),
        EntryStored(entries[5]),
    ]
    assert hints_of(events) == [
        EntriesStored(1, 1, 2, (entries[1], entries[2])),
        EntriesStored(1, 4, 4, (entries[4],)),
        EntriesStored(2, 7, 7, (other,)),
        RightsChanged(1, 3),
        EntriesStored(1, 5, 5, (entries[5],)),
    ]


def test_what_is_no_entry_is_told_as_something_to_be_read_again() -> None:
    """Others ask the database what there is now."""
    assert hints_of(
        [
            DefaultRoleChanged(1, None),
            ItemDeleted(2),
            CredentialsEnded(3),
            UserRenamed(4, "Ada"),
            UserDisconnected(6),
            ReadMoved(5, ADA, 9),
        ]
    ) == [
        RightsChanged(1),
        RightsChanged(2),
        RightsChanged(user_key=3),
        RightsChanged(user_key=4),
        RightsChanged(user_key=6),
        MarkerMoved(5, ADA, 9),
    ]


def test_what_is_kept_no_longer_is_told_to_nobody() -> None:
    """No room anywhere shows less for it."""
    assert hints_of([LogCut(1)]) == []
