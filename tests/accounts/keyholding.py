"""Programs of the product's, with a service key."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2

from api.accounts.keys import KeyRequest, create_key
from api.rights.access import Role
from api.security import new_key
from api.state import State
from tests.accounts.visitor import bearer


@dataclass(frozen=True)
class Program:
    """A program, and the key that it calls with."""

    client: httpx2.AsyncClient
    key: str

    async def call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One request."""
        headers = bearer(self.key) | request.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **request)

    async def do(self, method: str, path: str, **request: Any) -> Any:
        """A request that succeeds, and its answer."""
        answer = await self.call(method, path, **request)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def code(self, method: str, path: str, **request: Any) -> str:
        """The code of a refusal; `ok` for none."""
        answer = await self.call(method, path, **request)
        return "ok" if answer.is_success else str(answer.json()["code"])


async def program(
    state: State,
    client: httpx2.AsyncClient,
    name: str = "shop",
    items: str = "order-*=admin",
    **wish: Any,
) -> Program:
    """A new key; `items` as at the command line, separated by blanks."""
    pairs = (one.partition("=") for one in items.split())
    request = KeyRequest(name, {pattern: Role(role) for pattern, _, role in pairs}, **wish)
    secret = new_key()
    await state.writer.call(partial(create_key, wish=request, secret=secret))
    return Program(client, secret)
