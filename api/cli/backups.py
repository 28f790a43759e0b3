"""`itemroom backup` and `itemroom restore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import load_settings

if TYPE_CHECKING:
    from ..store.backups import Contents

File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]


def backup(
    file: File,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Copy the database as it is now, also while a server uses it, and check the copy.

    The secret that signs tokens is not in it: keep it separately.
    """
    from ..store.store import store_of

    contents = store_of(load_settings()).back_up(file, force=force)
    typer.echo(f"{file}: {_counts(contents)}")


def restore(file: File) -> None:
    """Put a backup in the database's place; the server must be stopped.

    Every log gets a new epoch, so that clients learn that they have seen what is gone. The former
    database stays beside the new one. What was revoked after the backup counts again.
    """
    from ..store.store import store_of

    store = store_of(load_settings())
    contents, kept = store.restore(file)
    typer.echo(f"{store.place}: {_counts(contents)}")
    if kept is not None:
        typer.echo(f"The former database is {kept}")


def _counts(contents: "Contents") -> str:
    return (
        f"{contents.items} items, {contents.entries} entries, {contents.users} users, "
        f"revision {contents.revision}"
    )
