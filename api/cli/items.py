"""`itemroom item`: what there is; only reads, so a server may run beside it."""

from typing import Annotated

import typer

from api.cli.failures import load_settings

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

    from api.cli.looking import all_items, reading, table_of

    with reading(load_settings().database_path) as connection:
        found = all_items(connection)
        if as_json:
            for item in found:
                typer.echo(orjson.dumps(item.model_dump()))
        else:
            Console().print(table_of(found))
