"""What members do: published, edited, deleted, reacted; refused; and repeated."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from api.errors import Refusal
from api.history import rows
from api.history.entries import Kind
from api.history.events import EntryStored
from api.history.messages import React
from api.history.reader import read_entries, read_messages
from api.rights.access import Access, Credential, Role
from tests.databases import execute
from tests.stores import Store, explain

pytestmark = pytest.mark.anyio


@dataclass
class Room:
    """An item with one member of each role, and a second writer."""

    key: int
    admin: Access
    writer: Access
    other: Access
    reader: Access


@pytest.fixture
async def room(store: Store) -> Room:
    names = {"root": Role.ADMIN, "ada": Role.WRITER, "bob": Role.WRITER, "eve": Role.READER}
    principals = {name: await store.user(name) for name in names}
    key = await store.item("doc", names)
    accesses = [await store.access(principal, "doc") for principal in principals.values()]
    return Room(key, *accesses)


async def messages(store: Store, room: Room) -> dict[int, dict[str, Any]]:
    page, _ = await store.readers.read(read_messages, room.key, None, None, 100)
    return {message.entry.seq: message.fields() for message in page}


async def refused(awaitable: Any) -> str:
    with pytest.raises(Refusal) as caught:
        await awaitable
    return caught.value.code


async def test_publish_stored_in_order_and_told_after_the_commit(store: Store, room: Room) -> None:
    """Each message takes the next seq, and the live side hears of each once."""
    seqs = [(await store.publish(room.writer, b'"%d"' % n)).seq for n in range(3)]
    assert seqs == [1, 2, 3]
    told = [event.entry for event in store.events if isinstance(event, EntryStored)]
    assert [entry.seq for entry in told] == seqs
    entries, extent = await store.readers.read(read_entries, room.key, 0, 10)
    assert [entry.json() for entry in entries] == [entry.json() for entry in told]
    assert extent.head == 3


async def test_ref_repeated_gives_the_same_seq(store: Store, room: Room) -> None:
    """A retry stores nothing, in the same batch as in a later one."""
    first = await store.publish(room.writer, b'"a"', "r")
    again = await store.publish(room.writer, b'"a"', "r")
    assert (again.seq, again.at, again.duplicate) == (first.seq, first.at, True)
    assert not first.duplicate
    assert await store.rows("SELECT count(*) FROM entry") == [(1,)]


@pytest.mark.parametrize(
    "second",
    [
        lambda store, room: store.publish(room.writer, b'"b"', "r"),
        lambda store, room: store.edit(room.writer, 1, b'"a"', "r"),
        lambda store, room: store.delete(room.writer, 1, "r"),
    ],
    ids=["other body", "other kind", "deletion"],
)
async def test_ref_of_something_else_refused(store: Store, room: Room, second: Any) -> None:
    """D6: one ref is one command, and what conflicts stores nothing."""
    await store.publish(room.writer, b'"a"', "r")
    assert await refused(second(store, room)) == "ref_conflict"
    assert await store.rows("SELECT head FROM item") == [(1,)]


async def test_ref_of_another_author_is_another_ref(store: Store, room: Room) -> None:
    """Refs are the author's own."""
    first = await store.publish(room.writer, b'"a"', "r")
    assert (await store.publish(room.other, b'"b"', "r")).seq == first.seq + 1


async def test_ref_repeated_after_edit_and_deletion_still_found(store: Store, room: Room) -> None:
    """A retry is told by what came first under the ref, whatever became of it."""
    await store.publish(room.writer, b'"a"', "r")
    await store.edit(room.writer, 1, b'"b"', "e")
    assert (await store.publish(room.writer, b'"a"', "r")).duplicate
    assert (await store.edit(room.writer, 1, b'"b"', "e")).seq == 2
    await store.delete(room.writer, 1, "d")
    assert (await store.publish(room.writer, b'"a"', "r")).duplicate
    assert (await store.delete(room.writer, 1, "d")).seq == 3


async def test_edit_changes_the_message_and_is_an_entry(store: Store, room: Room) -> None:
    """A page shows the present body; the log shows it at the message and at the edit."""
    await store.publish(room.writer, b'"a"')
    assert (await store.edit(room.writer, 1, b'"b"')).seq == 2
    assert (await store.edit(room.admin, 1, b'"c"')).seq == 3
    assert (await messages(store, room))[1]["edited_seq"] == 3
    entries, _ = await store.readers.read(read_entries, room.key, 0, 10)
    assert [(entry.kind, entry.body, entry.target) for entry in entries] == [
        (Kind.MESSAGE, b'"c"', None),
        (Kind.EDIT, b'"b"', 1),
        (Kind.EDIT, b'"c"', 1),
    ]


async def test_delete_erases_the_body_everywhere(store: Store, room: Room) -> None:
    """A deleted message leaves neither its body nor those of its edits nor reactions."""
    await store.publish(room.writer, b'"secret"', "r")
    await store.edit(room.writer, 1, b'"secret"', "e")
    await store.react(room.other, 1, "+1")
    assert (await store.delete(room.writer, 1)).seq == 4
    rows = await store.rows("SELECT seq, body, digest, deleted_seq FROM entry WHERE seq <= 2")
    assert rows == [(1, None, None, 4), (2, None, None, 4)]
    assert await store.rows("SELECT * FROM reaction") == []
    shown = (await messages(store, room))[1]
    assert "body" not in shown
    assert shown["deleted_seq"] == 4


