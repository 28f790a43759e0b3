"""What is stored under locks: entries of all kinds and items, and the heads, at once."""

import asyncio
from typing import Any

import pytest

from api.history.messages import Delete, Edit, Publish, React
from api.rights.access import Access, Role
from tests.history.writing import held
from tests.stores import Store

pytestmark = pytest.mark.anyio


async def test_kinds_and_items_of_one_commit_are_stored_by_one_statement(
    store: Store, access: Access
) -> None:
    """Each has its own columns, and each item's head is its last."""
    await store.item("second", {"ada": Role.WRITER})
    second = await store.access(access.principal, "second")
    for body in (b"1", b"2"):
        await store.publish(access, body)
    sharing: Any = store.store.sharing
    real, heads = sharing.store, []

    def watch(connection: Any, moved: dict[int, int], *rest: Any) -> None:
        heads.append(dict(moved))
        real(connection, moved, *rest)

    sharing.store = watch
    commands: list[Any] = [
        Edit(access=access, ref="e", target=1, body=b"3"),
        Delete(access=access, target=2),
        Publish(access=second, ref="m", body=b"5"),
        Publish(access=access, body=b"4"),
    ]
    with held(store):
        tasks = [asyncio.create_task(store.writer.execute(command)) for command in commands]
        await asyncio.sleep(0)
    assert [(await task).seq for task in tasks] == [3, 4, 1, 5]
    # An edit or a deletion changes what is stored, so what came before it is stored first.
    assert heads[-1] == {access.item_key: 5, second.item_key: 1}
    await store.writer.execute(React(access=second, target=1, value="+", on=True))
    columns = "SELECT i.id, seq, kind, ref, digest IS NULL, target, body FROM entry JOIN item AS i"
    assert await store.rows(f"{columns} ON i.key = item_key ORDER BY i.key, seq") == [
        ("order-17", 1, "message", None, True, None, b"3"),
        ("order-17", 2, "message", None, True, None, None),
        ("order-17", 3, "edit", "e", False, 1, b"3"),
        ("order-17", 4, "delete", None, True, 2, None),
        ("order-17", 5, "message", None, True, None, b"4"),
        ("second", 1, "message", "m", False, None, b"5"),
        ("second", 2, "reaction", None, True, 1, b'{"value":"+","on":true}'),
    ]
    assert await store.rows("SELECT head FROM item ORDER BY key") == [(5,), (2,)]
    times = "SELECT active_at = (SELECT max(at) FROM entry WHERE item_key = key) FROM item"
    assert await store.rows(times) == [(True,), (True,)]
