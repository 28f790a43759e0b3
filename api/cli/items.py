"""`itemroom item`: what there is; only reads, so a server may run beside it."""

from typing import Annotated

import typer

from .arguments import ItemId
from .failures import load_settings
from .rooms import show_json, show_line

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]

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
    import orjson
    from rich.console import Console

    from .looking import all_items, reading, table_of

    with reading(load_settings()) as connection:
        found = all_items(connection)
        if as_json:
            for item in found:
                typer.echo(orjson.dumps(item.model_dump()))
        else:
            Console().print(table_of(found))


@item_commands.command("show")
def show_item(item: ItemId, *, as_json: AsJson = False) -> None:
    """Show one item and its members, whoever they are."""
    import orjson
    from rich.console import Console

    from .looking import card_of, item_of, members_of, reading

    with reading(load_settings()) as connection:
        key, found = item_of(connection, item)
        members = members_of(connection, key)
        if as_json:
            shown = found.model_dump() | {"members": [one.model_dump() for one in members]}
            typer.echo(orjson.dumps(shown))
        else:
            Console().print(card_of(found, members))


@item_commands.command("log")
def show_log(
    item: ItemId,
    *,
    after: Annotated[int, typer.Option(min=0, help="Begin after this seq.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print an item's log up to now, an entry a line, as `itemroom listen` does."""
    import orjson

    from .looking import log_of

    for entry in log_of(load_settings(), item, after):
        (show_json if as_json else show_line)(orjson.loads(entry.json()))
