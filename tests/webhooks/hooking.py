"""Webhooks of a live server, made by a service key or an operator."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from standardwebhooks import Webhook, WebhookVerificationError

from api.app import make_tokens
from api.settings import Settings
from tests.accounts.visitor import bearer
from tests.databases import SECRET
from tests.deadlines import scaled
from tests.outgoing.receiver import Call, Receiver
from tests.process import Process
from tests.serving import Fields, LiveServer, Person

PATIENCE = scaled(60)


@dataclass(frozen=True)
class Caller:
    """Somebody who calls a server with a token."""

    url: str
    token: Callable[[], str]

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return httpx2.request(
            method, f"{self.url}{path}", headers=bearer(self.token()), timeout=PATIENCE, **more
        )

    def do(self, method: str, path: str, **more: Any) -> Fields:
        """A call that succeeds, and its answer."""
        response = self.call(method, path, **more)
        assert response.is_success, response.text
        answer: Fields = response.json() if response.content else {}
        return answer

    def hook(self, receiver: Receiver | str, items: str = "order-*", **more: Any) -> Fields:
        """A new webhook."""
        url = receiver if isinstance(receiver, str) else receiver.url
        return self.do("POST", "/webhooks", json={"url": url, "items": items, **more})

    def show(self, hook: Fields) -> Fields:
        """A webhook as it is now."""
        return self.do("GET", f"/webhooks/{hook['id']}")

    def change(self, hook: Fields, **changes: Any) -> Fields:
        """A webhook, changed."""
        return self.do("PATCH", f"/webhooks/{hook['id']}", json=changes)


def operator(server: LiveServer) -> Caller:
    """Whoever runs the server."""
    tokens = server.state.tokens
    return Caller(server.url, lambda: tokens.issue("operator", use="operator", ttl=60).token)


def key_of(server: LiveServer, name: str = "shop", items: str = "order-*") -> Caller:
    """A program with a new service key."""
    wish = {"name": name, "items": {items: "admin"}}
    key = str(operator(server).do("POST", "/operator/keys", json=wish)["key"])
    return Caller(server.url, lambda: key)


def told(receiver: Receiver, item: str) -> list[Any]:
    """The bodies of an item's messages, in the order of coming, each call once."""
    first = {call.headers["webhook-id"]: call.json for call in receiver.calls}
    entries = [one for sent in first.values() if sent["item"] == item for one in sent["entries"]]
    return [entry["body"] for entry in entries if entry["type"] == "message"]


def is_signed(call: Call, secret: str) -> bool:
    """Whether a call is as Standard Webhooks has it: as its own library judges."""
    try:
        Webhook(secret).verify(call.body, call.headers)
    except WebhookVerificationError:
        return False
    return True


async def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for a condition, without holding up receivers."""
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.02)


async def publish(person: Person, item: str, *bodies: object) -> None:
    """Messages of a person, while receivers go on."""
    for body in bodies:
        await asyncio.to_thread(person.publish, item, body)


def runner(server: Process) -> Caller:
    """Whoever runs a server of another process."""
    chosen = {"database_url": server.database_url, "port": 0}
    is_in_file = server.database_url.startswith("sqlite:")
    tokens = make_tokens(
        Settings.model_validate(chosen | ({} if is_in_file else {"secret": SECRET}))
    )
    return Caller(server.url, lambda: tokens.issue("operator", use="operator", ttl=60).token)
