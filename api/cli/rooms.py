"""`itemroom listen`, `publish`, `stream`, `stop`: a client's commands, which need no database."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import typer

from .arguments import ItemId, Token, TokenFile, Url

Fields = Mapping[str, Any]


def listen(
    item: ItemId,
    *,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
    after: Annotated[int | None, typer.Option(min=0, help="Begin after this seq.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Entries as they come.")] = False,
) -> None:
    """Print what happens in an item, an entry a line, until the end or an interrupt.

    A lost connection is taken up again where it ended: nothing is missing, nothing comes twice.
    """
    from .connecting import room_of
    from .listening import follow
    from .running import run

    # A server that is not there now was perhaps never meant: only one that was is waited for.
    room = room_of(item, url, token, token_file, after=after, patience=0)
    show = show_json if as_json else show_line
    run(follow(room, show=show, note=_note))


def publish(
    item: ItemId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="- reads lines from stdin.")],
    *,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Publish a message, and print its seq when it is stored.

    Tries again for a minute when the server cannot answer; the message is stored once.
    """
    from .connecting import room_of, tell_outages
    from .publishing import PATIENCE, publish_each
    from .running import run
    from .standard_input import lines

    room = room_of(item, url, token, token_file, tail=0, buffer=0, patience=PATIENCE)
    tell_outages(room, _note)
    bodies = lines() if text == "-" else _only(text)
    run(publish_each(room, bodies, show=typer.echo))


def stream(
    item: ItemId, *, url: Url = None, token: Token = None, token_file: TokenFile = None
) -> None:
    """Publish stdin as one message that grows as it comes: `some-command | itemroom stream ITEM`.

    Prints the message's seq. Ends with 1 when somebody stops it; interrupted, the message has
    failed.
    """
    from .connecting import room_of, tell_outages
    from .publishing import PATIENCE
    from .running import run
    from .standard_input import chunks
    from .streaming import pour

    room = room_of(item, url, token, token_file, tail=0, buffer=0, patience=PATIENCE)
    tell_outages(room, _note)
    run(pour(room, chunks(), show=typer.echo), is_terminated=True)


def stop(
    item: ItemId,
    seq: Annotated[int, typer.Argument(metavar="SEQ", min=1, help="Of the message.")],
    *,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Ask the author of a message in the making to end it."""
    from .connecting import room_of
    from .publishing import PATIENCE
    from .running import run
    from .streaming import stop_message

    room = room_of(item, url, token, token_file, tail=0, buffer=0, patience=PATIENCE)
    run(stop_message(room, seq))


def _note(sentence: str) -> None:
    typer.echo(f"itemroom: {sentence}", err=True)


async def _only(text: str) -> AsyncIterator[str]:
    yield text


def show_json(fields: Fields) -> None:
    """Print an entry as it came."""
    import orjson

    typer.echo(orjson.dumps(fields))


def show_line(fields: Fields) -> None:
    """Print an entry for people."""
    from ..live.text import TextCodec

    frame = TextCodec().encode(dict(fields))
    # What has no line of its own, such as an edit that was deleted since, still has its number.
    typer.echo(f"{fields['seq']} {frame.text if frame is not None else '*'}")
