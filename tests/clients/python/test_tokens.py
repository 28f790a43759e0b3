import time
from typing import Any

import pytest

from itemroom import Refused
from tests.clients.python.rooms import read, room_at
from tests.clients.python.scripted import (
    WELCOME,
    Fields,
    Guest,
    message,
    playing,
    say,
    until,
    waiting,
)
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


async def test_ticket_lets_in_once(server: LiveServer, ada: Person) -> None:
    """It is no token: there is no coming back with it."""
    ticket = ada.call("POST", "/items/order-17/tickets").json()["ticket"]
    async with room_at(server.url, token=None, ticket=ticket) as room:
        room.reconnect()
        await until(lambda: room.state == "refused")
        assert room.error is not None
        assert room.error.code == "ticket_used"


async def test_nobody_is_refused(server: LiveServer, ada: Person) -> None:
    """Without a credential."""
    with pytest.raises(Refused, match="auth_missing"):
        async with room_at(server.url, token=None):
            pass


async def test_tokens_are_asked_for_afresh() -> None:
    """For each connection, and again when the server says that one has ended; but not for ever."""
    given = iter([{"ticket": "k1"}, {"token": "t2"}, "t3", "t4"])

    async def get_token() -> Any:
        return next(given)

    expired: Fields = {"type": "closing", "reason": "auth_expired", "retry": "after_auth"}
    scripts = [say(WELCOME, close=1012), say(expired), say(WELCOME, expired), say(expired)]
    async with playing(*scripts) as stage:
        async with room_at(stage.url, token=None, get_token=get_token, patience=20) as room:
            with pytest.raises(Refused, match="auth_expired"):
                await read(room, 1)
        shown = [None, *(f"Bearer t{number}" for number in (2, 3, 4))]
        assert stage.tokens == shown
        assert stage.queries[0] == "ticket=k1"
        assert next(given, None) is None


async def test_token_that_ends_soon_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the open connection; a failure is told, and the old one goes on until its end."""
    given = ["t1", "t2", ValueError("no"), {"ticket": "k"}, "t3"]
    errors: list[Refused] = []
    heard: list[str] = []

    async def get_token() -> Any:
        token = given.pop(0)
        if isinstance(token, Exception):
            raise token
        return token

    async def warn(guest: Guest) -> None:
        await guest.say(WELCOME, {"type": "expiring", "in": 0.2})
        heard.append((await guest.hear("auth"))["token"])
        await guest.say({"type": "expiring", "in": 0.02})
        await until(lambda: errors)
        await guest.say({"type": "expiring", "in": 0.02})
        await until(lambda: given == ["t3"])
        await guest.say({"type": "expiring", "in": 0.02})
        heard.append((await guest.hear("auth"))["token"])
        await waiting(guest)

    async with playing(warn) as stage:
        room = room_at(stage.url, token=None, get_token=get_token)
        room.on("error", errors.append)
        async with room:
            await until(lambda: len(heard) == 2)
    assert heard == ["t2", "t3"]
    assert [error.code for error in errors] == ["no_token"]


async def test_token_is_not_asked_for_without_end() -> None:
    """One that lives shorter than the server's notice is warned of at once, each time."""
    asked = []

    async def get_token() -> str:
        asked.append(time.monotonic())
        return "t"

    async def warn(guest: Guest) -> None:
        await guest.say(WELCOME)
        for _ in range(3):
            await guest.say({"type": "expiring", "in": 0.2}, {"type": "expiring", "in": 0.2})
            await guest.hear("auth")
        await waiting(guest)

    async with playing(warn) as stage:
        async with room_at(stage.url, token=None, get_token=get_token):
            await until(lambda: len(asked) == 4)
        # The first time at once, then after half of what is left.
        assert asked[2] - asked[1] > 0.09
        assert asked[3] - asked[2] > 0.09


async def test_token_in_hand_is_not_renewed() -> None:
    """There is no other."""
    warning = {"type": "expiring", "in": 30}
    async with (
        playing(say(WELCOME, warning, message(1))) as stage,
        room_at(stage.url) as room,
    ):
        await read(room, 1)


@pytest.mark.parametrize("error", [ValueError("no"), Refused("login_failed")])
async def test_failing_get_token_is_tried_again_unless_it_is_refused(error: Exception) -> None:
    """An issuer may be away for a while; and one that says no means it."""

    async def get_token() -> str:
        raise error

    room = room_at("http://127.0.0.1:1", token=None, get_token=get_token, patience=0.05)
    with pytest.raises(Refused) as refused:
        async with room:
            pass
    is_refusal = isinstance(error, Refused)
    assert refused.value.code == ("login_failed" if is_refusal else "no_token")
