"""A webhook's row, and what may be done with it: functions of the writer's transaction.

A service key has its own webhooks, within its patterns; whoever runs the server has all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlmodel import col

from ..errors import Refusal
from ..history.entries import Kind
from ..history.transaction import Transaction
from ..models import Item, ServiceKey, User, Webhook, WebhookCursor
from ..rights.access import claimed_role
from ..security import new_id
from ..store.sessions import reading
from .patterns import bounds, is_within

# Of a database: each may have some calls under way, and the calls of all have an end.
MAX_WEBHOOKS = 100

Skip = Literal["failed", "all"]


class Reason(StrEnum):
    """Why a webhook is paused."""

    ASKED = "asked"
    FAILED = "failed"
    """A batch was refused for days."""
    GONE = "gone"
    """The receiver has said that it is there no more."""
    KEY_ENDED = "key_ended"
    """The key that made it counts no more."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A service key, whose webhook it is."""

    user_key: int
    items: Mapping[str, object]
    """The patterns that it is limited to."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a webhook shall be. `kinds`: None for all; `start`: whether old entries are sent too."""

    url: str
    items: str
    kinds: frozenset[Kind] | None
    secret: str
    start: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be otherwise; None: as it is."""

    url: str | None = None
    active: bool | None = None
    skip: Skip | None = None
    """What is not sent, when it goes on: what failed, or all that is there by now."""
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as whoever delivers needs it."""

    key: int
    id: str
    url: str
    secret: str
    items: str
    kinds: frozenset[Kind] | None
    bound: Mapping[str, Any] | None
    """The patterns of its key, empty when that has ended; None: an operator's, without bounds."""

    def may_tell(self, item_id: str) -> bool:
        """Whether its key may know of this item."""
        return self.bound is None or claimed_role(self.bound, item_id) is not None

    def wants(self, kind: Kind) -> bool:
        """Whether it is told entries of this kind."""
        return self.kinds is None or kind in self.kinds


def create_webhook(transaction: Transaction, owner: Owner | None, wish: Wish) -> Webhook:
    """A webhook, from here on unless it is to begin at the start.

    Raises:
        Refusal: `forbidden` beyond the key's patterns, or `bad_request` when there are too many.
    """
    if owner is not None and not is_within(wish.items, owner.items):
        raise Refusal("forbidden", "This key is limited to other items.", field="items")
    connection = transaction.connection
    count = connection.execute(select(func.count()).select_from(Webhook)).scalar_one()
    if count >= MAX_WEBHOOKS:
        raise Refusal("bad_request", f"{MAX_WEBHOOKS} webhooks are the most.")
    with transaction.session() as session:
        hook = Webhook(
            id=new_id(),
            user_key=None if owner is None else owner.user_key,
            url=wish.url,
            secret=wish.secret,
            items=wish.items,
            kinds=None if wish.kinds is None else orjson.dumps(sorted(wish.kinds)).decode(),
            created_at=transaction.now_ms,
        )
        session.add(hook)
        session.flush()
        session.refresh(hook)
        session.expunge(hook)
    if not wish.start:
        _begin_at_heads(connection, hook)
    return hook


def change_webhook(
    transaction: Transaction, owner: Owner | None, webhook_id: str, change: Change
) -> Webhook:
    """Pause it, let it go on, or send elsewhere. To go on is also to try at once what failed.

    Raises:
        Refusal: `not_found`.
    """
    connection = transaction.connection
    hook = _held(connection, owner, webhook_id)
    if change.skip == "all":
        connection.execute(delete(WebhookCursor).where(_cursors(hook)))
        _begin_at_heads(connection, hook)
    if change.skip == "failed":
        failed = and_(_cursors(hook), col(WebhookCursor.attempts) > 0)
        passed = {col(WebhookCursor.seq): col(WebhookCursor.upto), col(WebhookCursor.upto): None}
        connection.execute(update(WebhookCursor).where(failed).values(passed))
    if change.active:
        anew = {col(WebhookCursor.attempts): 0, col(WebhookCursor.next_at): None}
        waiting = and_(_cursors(hook), col(WebhookCursor.attempts) > 0)
        connection.execute(update(WebhookCursor).where(waiting).values(anew))
    _store(transaction, hook, change)
    return find_webhook(connection, owner, webhook_id)


def _store(transaction: Transaction, hook: Webhook, change: Change) -> None:
    changed: dict[Any, Any] = {}
    if change.url is not None:
        changed[col(Webhook.url)] = change.url
    if change.secret is not None:
        changed[col(Webhook.secret)] = change.secret
    if change.active:
        changed |= {col(Webhook.paused): None, col(Webhook.paused_at): None}
    if changed:
        row = col(Webhook.key) == hook.key
        transaction.connection.execute(update(Webhook).where(row).values(changed))
    if change.active is False:
        pause(transaction, hook.key, Reason.ASKED)


