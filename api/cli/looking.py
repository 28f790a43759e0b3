"""What an operator sees of items; only reads, so a server may run beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection

from api.cli.failures import Failure
from api.operators.items import MAX_PAGE, list_items
from api.operators.schemas import ItemSummary
from api.store.database import open_foreign_engine
from api.store.schema import check


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """The database, as it is now."""
    if not path.exists():
        raise Failure(f"There is no database at {path}.")
    engine = open_foreign_engine(path)
    check(engine)
    with engine.begin() as connection:
        yield connection


def all_items(connection: Connection) -> Iterator[ItemSummary]:
    """By id."""
    after: str | None = ""
    while after is not None:
        page = list_items(connection, after, MAX_PAGE)
        yield from page.items
        after = page.next


def table_of(found: Iterator[ItemSummary]) -> Table:
    """For a terminal."""
    table = Table("item", "title", "head", "members", "last activity")
    for item in found:
        title = "".join(
            letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in item.title
        )
        table.add_row(item.id, escape(title), str(item.head), str(item.members), item.active_at)
    return table
