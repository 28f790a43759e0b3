"""Users of a running application, each with a credential that they show over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx2
import orjson

from api.history.transaction import Transaction
from api.models import ApiToken, User
from api.security import ClaimedRole
from api.state import State
from tests.databases import execute


@dataclass(frozen=True)
class Person:
    """Somebody, and the token that they call with."""

    client: httpx2.AsyncClient
    username: str
    id: str
    token: str

    async def call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One request with the token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if "content" in request:
            headers["Content-Type"] = "application/json"
        return await self.client.request(method, path, headers=headers, **request)

    async def do(self, method: str, path: str, **request: Any) -> Any:
        """A request that succeeds, and its answer."""
        answer = await self.call(method, path, **request)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def code(self, method: str, path: str, **request: Any) -> str:
        """The code of a refusal; `ok` for none."""
        answer = await self.call(method, path, **request)
        assert answer.status_code < 500, answer.text
        return "ok" if answer.is_success else str(answer.json()["code"])


@dataclass(frozen=True)
class People:
    """Makes them, without the cost of hashing passwords."""

    state: State
    client: httpx2.AsyncClient

    async def add(self, username: str) -> Person:
        """A new user with an access token."""
        user_id = f"u-{username}"
        user = User(id=user_id, username=username, name=username.title(), created_at=0)
        await self.state.writer.call(partial(_insert, user))
        token = self.state.tokens.issue(user_id, use="access", ttl=3600).token
        return Person(self.client, username, user_id, token)

    async def limited(self, person: Person, items: Mapping[str, ClaimedRole]) -> Person:
        """The same user with an API token that is limited to items."""
        issued = self.state.tokens.issue(person.id, use="api", ttl=3600, items=items)
        (key,) = await self.rows('SELECT key FROM "user" WHERE id = ?', person.id)
        row = ApiToken(
            jti=issued.claims.jti,
            user_key=key[0],
            name="test",
            items=orjson.dumps(dict(items)).decode(),
            created_at=0,
            expires_at=2**50,
        )
        await self.state.writer.call(partial(_insert, row))
        return replace(person, token=issued.token)

    async def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds on disk."""
        return await self.state.readers.read(
            lambda connection: [tuple(row) for row in execute(connection, sql, *values)]
        )

    async def change(self, sql: str, *values: object) -> None:
        """Change the database behind the product's back."""

        def act(transaction: Transaction) -> None:
            execute(transaction.connection, sql, *values)

        await self.state.writer.call(act)


def _insert(row: User | ApiToken, transaction: Transaction) -> None:
    with transaction.session() as session:
        session.add(row)
