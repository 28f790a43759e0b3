"""What an operator sees of items; only reads, so a server may run beside it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection

from ..accounts.keys import list_keys
from ..history.entries import Entry, rfc3339
from ..history.reader import read_entries
from ..items.members import list_members
from ..items.schemas import MemberView
from ..operators.items import MAX_PAGE, find_item, summarize_items
from ..operators.schemas import ItemDetail, ItemSummary
from ..operators.webhook_schemas import WebhookDetail, WebhookView
from ..operators.webhooks import describe_webhook, list_webhooks
from ..rights.access import clock_ms
from ..settings import Settings
from ..store.schema import check
from ..store.store import store_of
from .failures import REFUSED, Failure


@contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """The database, as it is now."""
    engine = store_of(settings).look()
    check(engine)
    with engine.begin() as connection:
        yield connection


def all_items(connection: Connection) -> Iterator[ItemSummary]:
    """Every item, in the order of their ids, read a page at a time."""
    after: str | None = ""
    while after is not None:
        page = summarize_items(connection, after, MAX_PAGE)
        yield from page.items
        after = page.next


def item_of(connection: Connection, item_id: str) -> tuple[int, ItemDetail]:
    """An item and its key.

    Raises:
        Failure: there is none.
    """
    found = find_item(connection, item_id)
    if found is None:
        raise Failure("There is no such item.", REFUSED)
    return found


def members_of(connection: Connection, item_key: int) -> Iterator[MemberView]:
    """All members of an item, in the order of their usernames."""
    after: str | None = ""
    while after is not None:
        page = list_members(connection, item_key, after, MAX_PAGE)
        yield from page.members
        after = page.next


def log_of(settings: Settings, item_id: str, after: int) -> Iterator[Entry]:
    """The entries after a seq, up to the newest.

    Each page is a look of its own: a pager that is left open must not keep the server from
    tidying its `-wal`.
    """
    while True:
        with reading(settings) as connection:
            key, item = item_of(connection, item_id)
            entries, _ = read_entries(connection, key, after, MAX_PAGE)
        yield from entries
        after = entries[-1].seq if entries else item.head
        if after >= item.head:
            return


def all_keys(connection: Connection) -> list[dict[str, Any]]:
    """The service keys that count, as they are shown."""
    return [
        {
            "name": key.name,
            "items": dict(key.items),
            "acts_for_others": key.acts_for_others,
            "created_at": rfc3339(key.created_at),
            "expires_at": None if key.expires_at is None else rfc3339(key.expires_at),
            "is_replaced": key.is_replaced,
        }
        for key in list_keys(connection, clock_ms())
    ]


def table_of_keys(keys: Iterable[Mapping[str, Any]]) -> Table:
    """Keys for a terminal, a line each."""
    table = Table("key", "items", "acts for", "since", "ends")
    for key in keys:
        items = ", ".join(f"{pattern}={role}" for pattern, role in key["items"].items())
        acts_for = "any user" if key["acts_for_others"] else "itself"
        ends = key["expires_at"] or "-"
        name = f"{key['name']} (former)" if key["is_replaced"] else key["name"]
        table.add_row(name, items, acts_for, key["created_at"], ends)
    return table


def all_webhooks(connection: Connection) -> list[WebhookView]:
    """All webhooks, the oldest first."""
    return list_webhooks(connection, None).webhooks


def webhook_of(connection: Connection, webhook_id: str) -> WebhookDetail:
    """One of them; raises Refusal when there is none."""
    return describe_webhook(connection, None, webhook_id)


def table_of_webhooks(hooks: Iterable[WebhookView]) -> Table:
    """Webhooks for a terminal, a line each."""
    table = Table("webhook", "items", "receiver", "state", "last failure")
    for hook in hooks:
        state = hook.state if hook.reason is None else f"{hook.state}: {hook.reason}"
        failure = hook.last_failure
        said = "-" if failure is None else f"{failure.at} {failure.item}: {failure.reason}"
        table.add_row(hook.id, hook.items, _printable(hook.url), state, _printable(said))
    return table


def card_of_webhook(hook: WebhookDetail) -> Table:
    """A webhook for a terminal, a field a line."""
    card = Table(show_header=False, box=None)
    shown = hook.model_dump()
    for part in ("last_failure", "behind"):
        for name, value in (shown.pop(part) or {}).items():
            shown[f"{part} {name}"] = value
    for name, value in shown.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        card.add_row(name.replace("_", " "), _printable("-" if value is None else text))
    return card


def card_of(item: ItemDetail, members: Iterator[MemberView]) -> Table:
    """For a terminal: what the item is, then who belongs to it."""
    card = Table(show_header=False, box=None)
    for name, value in item.model_dump().items():
        card.add_row(name.replace("_", " "), _printable("-" if value is None else str(value)))
    for member in members:
        card.add_row(member.role, _printable(f"{member.username} ({member.user.name})"))
    return card


def table_of(found: Iterator[ItemSummary]) -> Table:
    """Items for a terminal, a line each."""
    table = Table("item", "title", "head", "members", "last activity")
    for item in found:
        title = _printable(item.title)
        table.add_row(item.id, title, str(item.head), str(item.members), item.active_at)
    return table


def _printable(text: str) -> str:
    """Text that a terminal shows and does not obey."""
    return escape(
        "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    )
