"""The writer's unit of work, and what the writer remembers between two of them."""

from functools import partial

import pytest

from api.errors import Refusal
from api.history.entries import Kind
from api.history.messages import author_of
from api.history.transaction import Memory, RefKey, StoredRef, Transaction
from api.models import Item
from api.rights.access import Access, Role
from tests.databases import execute
from tests.stores import Store, explain

pytestmark = pytest.mark.anyio


@pytest.fixture
async def access(store: Store) -> Access:
    """A writer's access to an item."""
    principal = await store.user("ada")
    await store.item("doc", {"ada": Role.WRITER})
    return await store.access(principal, "doc")


def append(access: Access, transaction: Transaction, ref: str | None = None) -> int:
    author = author_of(access.principal)
    entry = transaction.append(access.item_key, Kind.MESSAGE, author, body=b"1", ref=ref)
    return entry.seq


async def test_refs_of_one_transaction_found_before_they_are_flushed(
    store: Store, access: Access
) -> None:
    """A retry in the same batch is told from the first attempt without asking the database."""

    def act(transaction: Transaction) -> tuple[StoredRef | None, StoredRef | None]:
        key = (access.item_key, access.principal.user_key, "r")
        before = transaction.stored_ref(*key)
        append(access, transaction, "r")
        return before, transaction.stored_ref(*key)

    before, after = await store.writer.call(act)
    assert before is None
    assert after is not None
    assert after.seq == 1


@pytest.mark.sqlite
async def test_many_refs_looked_up_in_few_queries(store: Store, access: Access) -> None:
    """A batch asks once for up to 256 refs, whatever it finds."""

    def act(transaction: Transaction) -> list[str]:
        keys: list[RefKey] = [
            (access.item_key, access.principal.user_key, f"r{n}") for n in range(700)
        ]
        append(access, transaction, "r699")
        transaction.flush()
        fresh = Transaction(transaction.connection, Memory())
        plans = explain(lambda _: fresh.look_up_refs(keys), transaction.connection)
        found = fresh.stored_ref(*keys[-1])
        assert found is not None
        assert found.seq == 1
        return plans

    plans = await store.writer.call(act)
    index = "uq_entry_item_key_author_key_ref (item_key=? AND author_key=? AND ref=?)"
    assert [plan for plan in plans if " entry " in plan] == [
        f"SEARCH entry USING INDEX {index}"
    ] * 3


async def test_heads_counted_in_the_transaction(store: Store, access: Access) -> None:
    """Seqs follow each other across flushes, and `active_at` follows the newest."""

    def act(transaction: Transaction) -> list[int]:
        seqs = [append(access, transaction)]
        transaction.flush()
        seqs.append(append(access, transaction))
        assert transaction.head(access.item_key) == 2
        return seqs

    assert await store.writer.call(act) == [1, 2]
    ((head, active_at),) = await store.rows("SELECT head, active_at FROM item")
    ((newest,),) = await store.rows("SELECT at FROM entry WHERE seq = 2")
    assert (head, active_at) == (2, newest)


def fail_in_session(transaction: Transaction) -> None:
    with transaction.session() as session:
        session.add(Item(id="b", epoch="e", created_at=0, active_at=0))
        session.flush()
        raise RuntimeError


async def test_session_that_fails_undone_alone(store: Store) -> None:
    """The block of a session is a savepoint: what went wrong in it leaves the rest."""

    def act(transaction: Transaction) -> None:
        with transaction.session() as session:
            session.add(Item(id="a", epoch="e", created_at=0, active_at=0))
        with pytest.raises(RuntimeError):
            fail_in_session(transaction)

    await store.writer.call(act)
    assert await store.rows("SELECT id FROM item") == [("a",)]


@pytest.mark.sqlite
async def test_rights_changed_by_a_command_seen_by_the_next(store: Store, access: Access) -> None:
    """What the writer remembers of rights ends with every command that could change them."""
    await store.publish(access)

    def disable(transaction: Transaction) -> None:
        execute(transaction.connection, 'UPDATE "user" SET disabled = ?', True)

    await store.writer.call(disable)
    with pytest.raises(Refusal, match="auth_revoked"):
        await store.publish(access)


@pytest.mark.parametrize("field", ["heads", "accesses"])
def test_memory_starts_over_beyond_its_limit(field: str) -> None:
    """Memory is bounded, and a smaller one is left alone."""
    memory = Memory(limit=2)
    remembered = getattr(memory, field)
    remembered.update({1: 1, 2: 2})
    memory.trim()
    assert len(remembered) == 2
    remembered[3] = 3
    memory.trim()
    assert not remembered


async def test_discard_forgets_what_was_not_flushed(store: Store, access: Access) -> None:
    """After a failed command nothing of it is left to be stored with the next."""

    def act(transaction: Transaction) -> None:
        events = len(transaction.events)
        append(access, transaction, "r")
        transaction.discard(events)
        assert transaction.stored_ref(access.item_key, access.principal.user_key, "r") is None
        assert transaction.events == []

    await store.writer.call(partial(act))
    assert await store.rows("SELECT count(*) FROM entry") == [(0,)]
