"""A product's backend: who its people are, what they may do, and what it lets them say."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.outgoing.receiver import Call, Receiver, answer, receiving

SECRET = "whsec_" + base64.b64encode(b"a secret of the shop and itemroom").decode()


@dataclass
class Shop:
    """Knows people by the cookie `shop`, which holds their id."""

    people: dict[str, str] = field(default_factory=lambda: {"17": "Ada", "18": "Bob"})
    roles: dict[tuple[str, str], str] = field(default_factory=dict)
    """By a person's id, or an outside user's name, and the item."""
    ttl: float = 300
    down: bool = False
    """Answers 500 from now on."""
    hang: asyncio.Event | None = None
    """Answers nothing before it is set."""
    unsaid: dict[object, object] = field(default_factory=dict)
    """What it answers to a message instead of yes: a status or an object, by the body."""
    slow: dict[object, asyncio.Event] = field(default_factory=dict)
    """Messages that it answers when this is set."""
    receiver: Receiver = field(default_factory=Receiver)

    @property
    def asked(self) -> list[Any]:
        """The questions so far."""
        return [call.json for call in self.receiver.calls]

    async def answer(self, call: Call) -> bytes:
        """As a backend does that believes nobody but Itemroom."""
        assert is_signed(call)
        if self.hang is not None:
            await self.hang.wait()
        if self.down:
            return answer(500, "a traceback")
        return await self._review(call.json) if "body" in call.json else self._rule(call.json)

    def _rule(self, question: Any) -> bytes:
        user = question.get("user")
        who = user["username"] if user else question["cookies"].get("shop")
        who = who or question["headers"].get("x-shop")
        if user is None and who not in self.people:
            return answer(401)
        role = self.roles.get((who, question["item"]))
        if role is None:
            return answer(403)
        said: dict[str, object] = {"role": role, "ttl": self.ttl}
        return answer(200, said if user else said | {"user": {"id": who, "name": self.people[who]}})

    async def _review(self, question: Any) -> bytes:
        body = str(question["body"])
        if body in self.slow:
            await self.slow[body].wait()
        said = self.unsaid.get(body, {})
        return answer(403, {"message": said}) if isinstance(said, str) else answer(200, said)


def is_signed(call: Call) -> bool:
    """Whether it is ours, as Standard Webhooks has it: worked out here once more."""
    headers = call.headers
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + call.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    mark = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{mark}"


@asynccontextmanager
async def open_shop(**known: Any) -> AsyncIterator[Shop]:
    """Its backend on a free port."""
    shop = Shop(**known)
    async with receiving(shop.answer) as receiver:
        shop.receiver = receiver
        yield shop
