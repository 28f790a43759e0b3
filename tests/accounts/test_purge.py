from functools import partial

import pytest
from sqlalchemy import text

from api.accounts.purge import STEP, TOKEN_MARGIN, purge_credentials
from api.history.events import CredentialsEnded
from api.history.transaction import Transaction
from api.rights.access import Credential, clock_ms
from api.settings import Settings
from tests.stores import Store

pytestmark = pytest.mark.anyio

DAY = 86_400_000


async def fill(store: Store, table: str, rows: list[dict[str, object]]) -> None:
    columns = ", ".join(rows[0])
    values = ", ".join(f":{name}" for name in rows[0])

    def insert(tx: Transaction) -> None:
        tx.connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), rows)

    await store.writer.call(insert)


async def test_purge_deletes_what_is_dead_and_nothing_else(
    store: Store, settings: Settings
) -> None:
    """Idle and old sessions, tickets of before, tokens that expired a day ago."""
    key = (await store.user("ada")).user_key
    item = await store.item("order-17", {})
    now = clock_ms()
    sessions = [("alive", 0, 0), ("idle", 8, 7), ("old", 30, 0), ("used", 29, 6.9)]
    await fill(
        store,
        "session",
        [
            {
                "id": name,
                "secret_hash": name,
                "user_key": key,
                "created_at": now - int(created * DAY),
                "used_at": now - int(used * DAY),
            }
            for name, created, used in sessions
        ],
    )
    ticket = {
        "user_key": key,
        "item_key": item,
        "credential_kind": "session",
        "credential_id": "alive",
        "credential_issued_at": now,
    }
    tickets = [{"jti": "old", "expires_at": now}, {"jti": "new", "expires_at": now + 30_000}]
    await fill(store, "ticket", [ticket | more for more in tickets])
    token = {"user_key": key, "name": "n", "items": "{}", "created_at": 0}
    ends = [("old", now - TOKEN_MARGIN), ("expired", now - 1), ("new", now + DAY)]
    await fill(store, "api_token", [token | {"jti": j, "expires_at": at} for j, at in ends])

    assert await store.writer.call(partial(purge_credentials, settings=settings)) is False
    assert await store.rows("SELECT id FROM session ORDER BY id") == [("alive",), ("used",)]
    assert await store.rows("SELECT jti FROM ticket") == [("new",)]
    assert await store.rows("SELECT jti FROM api_token ORDER BY jti") == [("expired",), ("new",)]
    ended = [
        name
        for name, _, _ in sessions
        for event in store.events
        if isinstance(event, CredentialsEnded) and event.ended(Credential("session", name, 1, None))
    ]
    assert ended == ["idle", "old"]


async def test_purge_works_in_bounded_steps(store: Store, settings: Settings) -> None:
    """The writer is held for a step, and told that there is more."""
    key = (await store.user("ada")).user_key
    row = {"user_key": key, "name": "n", "items": "{}", "created_at": 0, "expires_at": 1}
    await fill(store, "api_token", [row | {"jti": str(number)} for number in range(STEP + 1)])
    assert await store.writer.call(partial(purge_credentials, settings=settings)) is True
    assert await store.rows("SELECT count(*) FROM api_token") == [(1,)]
    assert await store.writer.call(partial(purge_credentials, settings=settings)) is False
    assert await store.rows("SELECT count(*) FROM api_token") == [(0,)]
