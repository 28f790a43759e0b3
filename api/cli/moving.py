"""`itemroom move`: from a SQLite file into a PostgreSQL."""

import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from .failures import Failure, load_settings

FROM = "sqlite:///FILE"
TO = "postgresql://USER:PASSWORD@HOST/DATABASE"
# Seconds between two lines of what has been done.
INTERVAL = 1.0


def move(
    source: Annotated[str, typer.Argument(metavar="FROM", help=FROM, show_default=False)],
    target: Annotated[str, typer.Argument(metavar="TO", help=TO, show_default=False)],
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Take everything into an empty PostgreSQL, and compare it; the server must be stopped.

    Clients resume where they were. Nothing is there before all is; run it again after whatever
    ended it. Tokens go on with the same ITEMROOM_SECRET: what is in the file beside the database.
    """
    from contextlib import closing

    from ..history import pile
    from ..store import moving
    from ..store.store import store_of

    given = load_settings(database_url=target)
    taken = load_settings(database_url=source)
    if not taken.is_in_file or given.is_in_file:
        raise Failure(f"A move is from a file to a server: {FROM} {TO}.")
    if not taken.database_path.exists():
        raise Failure(f"There is no database at {taken.database_path}.")
    old, new = store_of(taken), store_of(given)
    old.open()
    with closing(old):
        old.prepare()
        new.open()
        with closing(new):
            new.prepare()
            with old.engine.begin() as connection:
                pile.settle_all(connection)
            shown = _show_nothing if quiet or not is_watched() else _show_now_and_then()
            rows = moving.move(old.engine, new.engine, shown)
    counts = f"{rows['item']} items, {rows['entry']} entries, {rows['user']} users"
    typer.echo(f"{new.place}: {counts}, each compared with {old.place}, which stays as it is")


def is_watched() -> bool:
    """Whether somebody sees what is written now."""
    return sys.stderr.isatty()


def _show_now_and_then() -> Callable[[str, int], None]:
    shown_at = time.monotonic()

    def show(what: str, rows: int) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= INTERVAL:
            shown_at = time.monotonic()
            typer.echo(f"{what}: {rows} rows", err=True)

    return show


def _show_nothing(_what: str, _rows: int) -> None:
    """Nobody looks."""
