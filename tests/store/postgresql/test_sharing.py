"""Two servers on one database: whatever they do at the same moment has one order."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any, cast

import psycopg
import pytest

from api.accounts.keys import KeyRequest, create_key, find_key, revoke_key
from api.accounts.login import Proof
from api.accounts.purge import purge_credentials
from api.accounts.tokens import TokenRequest, create_api_token, issue_access_token, moment_of
from api.accounts.users import create_user, disable_user, set_password
from api.errors import Refusal
from api.history.events import EntryStored
from api.history.messages import Stored
from api.history.retention import tidy_item
from api.items.members import remove_member, set_member
from api.items.schemas import NewItem
from api.items.service import create_item, delete_item
from api.items.tickets import _redeem, _store
from api.rights.access import Access, Role
from api.security import Tokens
from tests.programs.postgresql import Cluster
from tests.store.postgresql.races import barrier, code_of
from tests.stores import Store

pytestmark = pytest.mark.anyio

HOLD_ITEM = "SELECT 1 FROM item FOR UPDATE"
LOG = "SELECT seq, kind FROM entry ORDER BY seq"


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """A second server's, on the same database."""
    async with Store(store.settings) as other:
        yield other


@pytest.fixture
async def bob(store: Store, access: Access) -> Access:
    """A writer in ada's item, who is remembered."""
    principal = await store.user("bob", password_hash="h")
    await store.join(access.item_key, "bob", Role.WRITER)
    bob = await store.access(principal, access.item_id)
    await store.publish(bob)
    return bob


def at_item(cluster: Cluster, store: Store) -> Any:
    return barrier(cluster, store.settings.database_url, HOLD_ITEM)


async def test_seqs_follow_each_other_whoever_stores(
    store: Store, other: Store, access: Access
) -> None:
    """What one remembers of a head ends with what the other stores."""
    seqs = [(await one.publish(access)).seq for one in (store, other, store, store, other)]
    assert seqs == [1, 2, 3, 4, 5]
    assert await store.rows("SELECT head FROM item") == [(5,)]


async def test_removal_before_a_publish_elsewhere_refuses_it(
    cluster: Cluster, store: Store, other: Store, access: Access, bob: Access
) -> None:
    """Although the publish began before the removal was committed."""
    async with at_item(cluster, store) as race:
        call = other.writer.call(partial(remove_member, access=access, username="bob"))
        removal = await race.add(call)
        publish = await race.add(store.publish(bob))
    assert await removal is None
    assert code_of(await publish) == "item_not_found"
    assert await store.rows(LOG) == [(1, "message"), (2, "member")]


async def test_publish_before_a_removal_elsewhere_is_stored_before_it(
    cluster: Cluster, store: Store, other: Store, access: Access, bob: Access
) -> None:
    """One order, the other way round."""
    async with at_item(cluster, store) as race:
        publish = await race.add(store.publish(bob))
        call = other.writer.call(partial(remove_member, access=access, username="bob"))
        removal = await race.add(call)
    assert isinstance(await publish, Stored)
    assert await removal is None
    assert await store.rows(LOG) == [(1, "message"), (2, "message"), (3, "member")]


async def test_revocation_before_a_publish_elsewhere_refuses_it(
    cluster: Cluster, store: Store, other: Store, bob: Access
) -> None:
    """The user's row is what both need."""
    hold = "SELECT 1 FROM \"user\" WHERE username = 'bob' FOR UPDATE"
    async with barrier(cluster, store.settings.database_url, hold) as race:
        end = await race.add(other.writer.call(partial(disable_user, username="bob")))
        publish = await race.add(store.publish(bob))
    assert await end is None
    assert code_of(await publish) == "auth_revoked"


async def test_end_of_a_key_elsewhere_refuses_what_is_done_for_others(
    store: Store, other: Store, access: Access, bob: Access
) -> None:
    """Remembered or not: whom it acts for has lost nothing by it, and goes on."""
    wish = KeyRequest("shop", {access.item_id: Role.WRITER}, acts_for_others=True)
    await other.writer.call(partial(create_key, wish=wish, secret="irk_x"))
    principal = await store.readers.read(find_key, "irk_x", "bob")
    by_key = await store.access(principal, access.item_id)
    for _ in range(2):  # Under locks, and then swapped in.
        await store.publish(by_key)
    await other.writer.call(partial(revoke_key, name="shop"))
    for _ in range(2):
        with pytest.raises(Refusal, match="auth_revoked"):
            await store.publish(by_key)
    await store.publish(bob)
    assert await store.rows("SELECT via FROM entry ORDER BY seq DESC LIMIT 3") == [
        (None,),
        ("shop",),
        ("shop",),
    ]


async def test_right_that_was_lowered_elsewhere_holds_at_once(
    store: Store, other: Store, access: Access, bob: Access
) -> None:
    """And one that was raised: what is remembered is no right."""
    for role, may in ((Role.READER, False), (Role.WRITER, True)):
        await other.writer.call(partial(set_member, access=access, username="bob", role=role))
        if may:
            assert (await store.publish(bob)).seq == 4
        else:
            with pytest.raises(Refusal, match="forbidden"):
                await store.publish(bob)


