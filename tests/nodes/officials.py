"""People who change what others may do, while those go on."""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from tests.nodes.crowd import AGAIN, CALL, Guest, is_passing
from tests.serving import Fields, Person

REVOKED = frozenset({"auth_revoked"})


@dataclass
class Clerk:
    """Calls REST until the server has done what is asked, or says that it has been done."""

    person: Person

    async def call(self, method: str, path: str, done: Sequence[int], **more: Any) -> Fields:
        """The answer's JSON, if its status is one of `done`."""
        headers = {"Authorization": f"Bearer {self.person.token}"}
        url = self.person.server.url
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=CALL) as client:
            while True:
                with suppress(httpx2.TransportError):
                    answer = await client.request(method, path, **more)
                    if answer.status_code in done:
                        return dict(answer.json()) if answer.content else {}
                    assert is_passing(answer.json()["code"]), answer.text
                await asyncio.sleep(AGAIN)


@dataclass
class Doorkeeper:
    """Removes somebody, or takes their right to write, and gives it back, again and again."""

    clerk: Clerk
    item: str
    username: str
    dice: random.Random
    more: bool = True

    async def run(self) -> None:
        while self.more:
            await asyncio.sleep(self.dice.uniform(0.2, 1))
            if self.dice.random() < 0.5:
                await self._let("reader")
            else:
                await self.clerk.call("DELETE", self._path, (204, 404))
            await asyncio.sleep(self.dice.uniform(0, 0.3))
            await self._let("writer")

    @property
    def _path(self) -> str:
        return f"/items/{self.item}/members/{self.username}"

    async def _let(self, role: str) -> None:
        await self.clerk.call("PUT", self._path, (200, 201), json={"role": role})


@dataclass
class Ended:
    """What somebody said with a token that was revoked: `at` is when that was answered."""

    guest: Guest
    at: float


@dataclass
class Holder:
    """Makes tokens, speaks with them, and revokes them, again and again."""

    clerk: Clerk
    item: str
    dice: random.Random
    more: bool = True
    ended: list[Ended] = field(default_factory=list)

    async def run(self) -> None:
        for number in itertools.count():
            if not self.more:
                return
            wish = {"name": "t", "items": {self.item: "writer"}}
            token = await self.clerk.call("POST", "/tokens", (201,), json=wish)
            person = replace(self.clerk.person, token=token["token"])
            guest = Guest(f"token-{number}", person, self.item, self.dice, may_be_refused=REVOKED)
            guest.begins = {"tail": 0}
            visit = asyncio.create_task(guest.run())
            try:
                await asyncio.sleep(self.dice.uniform(0.2, 0.6))
                await self.clerk.call("DELETE", f"/tokens/{token['id']}", (204, 404))
                self.ended.append(Ended(guest, time.monotonic()))
                # Whoever has ended rights tries all the more.
                await asyncio.sleep(self.dice.uniform(0.2, 0.6))
            finally:
                visit.cancel()
                await asyncio.gather(visit, return_exceptions=True)
