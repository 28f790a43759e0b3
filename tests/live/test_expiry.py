"""Credentials that end: by their own time, revoked, or while they are taken on."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from api.history.events import CredentialsEnded
from api.history.transaction import Transaction
from api.live.expiry import _MARGIN_MS, LOOK_INTERVAL, Expiries
from api.live.item_connection import ItemConnection
from api.rights.access import Credential, Principal, Role, clock_ms
from tests.databases import execute
from tests.live.fakes import JumpingLoop, run_jumping
from tests.live.test_rights import HastyConnection
from tests.live.world import World, until

pytestmark = pytest.mark.anyio


class Guest:
    """Notes what it is told, and when."""

    def __init__(self, loop: JumpingLoop, *, fails: bool = False) -> None:
        self._loop = loop
        self._fails = fails
        self.told: list[tuple[str, float]] = []

    def expires_soon(self, seconds: float) -> None:
        self.told.append((f"soon {seconds:.0f}", self._loop.time()))
        if self._fails:
            raise RuntimeError("an encoder that fails")

    def expired(self) -> None:
        self.told.append(("expired", self._loop.time()))

    def heard(self, what: str, at: float) -> bool:
        """Whether it was told this once, not before its time and at most a look later."""
        times = [when for told, when in self.told if told == what]
        return len(times) == 1 and at <= times[0] <= at + LOOK_INTERVAL + 0.01


def watching(act: Callable[[JumpingLoop, Expiries], Coroutine[Any, Any, None]]) -> None:
    """Run a test with a notice of 30 seconds, in a time that jumps."""

    async def main(loop: JumpingLoop) -> None:
        loop.jump(1000)
        await act(loop, Expiries(notice=30, clock=lambda: int(loop.time() * 1000)))

    run_jumping(main)


def test_each_credential_ends_in_its_own_time() -> None:
    """Whoever comes first, and however many end within one look."""

    async def act(loop: JumpingLoop, expiries: Expiries) -> None:
        ends = {1300.0: 5, 1060.0: 1, 1060.1: 2, 1020.0: 1, 1200.0: 1}
        guests = [(Guest(loop), end) for end, count in ends.items() for _ in range(count)]
        for guest, end in guests:
            expiries.watch(guest, round(end * 1000))
            assert len(loop.timers) == 1
        await asyncio.sleep(400)
        for guest, end in guests:
            assert [told for told, _ in guest.told][1:] == ["expired"]
            assert guest.heard("expired", end)
            assert 0 <= guest.told[0][1] - max(end - 30, 1000) <= LOOK_INTERVAL + 0.01

    watching(act)


def test_many_that_end_at_nearly_the_same_time_share_a_look() -> None:
    """Each of them would else have all others looked at."""

    async def act(loop: JumpingLoop, expiries: Expiries) -> None:
        guests = [Guest(loop) for _ in range(100)]
        for number, guest in enumerate(guests):
            expiries.watch(guest, 1_040_000 + number)
        await asyncio.sleep(60)
        for what in ("soon 30", "expired"):
            times = {when for guest in guests for told, when in guest.told if told == what}
            assert len(times) == 2
        assert all(guest.heard("expired", 1040 + n / 1000) for n, guest in enumerate(guests))

    watching(act)


def test_last_that_is_forgotten_leaves_no_timer() -> None:
    """Nor is anybody told of a credential that does not count any more."""

    async def act(loop: JumpingLoop, expiries: Expiries) -> None:
        gone, renewed, endless = (Guest(loop) for _ in range(3))
        for guest in (gone, renewed, endless):
            expiries.watch(guest, 1_050_000)
        expiries.forget(gone)
        expiries.watch(endless, None)
        expiries.watch(renewed, 1_100_000)
        await asyncio.sleep(60)
        assert (gone.told, renewed.told, endless.told) == ([], [], [])
        await asyncio.sleep(60)
        assert [told for told, _ in renewed.told] == ["soon 30", "expired"]
        expiries.forget(renewed)

    watching(act)


def test_credential_renewed_in_the_turn_of_its_end_goes_on() -> None:
    """What had been found to be due is asked again when its holder is told."""

    async def act(loop: JumpingLoop, expiries: Expiries) -> None:
        guest = Guest(loop)
        expiries.watch(guest, 1_010_000)
        await asyncio.sleep(9)
        loop.call_later(1 + _MARGIN_MS / 1000, expiries.watch, guest, 1_500_000)
        await asyncio.sleep(100)
        assert [told for told, _ in guest.told] == ["soon 10"]
        expiries.forget(guest)

    watching(act)


def test_holder_that_fails_does_not_keep_others_from_their_ends() -> None:
    """The event loop hears of the failure."""

    async def act(loop: JumpingLoop, expiries: Expiries) -> None:
        failures: list[object] = []
        loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
        guests = [Guest(loop, fails=True), Guest(loop)]
        for guest in guests:
            expiries.watch(guest, 1_050_000)
        await asyncio.sleep(60)
        for guest in guests:
            assert [told for told, _ in guest.told] == ["soon 30", "expired"]
        assert len(failures) == 1

    watching(act)


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
        execute(tx.connection, sql, name, name, world.people["ada"].user_key)

    return act


def end_session(world: World, name: str) -> Callable[[Transaction], None]:
    def act(tx: Transaction) -> None:
        execute(tx.connection, "DELETE FROM session WHERE id = ?", name)
        key = world.people["ada"].user_key
        tx.emit(CredentialsEnded(key, ids=frozenset({name})))

    return act


@pytest.mark.parametrize(
    ("make", "renewed"),
    [(ItemConnection, False), pytest.param(HastyConnection, True, id="negative control")],
)
async def test_credential_that_ends_while_it_is_taken_on_is_refused(
    world: World,
    make: type[ItemConnection],
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
        assert ada.seat.principal.credential.id == "jti-ada"


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
