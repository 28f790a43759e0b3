"""Whatever changes a right moves its version, in the same transaction."""

from functools import partial

import pytest

from api.history.events import (
    CredentialsEnded,
    DefaultRoleChanged,
    EntryStored,
    Event,
    ItemDeleted,
    LogCut,
    MemberChanged,
    ReadMoved,
    TextAdded,
    UserDisconnected,
    UserRenamed,
)
from api.history.messages import author_of
from api.history.transaction import Transaction
from api.rights.access import Access, Role
from tests.stores import Store

pytestmark = pytest.mark.anyio


VERSIONS = 'SELECT item.rights, member.rights FROM item, "user" AS member'


def tell(event: Event, transaction: Transaction) -> None:
    transaction.emit(event)


def events(access: Access) -> dict[type[Event], tuple[Event, tuple[int, int]]]:
    """Each kind of news, and by how much it moves the versions of an item and a user."""
    item_key, user_key = access.item_key, access.principal.user_key
    told: list[tuple[Event, tuple[int, int]]] = [
        (MemberChanged(item_key, user_key, Role.READER), (1, 0)),
        (DefaultRoleChanged(item_key, None), (1, 0)),
        (ItemDeleted(item_key), (1, 0)),
        (CredentialsEnded(user_key), (0, 1)),
        (UserRenamed(user_key, "Ada"), (0, 1)),
        (UserDisconnected(user_key), (0, 1)),
        (TextAdded(item_key, 1, -1, 0, "a"), (0, 0)),
        (LogCut(item_key), (0, 0)),
        (ReadMoved(item_key, author_of(access.principal), 1), (0, 0)),
    ]
    return {type(event): (event, moved) for event, moved in told}


async def test_news_of_rights_moves_their_version(store: Store, access: Access) -> None:
    """Nobody who tells of a change can forget it."""
    known = events(access)
    assert known.keys() == set(Event.__args__) - {EntryStored}
    item = user = 0
    for event, moved in known.values():
        await store.writer.call(partial(tell, event))
        item, user = item + moved[0], user + moved[1]
        assert await store.rows(VERSIONS) == [(item, user)]


async def test_entry_moves_no_version(store: Store, access: Access) -> None:
    """Else nobody could remember anything."""
    await store.publish(access)
    assert await store.rows(VERSIONS) == [(0, 0)]


async def test_change_that_fails_moves_no_version(store: Store, access: Access) -> None:
    """The version goes back with what it stands for."""

    def fail(transaction: Transaction) -> None:
        transaction.emit(ItemDeleted(access.item_key))
        raise RuntimeError

    with pytest.raises(Exception, match="internal"):
        await store.writer.call(fail)
    assert await store.rows(VERSIONS) == [(0, 0)]
