"""A shorter way into a room, for our own server: past FastAPI for whoever is let in.

Routing, the layers around the routes and the solving of dependencies take most of the time of a
handshake. What they would find out is asked here, of the same functions and the same model. What
this way does not take (another path, a stranger's `Host`, parameters that are not valid), and
whoever is refused, goes to the application: there is one place that says no.
"""

from typing import Protocol

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from ..http.hosts import HostCheck
from ..http.proxies import Clients
from ..http.scopes import path_below
from ..items.ids import valid_item_id
from ..live.codecs import choose_codec
from ..settings import Settings
from ..state import state_of
from .admission import REFUSED, Asked, judge
from .endpoint import WIRE, HandedOver, enter

_REPEATABLE = ("token", "ticket")
_NOTHING = Asked()  # As of an empty query.


class Offered(Protocol):
    """The transport, as our own server offers it in a scope's `WIRE`."""

    def accept(self, subprotocol: str | None) -> HandedOver:
        """Let the client in; raises ClientDisconnected."""

    def hand_over(self) -> HandedOver:
        """The transport, for good."""


class Door:
    """An ASGI application for handshakes alone, before the one that answers all else."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self._app = app
        self._clients = Clients(app, settings=settings)
        self._hosts = HostCheck(app, settings=settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A copy: the application describes the client itself, from what the server has said.
        seen = {**scope, "app": self._app}
        item_id = _item_in(seen)
        asked = None if item_id is None else self._read(seen)
        if item_id is None or asked is None:
            await self._app(scope, receive, send)
            return
        try:
            arrival = await judge(HTTPConnection(seen), item_id, asked)
        except Exception as refused:
            scope["extensions"][REFUSED] = refused
            await self._app(scope, receive, send)
            return
        offered: Offered = scope["extensions"][WIRE]
        codec, subprotocol = choose_codec(scope["subprotocols"])
        try:
            socket = offered.accept(subprotocol)
        except ClientDisconnected:
            return
        # Handed over last: until then the server closes the socket of whom the room fails to take.
        connection = enter(state_of(seen), socket, codec, arrival)
        offered.hand_over().begin(connection)

    def _read(self, scope: Scope) -> Asked | None:
        """What is asked for; None: the application has something to say first."""
        self._clients.describe(scope)
        if state_of(scope).draining or self._hosts.objection(scope) is not None:
            return None
        if not scope["query_string"]:
            return _NOTHING
        try:
            return read_query(QueryParams(scope["query_string"]))
        except ValidationError:
            return None


def _item_in(scope: Scope) -> str | None:
    """The item whose room is asked for, as the endpoint's route would find it; None: not sure."""
    path = path_below(scope)
    if not path.startswith("/items/") or not path.endswith("/ws"):
        return None
    item_id = path[len("/items/") : -len("/ws")]
    return item_id if valid_item_id(item_id) else None


def read_query(query: QueryParams) -> Asked:
    """The parameters as FastAPI reads them: of what comes twice, the last; others are ignored.

    Raises:
        ValidationError: one is not allowed.
    """
    shown: dict[str, object] = dict(query)
    for name in _REPEATABLE:
        if name in query:
            shown[name] = query.getlist(name)
    return Asked.model_validate(shown)
