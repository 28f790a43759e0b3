"""`itemroom item`: what there is; only reads, so a server may run beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from api.cli.failures import Failure, load_settings
from api.operators.items import MAX_PAGE, list_items
from api.operators.schemas import ItemSummary
from api.store.backup import open_read_only
from api.store.schema import check

item_commands = typer.Typer(help="Look at items.", no_args_is_help=True)


@item_commands.callback()
def items() -> None:
    """Look at items."""


@item_commands.command("list")
def show_items(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List all items, by id."""
    with _reading(load_settings().database_path) as connection:
        found = _all_items(connection)
        if as_json:
            for item in found:
                typer.echo(orjson.dumps(item.model_dump()))
        else:
            Console().print(_table(found))


@contextmanager
def _reading(path: Path) -> Iterator[Connection]:
    if not path.exists():
        raise Failure(f"There is no database at {path}.")
    engine = create_engine("sqlite://", creator=lambda: open_read_only(path), poolclass=NullPool)
    check(engine)
    with engine.begin() as connection:
        yield connection


def _all_items(connection: Connection) -> Iterator[ItemSummary]:
    after: str | None = ""
    while after is not None:
        page = list_items(connection, after, MAX_PAGE)
        yield from page.items
        after = page.next


def _table(found: Iterator[ItemSummary]) -> Table:
    table = Table("item", "title", "head", "members", "last activity")
    for item in found:
        title = "".join(
            letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in item.title
        )
        table.add_row(item.id, escape(title), str(item.head), str(item.members), item.active_at)
    return table
