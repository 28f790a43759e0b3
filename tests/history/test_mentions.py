"""Who is named by a message: always those whom its present body names."""

from functools import partial
from typing import Any

import orjson
import pytest

from api.history.mentions import MAX_MENTIONS, mentioned
from api.history.messages import Edit, Publish
from api.history.retention import DAY_MS, purge_log, trim
from api.history.streams import Finish, Start
from api.rights.access import Access, Role
from tests.databases import execute
from tests.history.writing import held
from tests.stores import Store

pytestmark = pytest.mark.anyio


def naming(*names: str) -> bytes:
    return orjson.dumps({"text": "hi", "mentions": names})


@pytest.fixture
async def access(store: Store) -> Access:
    """Ada's right in an item, with others around who are users."""
    principal = await store.user("ada")
    for name in ("bob", "eve"):
        await store.user(name)
    await store.item("doc", {"ada": Role.ADMIN}, retention_days=7)
    return await store.access(principal, "doc")


async def named(store: Store) -> list[tuple[int, str]]:
    rows = await store.rows(
        'SELECT seq, username FROM mention JOIN "user" ON "user".key = user_key ORDER BY 1, 2'
    )
    return [(seq, name) for seq, name in rows]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"mentions": ["bob", "eve", "bob"]}, ["bob", "eve"]),
        ({"mentions": ["bob", 7, None, ["eve"]]}, ["bob"]),
        ({"mentions": "bob"}, []),
        ({"mentions": {"bob": 1}}, []),
        ({"text": "mentions"}, []),
        (["mentions", "bob"], []),
        ("bob", []),
        ({"below": {"mentions": ["bob"]}}, []),
        ({"mentions": [f"u{number}" for number in range(60)]}, [f"u{n}" for n in range(50)]),
    ],
    ids=str,
)
def test_names_are_the_texts_of_a_list(body: Any, names: list[str]) -> None:
    """Any other body names nobody, and is no mistake."""
    assert mentioned(orjson.dumps(body)) == names
    assert MAX_MENTIONS == 50


async def test_users_other_than_the_author_are_named(store: Store, access: Access) -> None:
    """Nobody else has a row, nor has who wrote it, whichever way the message took."""
    for body in (naming("bob", "ada", "nobody"), b'"hi"', naming("eve"), naming()):
        await store.publish(access, body)
    assert await named(store) == [(1, "bob"), (3, "eve")]


async def test_edit_names_others(store: Store, access: Access) -> None:
    """Those whom the body names now, and no other; in the same commit as the message as well."""
    await store.publish(access, naming("bob"))
    await store.edit(access, 1, naming("eve"))
    assert await named(store) == [(1, "eve")]
    with held(store):
        for command in (
            Publish(access=access, body=naming("bob", "eve")),
            Edit(access=access, target=3, body=naming("bob")),
        ):
            store.writer.submit(command, lambda _result, _error: None)
        store.writer._handover.end_turn()
    await store.publish(access)
    assert await named(store) == [(1, "eve"), (3, "bob")]
    await store.edit(access, 1, b'"nobody"')
    assert await named(store) == [(3, "bob")]


async def test_deleted_message_names_nobody(store: Store, access: Access) -> None:
    """Its body is gone, and whom that named."""
    await store.publish(access, naming("bob", "eve"))
    await store.publish(access, naming("bob"))
    await store.delete(access, 1)
    assert await named(store) == [(2, "bob")]


async def test_message_in_the_making_names_whom_it_was_begun_or_ended_with(
    store: Store, access: Access
) -> None:
    """A body in its place replaces whom it names; without one they stay."""
    for seq, body in ((1, None), (3, naming("eve"))):
        await store.writer.execute(Start(access=access, body=naming("bob")))
        assert (seq, "bob") in await named(store)
        await store.writer.execute(Finish(access=access, target=seq, body=body))
    assert await named(store) == [(1, "bob"), (3, "eve")]


async def test_mentions_go_with_their_messages(store: Store, access: Access) -> None:
    """By the retention, and with the item."""
    for _ in range(3):
        await store.publish(access, naming("bob"))
    await store.writer.call(
        lambda tx: execute(tx.connection, "UPDATE entry SET at = 0 WHERE seq = 1") and None
    )
    await store.writer.call(partial(trim, item_key=access.item_key, limit=100))
    assert await named(store) == [(2, "bob"), (3, "bob")]
    ((changed_at,),) = await store.rows("SELECT changed_at FROM item")
    assert changed_at > DAY_MS
    await store.writer.call(partial(purge_log, item_key=access.item_key, limit=100))
    assert await named(store) == []
    assert await store.rows("SELECT item_key FROM departure") == [(access.item_key,)]
