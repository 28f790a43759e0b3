"""The commands by their names, and the way out. What a command works with it imports itself.

`itemroom publish` must not wait for a database's libraries; so the modules that are imported here
hold little more than arguments.
"""

import os
import sys
from typing import Annotated

import typer

from ..version import __version__
from .accounts import token_commands, user_commands
from .backups import backup, restore
from .chat import chat
from .epochs import epoch_commands
from .failures import Failure, explain
from .inbox import inbox
from .invites import invite_commands
from .items import item_commands
from .keys import key_commands
from .moving import move
from .relaying import relay
from .rooms import listen, publish, stop, stream
from .serving import migrate, serve
from .webhooks import webhook_commands

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(migrate)
app.add_typer(user_commands, name="user")
app.add_typer(token_commands, name="token")
app.add_typer(key_commands, name="key")
app.add_typer(webhook_commands, name="webhook")
app.add_typer(item_commands, name="item")
app.command()(listen)
app.command()(publish)
app.command()(stream)
app.command()(stop)
app.command()(chat)
app.command()(inbox)
app.add_typer(invite_commands, name="invite")
app.command()(backup)
app.command()(restore)
app.add_typer(epoch_commands, name="epoch")
app.command()(move)
app.command()(relay)


def _show_version(value: bool) -> None:  # noqa: FBT001 - as typer calls it
    if value:
        typer.echo(f"itemroom {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Authenticated, durable, live rooms. Settings are ITEMROOM_* environment variables."""


def run() -> None:
    """Run the command that the arguments name, and exit."""
    try:
        _require_text(sys.argv)
        app()
    except Exception as error:
        found = explain(error)
        if found is None:
            raise  # A fault of ours.
        sentence, code = found
        typer.echo(f"itemroom: {sentence}", err=True)
        sys.exit(code)
    finally:
        _let_go_of_output()


def _require_text(arguments: list[str]) -> None:
    # Python hands on bytes that are no text as halves of characters, which nothing can store.
    if any("\ud800" <= letter <= "\udfff" for letter in "".join(arguments)):
        raise Failure("An argument is no UTF-8 text.")  # Not which: it may be a secret.


def _let_go_of_output() -> None:
    """Whoever read our output may have gone: the interpreter must not fail over it on its way out.

    It would exit with 120, whatever the command had to say (docs.python.org, "Note on SIGPIPE").
    """
    for output in (sys.stdout, sys.stderr):
        try:
            output.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