async def test_item_deleted_elsewhere_takes_nothing_more(
    store: Store, other: Store, access: Access, bob: Access
) -> None:
    """It is gone for whoever remembers it."""
    await other.writer.call(partial(delete_item, access=access))
    with pytest.raises(Refusal, match="item_not_found"):
        await store.publish(bob)
    assert await store.rows(LOG) == []


async def test_same_ref_on_two_servers_is_one_entry(
    cluster: Cluster, store: Store, other: Store, access: Access
) -> None:
    """The second is a retry, and hears where the first is."""
    for one in (store, other):
        await one.publish(access)
    async with at_item(cluster, store) as race:
        tasks = [await race.add(one.publish(access, ref="a")) for one in (store, other)]
    first, second = [await task for task in tasks]
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    assert (first.seq, second.seq) == (3, 3)
    assert (first.duplicate, second.duplicate) == (False, True)
    assert await store.rows("SELECT seq FROM entry WHERE ref = 'a'") == [(3,)]


async def test_same_ref_for_something_else_is_a_conflict(
    cluster: Cluster, store: Store, other: Store, access: Access
) -> None:
    """As it is on one server."""
    async with at_item(cluster, store) as race:
        first = await race.add(store.publish(access, b"1", ref="a"))
        second = await race.add(other.publish(access, b"2", ref="a"))
    assert isinstance(await first, Stored)
    assert code_of(await second) == "ref_conflict"


async def test_same_ticket_on_two_servers_lets_one_in(
    cluster: Cluster, store: Store, other: Store, access: Access
) -> None:
    """Both have found it unused."""
    await store.writer.call(partial(_store, "t", access, 60), light=True)
    hold = "SELECT 1 FROM ticket FOR UPDATE"
    async with barrier(cluster, store.settings.database_url, hold) as race:
        redeem = partial(_redeem, "t", access.item_id)
        tasks = [await race.add(one.writer.call(redeem, light=True)) for one in (store, other)]
    first, second = [await task for task in tasks]
    assert not isinstance(first, Refusal)
    assert code_of(second) == "ticket_used"


async def test_last_two_admins_cannot_leave_at_once(
    cluster: Cluster, store: Store, other: Store, access: Access
) -> None:
    """Each has somebody else who stays, until the other has gone."""
    principal = await store.user("bob")
    await store.writer.call(partial(set_member, access=access, username="bob", role=Role.ADMIN))
    bob = await store.access(principal, access.item_id)
    async with at_item(cluster, store) as race:
        leave = partial(remove_member, access=access, username="ada")
        first = await race.add(store.writer.call(leave))
        leave = partial(remove_member, access=bob, username="bob")
        second = await race.add(other.writer.call(leave))
    assert await first is None
    assert code_of(await second) == "last_admin"


async def test_same_new_user_on_two_servers_is_one(
    cluster: Cluster, store: Store, other: Store
) -> None:
    """The index has the last word; the second hears why."""
    hold = (
        'INSERT INTO "user" (id, username, name, disabled, tokens_from, created_at)'
        " VALUES ('u', 'eve', 'Eve', false, 0, 0)"
    )
    make = partial(create_user, username="eve", password_hash="h")
    async with barrier(cluster, store.settings.database_url, hold) as race:
        tasks = [await race.add(one.writer.call(make)) for one in (store, other)]
    answers = [await task for task in tasks]
    (refused,) = [one for one in answers if isinstance(one, Refusal)]
    assert refused.code == "taken"


async def test_same_new_item_on_two_servers_is_one(
    cluster: Cluster, store: Store, other: Store, access: Access
) -> None:
    """Its maker is the only member."""
    hold = (
        "INSERT INTO item (id, title, epoch, head, oldest, created_at, active_at)"
        " VALUES ('new', '', 'e', 0, 1, 0, 0)"
    )
    make = partial(create_item, principal=access.principal, wanted=NewItem(id="new"))
    async with barrier(cluster, store.settings.database_url, hold) as race:
        tasks = [await race.add(one.writer.call(make)) for one in (store, other)]
    answers = [await task for task in tasks]
    (refused,) = [one for one in answers if isinstance(one, Refusal)]
    assert refused.code == "taken"
    assert await store.rows("SELECT count(*) FROM membership") == [(2,)]


async def test_hot_item_of_three_servers_has_no_hole(
    store: Store, other: Store, access: Access
) -> None:
    """Every ack once, and the head is the count and the newest seq."""
    async with Store(store.settings) as third:
        servers = (store, other, third)

        async def talk(server: Store, name: str) -> list[int]:
            return [(await server.publish(access, ref=f"{name}{n}")).seq for n in range(20)]

        told = await asyncio.gather(
            *(talk(server, f"{n}-{m}-") for n, server in enumerate(servers) for m in range(5))
        )
    acked = sorted(seq for seqs in told for seq in seqs)
    assert acked == list(range(1, 301))
    sql = "SELECT head, (SELECT count(*) FROM entry), (SELECT max(seq) FROM entry) FROM item"
    assert await store.rows(sql) == [(300, 300, 300)]


