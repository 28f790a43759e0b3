"""What the commands of a client share: options, a room from them, and its refusals explained."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.failures import REFUSED, UNABLE, Failure
from api.errors import CODES
from api.items.ids import valid_item_id
from itemroom import Refused, Room
from itemroom.room import room_url

ItemId = Annotated[str, typer.Argument(metavar="ITEM", show_default=False)]
Url = Annotated[str, typer.Option(envvar="ITEMROOM_URL", help="The server.")]
# Preferably by the environment or a file: everybody on the machine can read arguments.
Token = Annotated[
    str | None, typer.Option(envvar="ITEMROOM_TOKEN", help="Better: by the environment.")
]
TokenFile = Annotated[Path | None, typer.Option(help="A file with the token.", show_default=False)]

LOCAL = "http://127.0.0.1:8000"


def room_of(
    item_id: str, url: str, token: str | None, token_file: Path | None, **options: Any
) -> Room:
    """The room that the arguments name, to be entered.

    Raises:
        Failure: one of them is wrong.
    """
    if not valid_item_id(item_id):
        raise Failure("An item's id has 1 to 128 letters, digits and . _ : - characters.")
    try:
        room_url(url, item_id)
    except ValueError as error:
        sentence = "ITEMROOM_URL takes an address such as https://rooms.example.com."
        raise Failure(sentence) from error
    return Room(url, item=item_id, token=_token(token, token_file), **options)


def _token(token: str | None, file: Path | None) -> str:
    found = file.read_text() if file is not None else token
    if found is None or not found.strip().isascii() or not found.strip():
        raise Failure("A token is needed: set ITEMROOM_TOKEN, or name a --token-file.")
    return found.strip()


def failure_of(refused: Refused) -> Failure:
    """Why a command ends that a room has refused."""
    return Failure(_sentence(refused), UNABLE if refused.retry == "later" else REFUSED)


def _sentence(refused: Refused) -> str:
    if refused.code.startswith("http_"):
        return f"{refused.message.rstrip('.')}: no room is there."
    if refused.code == "unreachable" or refused.code.startswith("close_"):
        return refused.message
    known = CODES.get(refused.code)
    sentence = refused.message or (known.message if known is not None else "")
    return f"{refused.code}: {sentence}"


def loss_of(refused: Refused) -> str:
    """Why a room waits to be connected again: the beginning of a sentence."""
    if refused.status is not None:
        return f"the server answered {refused.status}"
    if refused.code == "unreachable":
        return "the server cannot be reached"
    if refused.close_code is None or refused.code.startswith("close_"):
        return refused.message[:1].lower() + refused.message[1:].rstrip(".")
    return f"the server closed the connection: {refused.code}"
