"""`auth` frames: a newer credential without a new connection."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from api.rights.access import Credential, Principal, Role, clock_ms
from tests.databases import execute
from tests.live.fakes import Fields
from tests.live.test_expiry import ending
from tests.live.world import World, settled, until

pytestmark = pytest.mark.anyio


def renewed(world: World, name: str = "ada", **changes: Any) -> Principal:
    values: Fields = {"kind": "access", "id": "newer", "issued_at": 1}
    values["expires_at"] = clock_ms() + 60_000
    return replace(world.people[name], credential=Credential(**values | changes))


async def test_auth_takes_on_a_newer_credential(world: World) -> None:
    """The old expiry is forgotten, the new one counts, and the client is told of it."""
    tokens = {"long": renewed(world), "short": ending(world.people["ada"], 2, "s")}
    first = ending(world.people["ada"], 1)
    ada = await world.live(principal=first, tokens=tokens, expiry_notice=0.1)
    ada.says("auth", token="long")
    answer = await ada.hears("auth")
    assert answer["expires_at"] > ada.socket.said[0]["expires_at"]
    await asyncio.sleep(1.1)
    assert ada.socket.said_of("expiring") == []
    ada.says("auth", token="short")
    await ada.hears("auth", count=2)
    assert (await ada.is_closed())["reason"] == "auth_expired"
    assert len(ada.socket.said_of("expiring")) == 1


async def test_auth_without_an_expiry_stops_the_clock(world: World) -> None:
    """Such as a session's."""
    first = ending(world.people["ada"], 1)
    tokens = {"forever": renewed(world, expires_at=None)}
    ada = await world.live(principal=first, tokens=tokens, expiry_notice=0)
    ada.says("auth", token="forever")
    assert (await ada.hears("auth"))["expires_at"] is None
    await asyncio.sleep(1.1)
    assert ada.socket.closed is None


@pytest.mark.parametrize(
    ("token", "code"),
    [("bob's", "forbidden"), ("unknown", "auth_invalid"), ("elsewhere", "item_not_found")],
)
async def test_auth_that_is_refused_changes_nothing(world: World, token: str, code: str) -> None:
    """Another user's, a bad one, one for other items: the connection goes on as it was."""
    tokens = {
        "bob's": renewed(world, "bob"),
        "elsewhere": renewed(world, kind="api", items={"other": Role.ADMIN}),
    }
    sql = "INSERT INTO api_token VALUES ('newer', ?, 'n', '{}', 0, 0, NULL)"
    key = world.people["ada"].user_key
    await world.writer.call(lambda tx: execute(tx.connection, sql, key))
    ada = await world.live(tokens=tokens)
    ada.says("auth", token=token)
    assert (await ada.hears("error"))["code"] == code
    assert ada.seat.principal.credential.id == "jti-ada"
    ada.publishes("still here", "r")
    assert (await ada.answer("r"))["type"] == "ack"


async def test_auth_with_a_lower_role_is_told(world: World) -> None:
    """The rights are those of the new credential."""
    narrow = renewed(world, kind="outside", items={"doc": Role.READER})
    ada = await world.live(tokens={"t": narrow})
    ada.says("auth", token="t")
    await ada.hears("auth")
    assert [fields["role"] for fields in ada.socket.said_of("role")] == ["reader"]
    ada.publishes("x", "r")
    assert (await ada.answer("r"))["code"] == "forbidden"


async def test_second_auth_while_one_runs_is_busy(world: World) -> None:
    """One token at a time; afterwards the next."""
    ada = await world.live(tokens={"t": renewed(world)})
    ada.verified.clear()
    ada.says("auth", token="t")
    ada.says("auth", token="t")
    assert ada.socket.said[-1]["code"] == "busy"
    ada.verified.set()
    await ada.hears("auth")
    ada.says("auth", token="t")
    await ada.hears("auth", count=2)


async def test_auth_that_fails_to_verify_ends_with_an_id(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told the id under which the log says what happened."""
    ada = await world.live()
    ada.says("auth", token="broken")
    closing = await ada.is_closed()
    assert (closing["code"], closing["reason"]) == (1011, "internal")
    assert closing["message"] in caplog.text


@pytest.mark.parametrize("token", ["t", "unknown", "broken"])
async def test_auth_after_the_end_is_forgotten(world: World, token: str) -> None:
    """Whatever comes of it, `closing` was the last word."""
    ada = await world.live(tokens={"t": renewed(world)})
    ada.verified.clear()
    ada.says("auth", token=token)
    ada.connection.end("restart")
    ada.verified.set()
    await settled(world)
    assert ada.types[-1] == "closing"
    ada.leaves()


async def test_auth_of_a_lost_connection_is_given_up(world: World) -> None:
    """No task outlives its socket."""
    ada = await world.live(tokens={"t": renewed(world)})
    ada.verified.clear()
    ada.says("auth", token="t")
    running = len(asyncio.all_tasks())
    ada.leaves()
    await until(lambda: len(asyncio.all_tasks()) == running - 1)


async def test_auth_before_the_welcome_counts(world: World) -> None:
    """The welcome comes first, and the newer credential stays."""
    world.held.hold = None
    ada = await world.enter(tokens={"t": renewed(world)})
    ada.says("auth", token="t")
    await ada.hears("auth")
    await ada.hears("live")
    assert ada.types[0] == "welcome"
    assert ada.seat.principal.credential.id == "newer"
