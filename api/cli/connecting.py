"""What the commands of a client share: a room from their arguments, and its refusals explained."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from itemroom import Change, Refused, Room
from itemroom.room import room_url

from ..addresses import local_url
from ..errors import CODES
from ..items.ids import valid_item_id
from .failures import REFUSED, UNABLE, Failure
from .typed import read_file


def room_of(
    item_id: str, url: str | None, token: str | None, token_file: Path | None, **options: Any
) -> Room:
    """The room that the arguments name, to be entered.

    Raises:
        Failure: one of them is wrong.
    """
    item_id = item_id.strip()
    if not valid_item_id(item_id):
        raise Failure("An item's id has 1 to 128 letters, digits and . _ : - characters.")
    shown = token_of(token, token_file)
    url = url or local_server()
    try:
        room_url(url, item_id)
    except ValueError as error:
        sentence = "ITEMROOM_URL takes an address such as https://rooms.example.com."
        raise Failure(sentence) from error
    return Room(url, item=item_id, token=shown, **options)


def local_server() -> str:
    """The server of this machine: a client follows its settings without reading all of them."""
    port = os.environ.get("ITEMROOM_PORT") or "8000"
    if not port.isdecimal() or not int(port):
        raise Failure(f"ITEMROOM_PORT={port} does not tell where the server is: give --url.")
    return local_url(os.environ.get("ITEMROOM_HOST") or "127.0.0.1", port)


def token_of(token: str | None, file: Path | None) -> str:
    """The token that the arguments name.

    Raises:
        Failure: there is none.
    """
    found = read_file(file) if file is not None else token
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


def tell_outages(room: Room, note: Callable[[str], None]) -> None:
    """Say once for each outage why there is one, and that the room tries to come back."""
    is_told = False

    def changed(change: Change) -> None:
        nonlocal is_told
        if change.state == "resuming":
            is_told = False
        elif change.error is not None and change.retry_at is not None and not is_told:
            is_told = True
            note(f"{loss_of(change.error)}; trying again")

    room.on("state", changed)
