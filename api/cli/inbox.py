"""`itemroom inbox`: what is new in one's items; a client's command, which needs no database."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from .arguments import Token, TokenFile, Url

# Items in one answer.
PAGE = 100


def inbox(
    *,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
    every: Annotated[bool, typer.Option("--all", help="Also what has been read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List your items in which something is unread, newest activity first."""
    import orjson

    from itemroom import Client

    from .connecting import local_server, token_of

    with Client(url or local_server(), token=token_of(token, token_file)) as client:
        for state in _states(client):
            if every or state["unread"] or state["mentions"]:
                typer.echo(orjson.dumps(state) if as_json else _line(state))


def _states(client: Any) -> Iterator[Mapping[str, Any]]:
    from itemroom import Refused

    from .connecting import failure_of

    after: dict[str, str] = {}
    while True:
        try:
            page = client.call("GET", "/inbox", params={"limit": PAGE} | after)
        except Refused as refused:
            raise failure_of(refused) from refused
        yield from page["items"]
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def _line(state: Mapping[str, Any]) -> str:
    """An item for people: its id, what is unread, who is named, and what was said last."""
    from ..history.words import showable

    counted = f"{state['unread']} unread"
    if state["mentions"]:
        counted += f", {state['mentions']} for you"
    parts = [state["item"]["id"], counted]
    if state["last"] is not None:
        text = " ".join(state["last"]["preview"].split())
        parts.append(showable(f"{state['last']['by']['name']}: {text}"))
    return "  ".join(parts)
