"""`itemroom invite`: links into an item; a client's commands, which need no database."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .accounts import parse_duration
from .arguments import ItemId, Token, TokenFile, Url

if TYPE_CHECKING:
    from itemroom import Client

invite_commands = typer.Typer(help="Make, list and revoke invites.", no_args_is_help=True)

Role = Literal["reader", "writer", "admin"]


@invite_commands.command("create")
def create_invite(
    item: ItemId,
    *,
    role: Annotated[Role, typer.Option(help="What they become.", show_default=False)],
    uses: Annotated[int, typer.Option(min=1, help="How many may come in by it.")] = 1,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="Any number may.")] = False,
    expires_in: Annotated[
        str, typer.Option("--expires-in", "--expires", help="Such as 7d, 12h, 30m.")
    ] = "7d",
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Make a link that lets people into an item, and print it, this once; for its admins."""
    seconds = parse_duration(expires_in)
    with _client(url, token, token_file) as client:
        number = None if unlimited else uses
        typer.echo(client.create_invite(item, role, uses=number, expires_in=seconds)["url"])


@invite_commands.command("list")
def show_invites(
    item: ItemId,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """List the invites of an item that have not ended, the newest first; none of their texts."""
    import orjson

    with _client(url, token, token_file) as client:
        for invite in client.invites(item):
            typer.echo(orjson.dumps(invite) if as_json else _line(invite))


@invite_commands.command("revoke")
def revoke_invite(
    item: ItemId,
    invite: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    *,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """End an invite for good; whoever came in by it stays."""
    with _client(url, token, token_file) as client:
        client.revoke_invite(item, invite)
    typer.echo(f"{invite} is revoked")


@contextmanager
def _client(url: str | None, token: str | None, token_file: Path | None) -> Iterator["Client"]:
    """A client, whose refusals end the command."""
    from itemroom import Client, Refused

    from .connecting import failure_of, local_server, token_of

    with Client(url or local_server(), token=token_of(token, token_file)) as client:
        try:
            yield client
        except Refused as refused:
            raise failure_of(refused) from refused


def _line(invite: Mapping[str, Any]) -> str:
    """An invite for people: its id, the role, how often it may be used, its end, and its maker."""
    from ..history.words import showable

    left = "any number" if invite["left"] is None else f"{invite['left']} left"
    by = f"by {showable(invite['by']['name'])}"
    if not invite["valid"]:
        by += ", who may let nobody in any more"
    return "  ".join([invite["id"], invite["role"], left, f"until {invite['expires_at']}", by])
