"""Events as data, and whose credentials they end."""

import pickle

import pytest
from pydantic import TypeAdapter

from api.history.entries import Author, Entry, Kind
from api.history.events import (
    CredentialsEnded,
    DefaultRoleChanged,
    EntryStored,
    Event,
    ItemDeleted,
    MemberChanged,
    ReadMoved,
    TextAdded,
)
from api.rights.access import Credential, Role

ADA = Author(1, "u1", "Ada")
EVENTS: list[Event] = [
    EntryStored(Entry(1, 2, Kind.MESSAGE, ADA, 3, ref="r", body=b'{"text":"caf\xc3\xa9"}')),
    EntryStored(Entry(1, 3, Kind.EDIT, ADA, 3, target=2, body=b"1", deleted_seq=9)),
    MemberChanged(1, 2, Role.WRITER),
    MemberChanged(1, 2, None),
    DefaultRoleChanged(1, None),
    ItemDeleted(1),
    ReadMoved(1, ADA, 7),
    TextAdded(1, 7, -1, 0, "caf\u00e9"),
    CredentialsEnded(1, kinds=frozenset({"session"}), ids=frozenset({"a"}), kept="c"),
    CredentialsEnded(1),
]


@pytest.mark.parametrize("event", EVENTS, ids=map(repr, EVENTS))
def test_event_survives_pickle_and_json(event: Event) -> None:
    """Another process hears the same: nothing in an event lives in this one."""
    assert pickle.loads(pickle.dumps(event)) == event
    adapter = TypeAdapter[Event](type(event))
    assert adapter.validate_json(adapter.dump_json(event)) == event


@pytest.mark.parametrize(
    ("event", "ended"),
    [
        (CredentialsEnded(1), {"s1", "s2", "a1"}),
        (CredentialsEnded(1, kinds=frozenset({"session"})), {"s1", "s2"}),
        (CredentialsEnded(1, ids=frozenset({"s1", "a1"})), {"s1", "a1"}),
        (CredentialsEnded(1, kinds=frozenset({"access"}), ids=frozenset({"s1"})), set()),
        (CredentialsEnded(1, kinds=frozenset({"session", "access"}), kept="s2"), {"s1", "a1"}),
    ],
)
def test_credentials_ended_names_those_it_means(event: CredentialsEnded, ended: set[str]) -> None:
    """Each condition narrows it; none of them means all of the user's."""
    credentials = [
        Credential("session", "s1", 1, None),
        Credential("session", "s2", 1, None),
        Credential("access", "a1", 1, None),
    ]
    assert {credential.id for credential in credentials if event.ended(credential)} == ended
