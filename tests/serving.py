"""A real server on a real socket, and people who use it."""

import json
import sys
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.app import OPERATOR_TOKEN_TTL
from api.settings import Settings
from api.state import State
from api.wire.server import build_server, listen
from tests.databases import provide
from tests.deadlines import scaled

# Seconds for a server to stop: its own grace, and what its parts take on a busy machine.
STOPPING = scaled(20)
PASSWORD = "correct horse battery"
Fields = dict[str, Any]


class Served:
    """A server, wherever it runs, as people reach it."""

    url: str
    ws_url: str

    def room_url(self, item_id: str, **query: object) -> str:
        """The address of an item's room."""
        return f"{self.ws_url}/items/{item_id}/ws?{urlencode(query)}"

    def person(self, username: str, name: str | None = None) -> "Person":
        """Somebody new, signed up, with an access token; shown to others as `name`."""
        with httpx2.Client(base_url=self.url) as client:
            signup = {"username": username, "password": PASSWORD, "display_name": name}
            response = client.post("/auth/register", json=signup)
            assert response.status_code == 201, response.text
            form = {"username": username, "password": PASSWORD}
            token = client.post("/auth/token", data=form).json()["access_token"]
        return Person(self, username, response.json()["id"], token)


class LiveServer(Served):
    """The server as `itemroom serve` runs it, in a thread of this process.

    Its database is a copy of one that was migrated, unless there is one already.

    Args:
        plain: with uvicorn's own protocols, as any other ASGI server would run it.
    """

    def __init__(self, settings: Settings, *, plain: bool = False) -> None:
        provide(settings)
        self._socket = listen(settings)
        self.port: int = self._socket.getsockname()[1]
        self.settings = settings.model_copy(update={"port": self.port})
        self.server = build_server(self.settings, plain=plain)
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        # A daemon: one that does not end fails its test, and keeps no process of tests.
        self._thread = threading.Thread(
            target=self.server.run,
            args=([self._socket],),
            name=f"server on {self.port}",
            daemon=True,
        )

    @property
    def state(self) -> State:
        """What the server consists of; it lives in another thread: look, do not touch."""
        state: State = self.server.app.state.itemroom
        return state

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it as SIGTERM does; may come twice."""
        self.server.should_exit = True
        end(self._thread)

    def _wait_until_ready(self) -> None:
        with httpx2.Client(base_url=self.url) as client:
            for _ in range(100):
                if not self._thread.is_alive():
                    raise RuntimeError("the server did not start; see the captured log")
                try:
                    client.get("/healthz", timeout=scaled(5))
                except httpx2.TransportError:
                    self._thread.join(0.05)
                else:
                    return
        raise RuntimeError("the server does not answer")

    def make_admin(self, person: "Person") -> None:
        """As the operator's command line does."""
        token = self.state.tokens.issue("operator", use="operator", ttl=OPERATOR_TOKEN_TTL).token
        response = httpx2.post(
            f"{self.url}/operator/users/{person.username}/admin",
            json={"admin": True},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert response.status_code == 204


def end(thread: threading.Thread, *, within: float = STOPPING) -> None:
    """Wait for a thread that has been told to end.

    Args:
        thread: whatever holds it up is in the failure: where each thread of this process is.
        within: seconds, scaled already.
    """
    thread.join(within)
    if thread.is_alive():
        raise AssertionError(f"{thread.name} has not ended in {within} s:\n{stacks()}")


def stacks() -> str:
    """Where each thread of this process is, as a traceback shows it."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"--- {names.get(ident)}\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )


@dataclass
class Person:
    """A user of a live server, acting with an access token."""

    server: Served
    username: str
    id: str
    token: str

    def call(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        """A REST call."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx2.Client(base_url=self.server.url, headers=headers) as client:
            return client.request(method, path, **arguments)

    def create(self, item_id: str, **members: str) -> None:
        """A new item, with members by username and role."""
        response = self.call("POST", "/items", json={"id": item_id})
        assert response.status_code == 201, response.text
        for username, role in members.items():
            path = f"/items/{item_id}/members/{username}"
            response = self.call("PUT", path, json={"role": role})
            assert response.is_success, response.text

    def publish(self, item_id: str, body: object, **more: object) -> Fields:
        """A message by REST."""
        response = self.call("POST", f"/items/{item_id}/messages", json={"body": body, **more})
        assert response.is_success, response.text
        answer: Fields = response.json()
        return answer

    @asynccontextmanager
    async def rooms(self, **query: object) -> "AsyncIterator[Talk]":
        """A socket for many items, greeted."""
        url = f"{self.server.ws_url}/ws?{urlencode({'token': self.token, **query})}"
        async with connect(url, proxy=None) as socket:
            talk = Talk(socket)
            talk.welcome = await talk.get("hello")
            yield talk

    @asynccontextmanager
    async def room(self, item_id: str, **query: object) -> "AsyncIterator[Talk]":
        """A socket in a room, welcomed."""
        url = self.server.room_url(item_id, token=self.token, **query)
        async with connect(url, proxy=None) as socket:
            talk = Talk(socket)
            talk.welcome = await talk.get("welcome")
            yield talk


@dataclass
class Talk:
    """A client's side of a room, speaking JSON."""

    socket: ClientConnection
    welcome: Fields = field(default_factory=dict)
    seen: list[Fields] = field(default_factory=list)

    async def send(self, type_: str, **fields: object) -> None:
        """One frame."""
        await self.socket.send(json.dumps({"type": type_, **fields}))

    async def next(self) -> Fields:
        """The next frame, whatever it is."""
        frame: Fields = json.loads(await self.socket.recv())
        self.seen.append(frame)
        return frame

    async def get(self, *types: str) -> Fields:
        """The next frame of these types; others are passed over, and kept in `seen`."""
        while True:
            frame = await self.next()
            if frame["type"] in types:
                return frame

    async def publish(self, body: object, ref: str = "r") -> Fields:
        """A message, and the answer to it."""
        await self.send("publish", ref=ref, body=body)
        return await self.get("ack", "error")

    async def closed(self) -> tuple[int, str, Fields]:
        """Read to the end: close code, reason, and the `closing` frame before it."""
        closing: Fields = {}
        while frame := await self._next_or_none():
            closing = frame if frame["type"] == "closing" else {}
        received = self.socket.protocol.close_rcvd
        assert received is not None, "closed without a close frame"
        return received.code, received.reason, closing

    async def _next_or_none(self) -> Fields | None:
        try:
            return await self.next()
        except ConnectionClosed:
            return None


async def entries_until(talk: Talk, seq: int) -> list[Fields]:
    """The entries that a client gets, up to one."""
    entries: list[Fields] = []
    while not entries or entries[-1]["seq"] < seq:
        frame = await talk.next()
        if "by" in frame and "seq" in frame and frame["type"] != "read":
            entries.append(frame)
    return entries
