"""`itemroom epoch`: what clients are told of a database that was put back."""

from typing import Annotated

import typer

from .failures import REFUSED, Failure, load_settings

epoch_commands = typer.Typer(help="Begin logs anew, after a restore.", no_args_is_help=True)
ItemIds = Annotated[
    list[str] | None, typer.Argument(metavar="[ITEM]...", help="Whose logs.", show_default=False)
]


@epoch_commands.callback()
def epochs() -> None:
    """Begin logs anew, after a restore."""


@epoch_commands.command("renew")
def renew(
    items: ItemIds = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="The logs of all items.")] = False,
) -> None:
    """Give logs another epoch: clients that come back are told `recovered: false`.

    For a database that other tools than `itemroom restore` have put back, such as pg_restore. No
    entry is lost by it. The servers must be stopped.
    """
    if every == bool(items):
        raise Failure("Name the items, or say --all.")
    from contextlib import closing

    from ..store.epochs import renew_epoch, renew_epochs
    from ..store.store import store_of

    store = store_of(load_settings())
    store.open()
    with closing(store):
        store.prepare()
        with store.engine.begin() as connection:
            for item_id in items or ():
                if not renew_epoch(connection, item_id):
                    raise Failure(f"There is no item {item_id}; nothing was changed.", REFUSED)
            renewed = renew_epochs(connection) if every else len(set(items or ()))
    typer.echo(f"{store.place}: {renewed} logs have a new epoch")
