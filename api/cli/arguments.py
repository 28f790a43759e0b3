"""The arguments that all commands of a client take."""

from pathlib import Path
from typing import Annotated

import typer

ItemId = Annotated[str, typer.Argument(metavar="ITEM", show_default=False)]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="ITEMROOM_URL",
        help="The server. Without it the one of this machine, on ITEMROOM_PORT.",
        show_default=False,
    ),
]
# Preferably by the environment or a file: everybody on the machine can read arguments.
Token = Annotated[
    str | None, typer.Option(envvar="ITEMROOM_TOKEN", help="Better: by the environment.")
]
TokenFile = Annotated[Path | None, typer.Option(help="A file with the token.", show_default=False)]
