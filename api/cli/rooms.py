"""`itemroom listen` and `itemroom publish`: a client's commands, which need no database."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
import typer

from api.cli.connecting import LOCAL, ItemId, Token, TokenFile, Url, room_of
from api.cli.listening import follow
from api.cli.publishing import PATIENCE, Publisher
from api.rooms.text import TextCodec

Fields = Mapping[str, Any]


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
    # A server that is not there now was perhaps never meant: only one that was is waited for.
    room = room_of(item, url, token, token_file, after=after, patience=0)
    show = _show_json if as_json else _show_line
    asyncio.run(follow(room, show=show, note=_note))


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
    room = room_of(item, url, token, token_file, tail=0, buffer=0, patience=PATIENCE)
    with Publisher(room) as publisher:
        for body in _lines() if text == "-" else [text]:
            typer.echo(publisher.publish(body))


def _note(sentence: str) -> None:
    typer.echo(f"itemroom: {sentence}", err=True)


def _lines() -> Iterator[str]:
    for line in sys.stdin:
        yield line.rstrip("\r\n")


def _show_json(fields: Fields) -> None:
    typer.echo(orjson.dumps(fields))


def _show_line(fields: Fields) -> None:
    frame = TextCodec().encode(dict(fields))
    # What has no line of its own, such as an edit that was deleted since, still has its number.
    typer.echo(f"{fields['seq']} {frame.text if frame is not None else '*'}")