def pause(transaction: Transaction, key: int, reason: Reason) -> None:
    """Send nothing more; what it was paused for first stays said."""
    paused = {col(Webhook.paused): reason.value, col(Webhook.paused_at): transaction.now_ms}
    active = col(Webhook.key) == key, col(Webhook.paused).is_(None)
    transaction.connection.execute(update(Webhook).where(*active).values(paused))


def delete_webhook(transaction: Transaction, owner: Owner | None, webhook_id: str) -> None:
    """End a webhook, and forget how far it was.

    Raises:
        Refusal: `not_found`.
    """
    hook = _held(transaction.connection, owner, webhook_id)
    transaction.connection.execute(delete(WebhookCursor).where(_cursors(hook)))
    transaction.connection.execute(delete(Webhook).where(col(Webhook.key) == hook.key))


def list_webhooks(connection: Connection, owner: Owner | None) -> Sequence[Webhook]:
    """All that are one's own, the oldest first."""
    return _read(connection, select(Webhook).where(*_own(owner)).order_by(col(Webhook.key)))


def find_webhook(connection: Connection, owner: Owner | None, webhook_id: str) -> Webhook:
    """One of one's own.

    Raises:
        Refusal: `not_found`.
    """
    query = select(Webhook).where(col(Webhook.id) == webhook_id, *_own(owner))
    for hook in _read(connection, query):
        return hook
    raise Refusal("not_found", "There is no such webhook, or it is not yours.")


def names_of(connection: Connection, webhooks: Sequence[Webhook]) -> dict[int, str]:
    """The names of the keys whose webhooks these are, by their users' keys."""
    keys = {hook.user_key for hook in webhooks}
    query = select(col(User.key), col(User.name)).where(col(User.key).in_(keys))
    return {row.key: row.name for row in connection.execute(query)}


def load_hooks(connection: Connection, now_ms: int) -> tuple[list[Hook], int]:
    """All that are not paused, with what bounds them now; how many are, unasked."""
    in_time = or_(col(ServiceKey.expires_at).is_(None), col(ServiceKey.expires_at) > now_ms)
    bounding = and_(
        col(ServiceKey.user_key) == col(Webhook.user_key),
        col(ServiceKey.revoked_at).is_(None),
        col(ServiceKey.replaced_at).is_(None),
        in_time,
    )
    query = (
        select(Webhook, col(ServiceKey.items))
        .outerjoin(ServiceKey, bounding)
        .where(col(Webhook.paused).is_(None))
        .order_by(col(Webhook.key))
    )
    unasked = col(Webhook.paused) != Reason.ASKED.value
    broken = select(func.count()).select_from(Webhook).where(unasked)
    with reading(connection) as session:
        hooks = [hook_of(row, bound) for row, bound in session.execute(query)]
        return hooks, session.execute(broken).scalar_one()


def hook_of(row: Webhook, bound: str | None = None) -> Hook:
    """A webhook as it is delivered; `bound`: what its key's row says."""
    items = {} if bound is None else orjson.loads(bound)
    return Hook(
        row.key,
        row.id,
        row.url,
        row.secret,
        row.items,
        kinds_of(row),
        None if row.user_key is None else items,
    )


def kinds_of(row: Webhook) -> frozenset[Kind] | None:
    """Those that a webhook's row names; None: all."""
    return None if row.kinds is None else frozenset(map(Kind, orjson.loads(row.kinds)))


def _held(connection: Connection, owner: Owner | None, webhook_id: str) -> Webhook:
    """One of one's own, which nobody else changes until the commit."""
    found = find_webhook(connection, owner, webhook_id)
    connection.execute(
        select(col(Webhook.key)).where(col(Webhook.key) == found.key).with_for_update()
    )
    return find_webhook(connection, owner, webhook_id)


def _read(connection: Connection, query: Select[Any]) -> Sequence[Webhook]:
    with reading(connection) as session:
        return list(session.scalars(query))


def _own(owner: Owner | None) -> tuple[ColumnElement[bool], ...]:
    return () if owner is None else (col(Webhook.user_key) == owner.user_key,)


def _cursors(hook: Webhook) -> ColumnElement[bool]:
    return col(WebhookCursor.webhook_key) == hook.key


def _begin_at_heads(connection: Connection, hook: Webhook) -> None:
    """What is stored by now is not sent. An item with nothing in it needs no row to say so."""
    begun = select(
        col(Item.key), literal(hook.key), col(Item.epoch), col(Item.head), literal(0)
    ).where(
        col(Item.id).between(*bounds(hook.items)),
        col(Item.deleted_at).is_(None),
        col(Item.head) > 0,
    )
    columns = ["item_key", "webhook_key", "epoch", "seq", "attempts"]
    connection.execute(insert(WebhookCursor).from_select(columns, begun))
