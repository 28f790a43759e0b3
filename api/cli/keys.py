"""`itemroom key`: what programs of the product's show."""

from typing import Annotated

import typer

from .accounts import operator, parse_duration, parse_item
from .failures import load_settings

key_commands = typer.Typer(help="Make, rotate and revoke service keys.", no_args_is_help=True)

TOO_WIDE = (
    "itemroom: This key can do anything in every item, in anybody's name. Narrower patterns, such "
    "as --item 'order-*=writer', bound what becomes of it in the wrong hands."
)

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]


@key_commands.command("create")
def create_key(
    name: Name,
    *,
    item: Annotated[
        list[str],
        typer.Option(
            metavar="PATTERN=ROLE",
            help="Item id, or its beginning and a final *, and reader, writer or admin.",
            show_default=False,
        ),
    ],
    acts_for_others: Annotated[
        bool, typer.Option("--as", help="It may act for any user, within the patterns.")
    ] = False,
    expires_in: Annotated[
        str | None, typer.Option(help="Such as 90d; else it counts until it is revoked.")
    ] = None,
) -> None:
    """Make a key for a program of the product's, and print it, this once."""
    from ..accounts.keys import KeyRequest

    ttl = None if expires_in is None else parse_duration(expires_in)
    wish = KeyRequest(name, dict(map(parse_item, item)), ttl, acts_for_others)
    with operator(load_settings()) as somebody:
        text = somebody.create_key(wish)
    if wish.is_too_wide:
        typer.echo(TOO_WIDE, err=True)
    typer.echo(text)


@key_commands.command("list")
def show_keys(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the keys that count, by name; none of their texts."""
    import orjson
    from rich.console import Console

    from .looking import all_keys, reading, table_of_keys

    with reading(load_settings()) as connection:
        found = all_keys(connection)
        if as_json:
            for key in found:
                typer.echo(orjson.dumps(key))
        else:
            Console().print(table_of_keys(found))


@key_commands.command("rotate")
def rotate_key(
    name: Name,
    *,
    grace: Annotated[
        str | None,
        typer.Option(
            help="For how long the one before goes on counting, such as 1h, at most 30d.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Give a key another text and print it, this once; the one before ends, at once if not said."""
    from ..accounts.keys import MAX_GRACE

    seconds = 0 if grace is None else parse_duration(grace, "--grace")
    if seconds > MAX_GRACE:
        raise typer.BadParameter("At most 30d.", param_hint="--grace")
    with operator(load_settings()) as somebody:
        typer.echo(somebody.rotate_key(name, seconds))


@key_commands.command("revoke")
def revoke_key(name: Name) -> None:
    """End a key for good; its sockets close at once."""
    with operator(load_settings()) as somebody:
        somebody.revoke_key(name)
    typer.echo(f"{name} is revoked")