@pytest.mark.sqlite
async def test_edits_of_a_message_are_found_without_reading_those_of_others(store: Store) -> None:
    """Let alone the item's log: it may be long, and the writer has other commands to run."""
    plans = await store.writer.call(
        lambda transaction: explain(rows.erase_edits.run, transaction.connection, 4, 1, 1)
    )
    assert any(
        "INDEX ix_entry_item_key_target (item_key=? AND target=?)" in line for line in plans
    ), plans
    assert "SEARCH entry USING PRIMARY KEY (item_key=? AND seq=?)" in plans


async def test_newest_message_deleted_seq_not_used_again(store: Store, room: Room) -> None:
    """D8: the next message takes a new seq."""
    await store.publish(room.writer)
    await store.delete(room.writer, 1)
    assert (await store.publish(room.writer)).seq == 3


async def test_reaction_repeated_gives_the_first_seq(store: Store, room: Room) -> None:
    """Reacting is idempotent without a ref; values and users are counted apart."""
    await store.publish(room.writer)
    first = await store.react(room.writer, 1, "👍")
    again = await store.react(room.writer, 1, "👍")
    assert (again.seq, again.at, again.duplicate) == (first.seq, first.at, True)
    await store.react(room.other, 1, "👍")
    await store.react(room.other, 1, "🎉")
    ada, bob = room.writer.principal.id, room.other.principal.id
    assert (await messages(store, room))[1]["reactions"] == {"👍": [ada, bob], "🎉": [bob]}


async def test_reaction_taken_back_is_gone_and_can_come_again(store: Store, room: Room) -> None:
    """Taking back is an entry too; taking back what is not there is refused."""
    await store.publish(room.writer)
    await store.react(room.writer, 1, "👍")
    assert (await store.react(room.writer, 1, "👍", on=False)).seq == 3
    assert (await messages(store, room))[1]["reactions"] == {}
    assert await refused(store.react(room.writer, 1, "👍", on=False)) == "not_found"
    assert (await store.react(room.writer, 1, "👍")).seq == 4


async def test_reaction_with_ref_repeated_gives_the_same_seq(store: Store, room: Room) -> None:
    """A ref tells a retry also after the reaction was taken back."""
    await store.publish(room.writer)
    command = React(access=room.writer, target=1, value="+", on=True, ref="r")
    first = await store.writer.execute(command)
    await store.react(room.writer, 1, "+", on=False)
    assert (await store.writer.execute(command)).seq == first.seq
    assert await refused(store.writer.execute(replace(command, on=False))) == "ref_conflict"


@pytest.mark.parametrize("target", [2, 3, 99, 2**53])
async def test_target_that_is_no_message_refused(store: Store, room: Room, target: int) -> None:
    """Neither an edit, nor a deleted message, nor what never was can be acted on."""
    await store.publish(room.writer)
    await store.edit(room.writer, 1, b"1")
    await store.publish(room.writer)
    await store.delete(room.writer, 3)
    for act in (
        store.edit(room.writer, target, b"2"),
        store.delete(room.writer, target),
        store.react(room.writer, target, "x"),
    ):
        assert await refused(act) == "not_found"


async def test_message_of_another_writer_refused_but_not_to_admins(
    store: Store, room: Room
) -> None:
    """Edit and delete belong to the author and to admins."""
    await store.publish(room.writer)
    assert await refused(store.edit(room.other, 1, b"2")) == "forbidden"
    assert await refused(store.delete(room.other, 1)) == "forbidden"
    assert (await store.edit(room.admin, 1, b"2")).seq == 2
    assert (await store.delete(room.admin, 1)).seq == 3


async def test_reader_refused_to_write(store: Store, room: Room) -> None:
    """Every act needs writer, on one's own former messages too."""
    await store.publish(room.writer)
    for act in (
        store.publish(room.reader),
        store.edit(room.reader, 1, b"2"),
        store.delete(room.reader, 1),
        store.react(room.reader, 1, "x"),
    ):
        assert await refused(act) == "forbidden"


@pytest.mark.sqlite
async def test_access_of_before_a_demotion_judged_by_now(store: Store, room: Room) -> None:
    """B4: the right is judged where the message is stored, not where it came in."""
    await store.publish(room.writer)

    def demote(transaction: Any) -> None:
        execute(
            transaction.connection,
            "UPDATE membership SET role = 'reader' WHERE user_key = ?",
            room.writer.principal.user_key,
        )

    await store.writer.call(demote)
    assert await refused(store.publish(room.writer)) == "forbidden"
    assert await refused(store.publish(room.writer, b'"hi"', "r")) == "forbidden"


async def test_token_limited_to_items_can_publish_within_its_cap(store: Store, room: Room) -> None:
    """A credential with a map of items is judged in the transaction like any other."""
    limited = Credential("outside", "j", 1, None, items={"doc": Role.WRITER})
    principal = replace(room.reader.principal, credential=limited)
    access = await store.access(principal, "doc")
    assert (await store.publish(access)).seq == 1
    assert (await store.publish(access)).seq == 2


async def test_credential_expired_meanwhile_refused(store: Store, room: Room) -> None:
    """A credential that ends between coming in and the commit no longer counts."""
    ended = replace(room.writer.principal.credential, expires_at=2)
    access = replace(room.writer, principal=replace(room.writer.principal, credential=ended))
    assert await refused(store.publish(access)) == "auth_expired"
