"""How far a webhook is in an item's log: the next batch, and what became of it.

A row moves only from where it was when the batch was read: who has been overtaken changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from sqlalchemy import Connection, Insert, Select, Update, and_, insert, literal, select, update
from sqlmodel import col

from ..history.entries import Entry
from ..history.reader import read_entries
from ..history.transaction import Transaction
from ..models import Item, Webhook, WebhookCursor
from ..store.statements import statement
from .hooks import Hook, Reason, pause

MAX_ENTRIES = 100
# Pages without an entry that the webhook wants, which one read passes over.
MAX_PASSED = 20
MINUTE = 60_000
# Milliseconds until a batch is sent again; the last holds for all that follow.
DELAYS = (5000, MINUTE // 2, 2 * MINUTE, 10 * MINUTE, 60 * MINUTE)
# Counted by attempts: while we are down ourselves, nobody fails.
GIVEN_UP = len(DELAYS) - 1 + 3 * 24


class Place(NamedTuple):
    """Where a row says that it is."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of an item that are sent together."""

    item_key: int
    item_id: str
    epoch: str
    after: int
    upto: int
    """The last that it is about; what is between the two, and not in it, is not wanted."""
    entries: Sequence[Entry]
    place: Place | None
    """What the row said; None: there was none."""
    is_promised: bool
    """Whether the row says that it is this batch which is sent, whatever comes meanwhile."""
    attempts: int
    more: bool
    """Whether the log went on after it."""

    def promised(self) -> "Batch":
        """The same, once the row says so."""
        return replace(self, place=Place(self.epoch, self.after), is_promised=True)


def next_batch(connection: Connection, hook: Hook, item_key: int, now_ms: int) -> Batch | None:
    """What is to be sent now; None: nothing. May block.

    A log of another epoch goes on where it was left, or at its end if it has become shorter: what
    has been sent of it before is not sent again, and the batch names the new epoch.
    """
    for item_id, epoch, head, told_epoch, seq, upto, attempts, next_at in _cursor.fetch(
        connection, hook.key, item_key
    ):
        if not hook.may_tell(item_id) or (next_at or 0) > now_ms:
            return None
        place = None if told_epoch is None else Place(told_epoch, seq or 0)
        is_same = told_epoch == epoch
        after = min(seq or 0, head)
        if head == after and (place is None or is_same):
            return None
        start = Batch(item_key, item_id, epoch, after, after, (), place, False, 0, False)
        if is_same and upto is not None:
            again = replace(start, upto=upto, is_promised=True, attempts=attempts or 0)
            return _read_again(connection, hook, again, head)
        return _read_next(connection, hook, start, head)
    return None


def _read_again(connection: Connection, hook: Hook, batch: Batch, head: int) -> Batch:
    """The entries of a batch that was begun; whatever retention has left of them."""
    # However large they have become by edits: it stays one batch.
    count = batch.upto - batch.after
    entries, _ = read_entries(connection, batch.item_key, batch.after, count, inf)
    wanted = [entry for entry in entries if entry.seq <= batch.upto and hook.wants(entry.kind)]
    return replace(batch, entries=wanted, more=batch.upto < head)


def _read_next(connection: Connection, hook: Hook, batch: Batch, head: int) -> Batch:
    upto = batch.after
    for _ in range(MAX_PASSED):
        entries, _ = read_entries(connection, batch.item_key, upto, MAX_ENTRIES)
        # None is left when retention has taken all.
        upto = entries[-1].seq if entries else head
        wanted = [entry for entry in entries if hook.wants(entry.kind)]
        if wanted or upto >= head:
            return replace(batch, upto=upto, entries=wanted, more=upto < head)
    return replace(batch, upto=upto, more=True)


def promise(transaction: Transaction, hook_key: int, batch: Batch) -> bool:
    """Say that this is what is sent next; false: somebody has moved the row."""
    return _put(transaction, hook_key, batch, batch.after, batch.upto)


def advance(transaction: Transaction, hook_key: int, batch: Batch) -> bool:
    """The batch has arrived, or none of it was wanted; false: somebody has moved the row."""
    return _put(transaction, hook_key, batch, batch.upto, None)


