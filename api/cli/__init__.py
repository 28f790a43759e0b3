"""`itemroom`: the command line."""

import os
import sys

import typer

from api.cli.accounts import token_commands, user_commands
from api.cli.backups import backup, restore
from api.cli.chat import chat
from api.cli.failures import EXPECTED, explain
from api.cli.items import item_commands
from api.cli.rooms import listen, publish
from api.cli.serving import migrate, serve

app = typer.Typer(
    help="Authenticated, durable, live rooms. Settings are ITEMROOM_* environment variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(migrate)
app.add_typer(user_commands, name="user")
app.add_typer(token_commands, name="token")
app.add_typer(item_commands, name="item")
app.command()(listen)
app.command()(publish)
app.command()(chat)
app.command()(backup)
app.command()(restore)


def main() -> None:
    """Run the command that the arguments name, and exit."""
    try:
        app()
    except EXPECTED as error:
        sentence, code = explain(error)
        typer.echo(f"itemroom: {sentence}", err=True)
        sys.exit(code)
    finally:
        _let_go_of_output()


def _let_go_of_output() -> None:
    """Whoever read our output may have gone: the interpreter must not fail over it on its way out.

    It would exit with 120, whatever the command had to say (docs.python.org, "Note on SIGPIPE").
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
