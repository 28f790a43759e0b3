"""Credentials that end: by their own time, revoked, or while they are taken on."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from api.history.events import CredentialsEnded
from api.history.transaction import Transaction
from api.live.connection import Connection
from api.rights.access import Credential, Principal, Role, clock_ms
from tests.live.test_rights import HastyConnection
from tests.live.world import World, until

pytestmark = pytest.mark.anyio


def ending(principal: Principal, seconds: float, name: str = "short") -> Principal:
    expires = clock_ms() + round(seconds * 1000)
    return replace(principal, credential=Credential("access", name, 1, expires))


async def test_credential_ends_on_time_after_a_notice(world: World) -> None:
    """`expiring` comes its notice before, `auth_expired` at the moment itself."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    principal = ending(world.people["ada"], 1.2)
    ada = await world.live(principal=principal, expiry_notice=0.6)
    assert ada.socket.said[0]["expires_at"] is not None
    assert (await ada.hears("expiring"))["in"] in {0, 1}
    assert loop.time() - began >= 0.55
    closing = await ada.is_closed()
    assert (closing["reason"], closing["retry"]) == ("auth_expired", "after_auth")
    assert 1.15 <= loop.time() - began < 5


@pytest.mark.parametrize(("notice", "said"), [(30.0, 1), (0.0, 0)])
async def test_notice_longer_than_what_is_left_comes_at_once(
    world: World, notice: float, said: int
) -> None:
    """After the welcome; without a notice there is none."""
    ada = await world.live(principal=ending(world.people["ada"], 0.8), expiry_notice=notice)
    assert ada.types[0] == "welcome"
    assert (await ada.is_closed())["reason"] == "auth_expired"
    assert len(ada.socket.said_of("expiring")) == said


async def test_end_cancels_the_expiry(world: World) -> None:
    """Nobody is told of an expiry after the end."""
    ada = await world.live(principal=ending(world.people["ada"], 1), expiry_notice=0.1)
    ada.connection.end("restart", retry_after=1.5)
    assert (await ada.is_closed())["retry_after"] == 1.5
    await asyncio.sleep(1.1)
    assert ada.types[-1] == "closing"


async def test_credentials_ended_close_those_who_use_them(world: World) -> None:
    """One credential of a user ends; a connection under another one stays."""
    other = replace(world.people["ada"], credential=Credential("access", "other", 1, None))
    ended = await world.live("ada")
    stays = await world.live("ada", principal=other)
    event = CredentialsEnded(other.user_key, kept="other")
    await world.writer.call(lambda tx: tx.emit(event))
    closing = await ended.is_closed()
    assert (closing["code"], closing["reason"], closing["retry"]) == (1008, "auth_revoked", "never")
    assert stays.connection.is_open


def session(world: World, name: str) -> Principal:
    return replace(world.people["ada"], credential=Credential("session", name, 1, None))


def open_session(world: World, name: str) -> Callable[[Transaction], None]:
    def act(tx: Transaction) -> None:
        sql = "INSERT INTO session VALUES (?, ?, ?, NULL, 0, 0)"
        tx.connection.exec_driver_sql(sql, (name, name, world.people["ada"].user_key))

    return act


def end_session(world: World, name: str) -> Callable[[Transaction], None]:
    def act(tx: Transaction) -> None:
        tx.connection.exec_driver_sql("DELETE FROM session WHERE id = ?", (name,))
        key = world.people["ada"].user_key
        tx.emit(CredentialsEnded(key, ids=frozenset({name})))

    return act


@pytest.mark.parametrize(
    ("make", "renewed"),
    [(Connection, False), pytest.param(HastyConnection, True, id="negative control")],
)
async def test_credential_that_ends_while_it_is_taken_on_is_refused(
    world: World,
    make: type[Connection],
    renewed: bool,  # noqa: FBT001 - a parameter's value
) -> None:
    """A renewal must not outlive the revocation that it raced with."""
    await world.writer.call(open_session(world, "s1"))
    ada = await world.live("ada", make=make, tokens={"t": session(world, "s1")})
    world.held.hold = "answer"
    ada.says("auth", token="t")
    await until(lambda: world.held.held)
    await world.writer.call(end_session(world, "s1"))
    world.held.release()
    answer = await ada.hears("auth", "error")
    assert (answer["type"] == "auth") == renewed
    if not renewed:
        assert answer["code"] == "auth_revoked"
        assert ada.seat.credential.id == "jti-ada"


async def test_demotion_during_a_renewal_counts(world: World) -> None:
    """The older answer of the database does not give the role back."""
    ada = await world.live("ada", tokens={"t": world.people["ada"]})
    world.held.hold = "answer"
    ada.says("auth", token="t")
    await until(lambda: world.held.held)
    await world.writer.call(world.set_role("ada", Role.READER))
    world.held.release()
    await ada.hears("auth")
    assert ada.seat.access.role is Role.READER
    assert len(ada.socket.said_of("role")) == 1
