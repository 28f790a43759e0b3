"""Somebody with a browser or a program, and what they do with their account."""

from dataclasses import dataclass
from typing import Any

import httpx2

PASSWORD = "correct horse battery"


def problem_of(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, str(answer.json()["code"])


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Visitor:
    """One client with its own cookies."""

    client: httpx2.AsyncClient

    async def register(self, username: str, password: str = PASSWORD) -> httpx2.Response:
        answer = await self.client.post(
            "/auth/register", json={"username": username, "password": password}
        )
        assert answer.status_code == 201, answer.text
        return answer

    async def try_login(self, username: str, password: str = PASSWORD) -> httpx2.Response:
        return await self.client.post(
            "/auth/login", json={"username": username, "password": password}
        )

    async def login(self, username: str, password: str = PASSWORD) -> httpx2.Response:
        answer = await self.try_login(username, password)
        assert answer.status_code == 200, answer.text
        return answer

    async def token(self, username: str, password: str = PASSWORD) -> str:
        """An access token."""
        form = {"username": username, "password": password}
        answer = await self.client.post("/auth/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def api_token(self, **wish: Any) -> dict[str, Any]:
        """A new API token, and all that is said of it."""
        values = {"name": "import", "items": {"order-*": "writer"}} | wish
        answer = await self.client.post("/tokens", json=values)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def me(self, **request: Any) -> httpx2.Response:
        return await self.client.get("/auth/me", **request)

    @property
    def cookie(self) -> str:
        """The session cookie's value."""
        return str(self.client.cookies["itemroom_session"])