def fail(
    transaction: Transaction,
    hook_key: int,
    batch: Batch,
    failure: str,
    *,
    gone: bool,
    wait_ms: int = 0,
) -> None:
    """A batch that was promised has not arrived: keep why, and when it is sent again.

    Args:
        transaction: the writer's.
        hook_key: the webhook's.
        batch: as it was sent.
        failure: a sentence for people.
        gone: the receiver wants nothing any more.
        wait_ms: it is not sent again before so long.
    """
    connection, now = transaction.connection, transaction.now_ms
    # The webhook's row first, as whoever changes it.
    _keep_failure.run(connection, now, batch.item_id, failure, hook_key)
    delay = max(wait_ms, DELAYS[min(batch.attempts, len(DELAYS) - 1)])
    here = batch.item_key, hook_key, batch.upto
    if not _put_off.run(
        connection, batch.attempts + 1, now + delay, batch.epoch, batch.after, *here
    ):
        return
    if gone:
        pause(transaction, hook_key, Reason.GONE)
    elif batch.attempts + 1 > GIVEN_UP:
        pause(transaction, hook_key, Reason.FAILED)


def _put(transaction: Transaction, hook_key: int, batch: Batch, seq: int, upto: int | None) -> bool:
    connection, here = transaction.connection, (batch.item_key, hook_key)
    if batch.place is not None:
        return _move.run(connection, batch.epoch, seq, upto, *here, *batch.place) == 1
    # Held, so that none is left behind by who deletes the webhook.
    if not _hold.fetch(connection, hook_key) or _cursor_of.fetch(connection, *here):
        return False
    return _begin.run(connection, *here, batch.epoch, seq, upto) == 1


@statement
def _cursor(
    hook_key: int, item_key: int
) -> Select[str, str, int, str | None, int | None, int | None, int | None, int | None]:
    own = and_(
        col(WebhookCursor.item_key) == col(Item.key), col(WebhookCursor.webhook_key) == hook_key
    )
    return (
        select(
            col(Item.id),
            col(Item.epoch),
            col(Item.head),
            col(WebhookCursor.epoch),
            col(WebhookCursor.seq),
            col(WebhookCursor.upto),
            col(WebhookCursor.attempts),
            col(WebhookCursor.next_at),
        )
        .outerjoin(WebhookCursor, own)
        .where(col(Item.key) == item_key, col(Item.deleted_at).is_(None))
    )


@statement
def _cursor_of(item_key: int, hook_key: int) -> Select[int]:
    return select(col(WebhookCursor.seq)).where(
        col(WebhookCursor.item_key) == item_key, col(WebhookCursor.webhook_key) == hook_key
    )


@statement
def _hold(hook_key: int) -> Select[int]:
    own = select(col(Webhook.key)).where(col(Webhook.key) == hook_key)
    return own.with_for_update(read=True, key_share=True)


@statement
def _begin(item_key: int, hook_key: int, epoch: str, seq: int, upto: int | None) -> Insert:
    return insert(WebhookCursor).values(
        {
            col(WebhookCursor.item_key): item_key,
            col(WebhookCursor.webhook_key): hook_key,
            col(WebhookCursor.epoch): epoch,
            col(WebhookCursor.seq): seq,
            col(WebhookCursor.upto): upto,
            col(WebhookCursor.attempts): literal(0),
        }
    )


@statement
def _move(  # noqa: PLR0917 - a row has its columns
    epoch: str,
    seq: int,
    upto: int | None,
    item_key: int,
    hook_key: int,
    former_epoch: str,
    former_seq: int,
) -> Update:
    moved = {
        col(WebhookCursor.epoch): epoch,
        col(WebhookCursor.seq): seq,
        col(WebhookCursor.upto): upto,
        col(WebhookCursor.attempts): literal(0),
        col(WebhookCursor.next_at): None,
    }
    return (
        update(WebhookCursor)
        .where(
            col(WebhookCursor.item_key) == item_key,
            col(WebhookCursor.webhook_key) == hook_key,
            col(WebhookCursor.epoch) == former_epoch,
            col(WebhookCursor.seq) == former_seq,
        )
        .values(moved)
    )


@statement
def _put_off(  # noqa: PLR0917 - likewise
    attempts: int, next_at: int, epoch: str, seq: int, item_key: int, hook_key: int, upto: int
) -> Update:
    later = {col(WebhookCursor.attempts): attempts, col(WebhookCursor.next_at): next_at}
    return (
        update(WebhookCursor)
        .where(
            col(WebhookCursor.item_key) == item_key,
            col(WebhookCursor.webhook_key) == hook_key,
            col(WebhookCursor.epoch) == epoch,
            col(WebhookCursor.seq) == seq,
            col(WebhookCursor.upto) == upto,
        )
        .values(later)
    )


@statement
def _keep_failure(failed_at: int, failed_item: str, failure: str, hook_key: int) -> Update:
    kept = {
        col(Webhook.failed_at): failed_at,
        col(Webhook.failed_item): failed_item,
        col(Webhook.failure): failure,
    }
    return update(Webhook).where(col(Webhook.key) == hook_key).values(kept)
