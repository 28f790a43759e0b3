"""Two servers on one database, and one link: whoever comes first gets in."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from api.history.transaction import Transaction
from api.invites.invites import InviteRequest, create_invite, revoke_invite
from api.items.accepting import Seen, _accept
from api.items.members import remove_member, set_member
from api.items.service import delete_item
from api.rights.access import Access, Principal, Role
from api.security import new_invite
from tests.programs.postgresql import Cluster
from tests.store.postgresql.races import barrier, code_of
from tests.stores import Store

pytestmark = pytest.mark.anyio

HOLD_ITEM = "SELECT 1 FROM item FOR UPDATE"


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """A second server's, on the same database."""
    async with Store(store.settings) as other:
        yield other


async def make(store: Store, access: Access, uses: int = 1) -> tuple[str, str]:
    """The text of a new invite, and its id."""
    text, wish = new_invite(), InviteRequest(Role.WRITER, uses, 60)
    made = await store.writer.call(partial(create_invite, access=access, wish=wish, text=text))
    return text, made.id


async def accept(store: Store, principal: Principal, text: str) -> tuple[Seen, bool]:
    act = partial(_accept, principal=principal, item_id="order-17", text=text)
    return await store.writer.call(act)


def at_item(cluster: Cluster, store: Store) -> Any:
    return barrier(cluster, store.settings.database_url, HOLD_ITEM)


async def test_two_who_show_one_link_at_once_on_two_servers(
    cluster: Cluster, store: Store, other: Store, access: Access
) -> None:
    """Exactly one gets in, and one entry says so."""
    text, _ = await make(store, access)
    people = [await store.user(name) for name in ("bob", "eve")]
    async with at_item(cluster, store) as race:
        first = await race.add(accept(store, people[0], text))
        second = await race.add(accept(other, people[1], text))
    assert (await first)[1] is True
    assert code_of(await second) == "invite_ended"
    assert await store.rows("SELECT seq, kind FROM entry") == [(1, "member")]
    assert await store.rows("SELECT used, ended_at IS NULL FROM invite") == [(1, False)]


async def test_one_who_clicks_on_two_servers_at_once_uses_it_once(
    cluster: Cluster, store: Store, other: Store, access: Access
) -> None:
    """They are a member by then."""
    text, _ = await make(store, access, uses=2)
    bob = await store.user("bob")
    async with at_item(cluster, store) as race:
        first = await race.add(accept(store, bob, text))
        second = await race.add(accept(other, bob, text))
    assert [(await one)[1] for one in (first, second)] == [True, False]
    assert await store.rows("SELECT used FROM invite") == [(1,)]


async def test_removal_elsewhere_comes_before_whoever_clicks_once_more(
    cluster: Cluster, store: Store, other: Store, access: Access
) -> None:
    """They were a member when they did."""
    text, _ = await make(store, access, uses=5)
    bob = await store.user("bob")
    await accept(store, bob, text)
    async with at_item(cluster, store) as race:
        call = other.writer.call(partial(remove_member, access=access, username="bob"))
        removal = await race.add(call)
        coming = await race.add(accept(store, bob, text))
    assert await removal is None
    assert code_of(await coming) == "invite_ended"


@pytest.mark.parametrize("end", ["revoked", "demoted", "deleted"])
async def test_end_of_an_invite_elsewhere_comes_before_whoever_waits(
    cluster: Cluster, store: Store, other: Store, access: Access, end: str
) -> None:
    """Although they began before it was committed."""
    text, invite_id = await make(store, access)
    bob = await store.user("bob")
    await store.user("eve")
    await store.join(access.item_key, "eve", Role.ADMIN)
    ends: dict[str, Callable[[Transaction], Any]] = {
        "revoked": partial(revoke_invite, access=access, invite_id=invite_id),
        "demoted": partial(set_member, access=access, username="ada", role=Role.READER),
        "deleted": partial(delete_item, access=access),
    }
    async with at_item(cluster, store) as race:
        ending = await race.add(other.writer.call(ends[end]))
        coming = await race.add(accept(store, bob, text))
    await ending
    assert code_of(await coming) == ("not_found" if end == "deleted" else "invite_ended")


async def test_invites_made_at_once_are_no_more_than_may_be(
    cluster: Cluster,
    store: Store,
    other: Store,
    access: Access,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second counts the first."""
    monkeypatch.setattr("api.invites.invites.MAX_INVITES", 1)
    async with at_item(cluster, store) as race:
        first = await race.add(make(store, access))
        second = await race.add(make(other, access))
    assert isinstance(await first, tuple)
    assert code_of(await second) == "forbidden"
