"""`itemroom inbox`: what is new in one's items; a client's command, which needs no database."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer

from .arguments import Token, TokenFile, Url

# Items in one answer.
PAGE = 100

State = Mapping[str, Any]


def inbox(
    *,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
    every: Annotated[bool, typer.Option("--all", help="Also what has been read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Then each that changes.")] = False,
) -> None:
    """List your items in which something is unread, newest activity first.

    With --follow it goes on until an interrupt, over lost connections: an item is printed again as
    it is then, whenever it has changed.
    """
    import orjson

    from itemroom import Client

    from .connecting import local_server, token_of
    from .running import run

    def show(state: State) -> None:
        if every or state["unread"] or state["mentions"]:
            typer.echo(orjson.dumps(state) if as_json else _line(state))

    server, shown = url or local_server(), token_of(token, token_file)
    known: dict[str, State] = {}
    with Client(server, token=shown) as client:
        for state in _states(client):
            show(state)
            known |= {state["item"]["id"]: state} if follow else {}
    if follow:
        run(_follow(server, shown, known, show))


async def _follow(
    server: str, token: str, known: dict[str, State], show: Callable[[State], None]
) -> None:
    """Show what is not known, and each change, until it is cancelled.

    The server may say again what it has said, as after each lost connection.
    """
    from itemroom import Refused, Session

    from .connecting import failure_of

    def tell(state: State) -> None:
        item_id = state["item"]["id"]
        if state != known.get(item_id):
            known[item_id] = state
            show(state)

    try:
        async with Session(server, token=token) as session:
            await session.inbox.ready()
            for state in session.inbox.items.values():
                tell(state)
            async for state in session.inbox:
                tell(state)
    except Refused as refused:
        raise failure_of(refused) from refused


def _states(client: Any) -> Iterator[State]:
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


def _line(state: State) -> str:
    """An item for people: its id, what is unread, who is named, and what was said last."""
    from ..history.words import showable

    if state["role"] is None:
        return f"{state['item']['id']}  gone"
    counted = f"{state['unread']} unread"
    if state["mentions"]:
        counted += f", {state['mentions']} for you"
    parts = [state["item"]["id"], counted]
    if state["last"] is not None:
        text = " ".join(state["last"]["preview"].split())
        parts.append(showable(f"{state['last']['by']['name']}: {text}"))
    return "  ".join(parts)