async def test_token_of_a_fast_clock_ends_with_a_password_changed_elsewhere(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moments are the database's, whatever each server's own clock says."""
    user = await store.writer.call(partial(create_user, username="ada", password_hash="h"))
    tokens = Tokens(b"an own secret of 32 bytes or more", issuer="i", audience="a")
    issue = partial(issue_access_token, tokens=tokens, proof=Proof(user.key, "h"), ttl=60)
    real = time.time_ns
    with monkeypatch.context() as fast:
        fast.setattr(time, "time_ns", lambda: real() + 3_600_000_000_000)
        issued = await store.writer.call(issue)
    await other.writer.call(partial(set_password, user_key=user.key, password_hash="h2"))
    ((tokens_from,),) = await store.rows('SELECT tokens_from FROM "user"')
    assert moment_of(issued.claims.jti) < tokens_from
    later = partial(issue_access_token, tokens=tokens, proof=Proof(user.key, "h2"), ttl=60)
    again = await store.writer.call(later)
    assert moment_of(again.claims.jti) >= tokens_from


async def test_one_server_at_a_time_cleans_up(
    cluster: Cluster, store: Store, access: Access
) -> None:
    """Whose turn it is not does nothing, and does not wait."""
    await store.item("old", {}, deleted_at=1)
    ((old,),) = await store.rows("SELECT key FROM item WHERE id = 'old'")
    await store.join(old, "ada", Role.READER)
    await store.writer.call(partial(_store, "t", access, -1), light=True)
    tidy = partial(tidy_item, item_key=old)
    purge = partial(purge_credentials, settings=store.settings)
    left = "SELECT (SELECT count(*) FROM ticket), (SELECT count(*) FROM membership)"
    turn = f"SELECT pg_advisory_xact_lock({0x17E3_8004}, hashtext(current_schema()))"
    async with barrier(cluster, store.settings.database_url, turn):
        for chore in (tidy, purge):
            assert not await store.writer.call(chore)
        assert await store.rows(left) == [(1, 2)]
    for chore in (tidy, purge):
        assert not await store.writer.call(chore)
    assert await store.rows(left) == [(0, 1)]


async def test_token_asked_for_while_its_user_is_disabled_elsewhere_is_refused(
    cluster: Cluster, store: Store, other: Store
) -> None:
    """Else it would come after all others were revoked, and outlive them."""
    eve = await store.user("eve")
    tokens = Tokens(b"an own secret of 32 bytes or more", issuer="i", audience="a")
    wish = TokenRequest("t", {"*": Role.READER}, 60)
    create = partial(create_api_token, tokens=tokens, principal=eve, wish=wish)
    hold = 'SELECT 1 FROM "user" FOR UPDATE'
    async with barrier(cluster, store.settings.database_url, hold) as race:
        end = await race.add(other.writer.call(partial(disable_user, username="eve")))
        token = await race.add(store.writer.call(create))
    assert await end is None
    assert code_of(await token) == "auth_revoked"
    assert await store.rows("SELECT count(*) FROM api_token") == [(0,)]


class CutAfterCommit:
    """Cuts the connection right after the next COMMIT was sent, before any answer."""

    def __init__(self, store: Store) -> None:
        self._dialect = cast("Any", store.engine.dialect)
        self._commit = self._dialect.do_commit
        self._dialect.do_commit = self.commit

    def commit(self, connection: Any) -> None:
        self._dialect.do_commit = self._commit
        driver = connection.driver_connection
        driver.pgconn.send_query(b"COMMIT")
        driver.pgconn.flush()
        driver.close()
        raise psycopg.OperationalError("the connection was cut")


async def test_commit_that_was_cut_is_settled_beside_others(
    store: Store, other: Store, access: Access
) -> None:
    """Perhaps it is stored: a retry finds it, once, and others' entries are never taken for it."""
    for number in range(5):
        await other.publish(access, b"2")  # So that the next takes locks, and a transaction.
        CutAfterCommit(store)
        cut = asyncio.create_task(store.publish(access, b"1", ref=f"cut{number}"))
        await other.publish(access, b"2")
        with pytest.raises(Refusal, match="storage_error"):
            await cut
        seq = await _publish_until_answered(store, access, f"cut{number}")
        found = await store.rows("SELECT seq FROM entry WHERE ref = ?", f"cut{number}")
        assert found == [(seq,)]
    told = [event.entry.seq for event in store.events if isinstance(event, EntryStored)]
    assert len(told) == len(set(told))
    assert await store.rows("SELECT head, (SELECT count(*) FROM entry) FROM item") == [(15, 15)]
    theirs = await store.rows("SELECT seq FROM entry WHERE ref IS NULL")
    assert not {seq for (seq,) in theirs} & set(told)


async def _publish_until_answered(store: Store, access: Access, ref: str) -> int:
    while True:
        with suppress(Refusal):
            return (await store.publish(access, b"1", ref=ref)).seq
        await asyncio.sleep(0.01)
