"""`itemroom user` and `itemroom token`."""

import re
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import Failure, load_settings
from .typed import first_line_of_stdin

if TYPE_CHECKING:
    from ..rights.access import Role
    from ..settings import Settings
    from .operators import Operator

user_commands = typer.Typer(help="Make, disable and enable users.", no_args_is_help=True)
token_commands = typer.Typer(help="Make API tokens.", no_args_is_help=True)

Username = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
# A password is never an argument: everybody on the machine can read those.
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@user_commands.command("create")
def create_user(
    name: Username,
    *,
    display_name: Annotated[str | None, typer.Option(help="Shown to others.")] = None,
    password_stdin: FromStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Set one later.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="May see /status.")] = False,
) -> None:
    """Make a user; asks for the password."""
    settings = load_settings()
    password = None if no_password else _ask_password(from_stdin=password_stdin)
    with operator(settings) as somebody:
        somebody.create_user(name, password, display_name, admin=admin)
    typer.echo(f"{name} was created")


@user_commands.command("disable")
def disable_user(name: Username) -> None:
    """Keep a user out: sessions and tokens end for good, open sockets close at once."""
    with operator(load_settings()) as somebody:
        somebody.disable_user(name)
    typer.echo(f"{name} is disabled")


@user_commands.command("enable")
def enable_user(name: Username) -> None:
    """Let a disabled user sign in again."""
    with operator(load_settings()) as somebody:
        somebody.enable_user(name)
    typer.echo(f"{name} is enabled")


@user_commands.command("admin")
def set_admin(
    name: Username,
    *,
    revoke: Annotated[bool, typer.Option("--revoke", help="Let them see it no longer.")] = False,
) -> None:
    """Let a user see how the server does, at /status. It gives no role in any item."""
    with operator(load_settings()) as somebody:
        somebody.set_admin(name, admin=not revoke)
    typer.echo(f"{name} is no admin" if revoke else f"{name} is an admin")


@user_commands.command("password")
def set_password(name: Username, *, password_stdin: FromStdin = False) -> None:
    """Give a user another password; ends their sessions and access tokens."""
    settings = load_settings()
    password = _ask_password(from_stdin=password_stdin)
    with operator(settings) as somebody:
        somebody.set_password(name, password)
    typer.echo(f"{name} has a new password")


@token_commands.command("create")
def create_token(
    *,
    user: Annotated[str, typer.Option(help="Whom the token acts for.", show_default=False)],
    item: Annotated[
        list[str],
        typer.Option(
            metavar="PATTERN=ROLE",
            help="Item id, or its beginning and a final *, and reader, writer or admin.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    expires_in: Annotated[str, typer.Option(help="Such as 90d, 12h, 30m.")] = "90d",
) -> None:
    """Make an API token and print it, this once."""
    items = dict(map(parse_item, item))
    ttl = parse_duration(expires_in)
    with operator(load_settings()) as somebody:
        typer.echo(somebody.create_token(user, name, items, ttl))


def _ask_password(*, from_stdin: bool) -> str:
    if not from_stdin:
        password: str = typer.prompt(
            "Password", hide_input=True, confirmation_prompt=True, err=True
        )
        return password
    line = first_line_of_stdin()
    if not line:
        raise Failure("No password came on stdin.")
    return line


def operator(settings: "Settings") -> AbstractContextManager["Operator"]:
    """Whoever can do it; see `api.cli.operators`."""
    from .operators import operator as found

    return found(settings)


def parse_item(text: str) -> tuple[str, "Role"]:
    """A pattern and a role, as in `order-*=writer`."""
    from ..rights.access import Role

    pattern, found, role = (part.strip() for part in text.rpartition("="))
    if not found or role not in list(Role):
        raise typer.BadParameter(
            "PATTERN=ROLE was expected, such as order-17=writer.", param_hint="--item"
        )
    return pattern, Role(role)


def parse_duration(text: str, option: str = "--expires-in") -> int:
    """Seconds, of a text such as `90d`."""
    match = re.fullmatch(r"([1-9][0-9]{0,9})([smhd]?)", text)
    if match is None:
        raise typer.BadParameter(
            "A number and s, m, h or d was expected, such as 90d.", param_hint=option
        )
    return int(match[1]) * _SECONDS[match[2]]
