"""`itemroom listen` and `itemroom publish`: a client's commands, which need no database."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from api.cli.failures import Failure
from api.cli.listening import Fields, Listener
from api.cli.publishing import Publisher
from api.items.ids import valid_item_id
from api.rooms.text import TextCodec

ItemId = Annotated[str, typer.Argument(metavar="ITEM", show_default=False)]
Url = Annotated[str, typer.Option(envvar="ITEMROOM_URL", help="The server.")]
# Preferably by the environment or a file: everybody on the machine can read arguments.
Token = Annotated[
    str | None, typer.Option(envvar="ITEMROOM_TOKEN", help="Better: by the environment.")
]
TokenFile = Annotated[Path | None, typer.Option(help="A file with the token.", show_default=False)]

LOCAL = "http://127.0.0.1:8000"
_URL = re.compile(r"(?:http|ws)(s?://[^?#\s]+?)/*")


def listen(
    item: ItemId,
    *,
    url: Url = LOCAL,
    token: Token = None,
    token_file: TokenFile = None,
    after: Annotated[int | None, typer.Option(min=0, help="Begin after this seq.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Entries as they come.")] = False,
) -> None:
    """Print what happens in an item, an entry a line, until the end or an interrupt.

    A lost connection is taken up again where it ended: nothing is missing, nothing comes twice.
    """
    listener = Listener(
        f"ws{_address(url)}/items/{_checked(item)}/ws",
        _token(token, token_file),
        show=_show_json if as_json else _show_line,
        note=lambda sentence: typer.echo(f"itemroom: {sentence}", err=True),
        after=after,
    )
    asyncio.run(listener.run())


def publish(
    item: ItemId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="- reads lines from stdin.")],
    *,
    url: Url = LOCAL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Publish a message, and print its seq when it is stored.

    Tries again for a minute when the server cannot answer; the message is stored once.
    """
    path = f"http{_address(url)}/items/{_checked(item)}/messages"
    with Publisher(path, _token(token, token_file)) as publisher:
        for body in _lines() if text == "-" else [text]:
            typer.echo(publisher.publish(body))


def _address(url: str) -> str:
    match = _URL.fullmatch(url)
    if match is None:
        raise Failure("ITEMROOM_URL takes an address such as https://rooms.example.com.")
    return match[1]


def _checked(item_id: str) -> str:
    if not valid_item_id(item_id):
        raise Failure("An item's id has 1 to 128 letters, digits and . _ : - characters.")
    return item_id


def _token(token: str | None, file: Path | None) -> str:
    found = file.read_text() if file is not None else token
    if found is None or not found.strip().isascii() or not found.strip():
        raise Failure("A token is needed: set ITEMROOM_TOKEN, or name a --token-file.")
    return found.strip()


def _lines() -> Iterator[str]:
    for line in sys.stdin:
        yield line.rstrip("\r\n")


def _show_json(fields: Fields) -> None:
    typer.echo(orjson.dumps(fields))


def _show_line(fields: Fields) -> None:
    frame = TextCodec().encode(fields)
    # What has no line of its own, such as an edit that was deleted since, still has its number.
    typer.echo(f"{fields['seq']} {frame.text if frame is not None else '*'}")
