import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.history.entries import Author
from api.nodes import broker as module
from api.nodes.broker import Broker
from api.nodes.carrier import BrokenCarrierError
from api.nodes.hearing import Hearing
from api.nodes.hints import EVERYBODY, Beat, PresenceChanged, RightsChanged, Signalled, encode
from tests.nodes.fakes import Ether, FakeCarrier, Recorded, until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def listening(broker: Broker) -> AsyncIterator[Recorded]:
    recorded = Recorded()
    broker.start(recorded)
    try:
        yield recorded
    finally:
        await broker.close()


async def test_hint_reaches_nodes_that_have_asked_for_its_item() -> None:
    """And not the node that told it, nor one that has asked for it no longer."""
    ether = Ether()
    ada, bob = ether.broker("a"), ether.broker("b")
    bob.subscribe(7)
    bob.subscribe(8)
    bob.unsubscribe(8)
    async with listening(ada) as by_ada, listening(bob) as by_bob:
        await until(lambda: bob.is_confirmed(7) and ada.is_up)
        ada.subscribe(7)
        await until(lambda: ada.is_confirmed(7))
        ada.send([PresenceChanged(7), PresenceChanged(8), PresenceChanged(9)])
        ada.send([RightsChanged(user_key=3)])
        await until(lambda: len(by_bob.hints) == 2)
        assert by_bob.hints == [PresenceChanged(7), RightsChanged(user_key=3)]
        assert by_bob.items == [EVERYBODY, 7]
        assert by_ada.hints == []
        assert bob.counts["heard"] == 2
        assert ada.counts["sent"] >= 4
        assert (by_ada.gaps, by_bob.gaps, ada.counts["dropped"]) == (0, 0, 0)
        await until(lambda: ada.lag > 0)
    assert not ether.carriers


async def test_carrier_that_breaks_is_made_anew_and_counts_as_a_gap() -> None:
    """What is told meanwhile is dropped and counted; subscriptions are asked for again."""
    ether = Ether()
    ada, bob = ether.broker("a"), ether.broker("b")
    bob.subscribe(7)
    async with listening(ada), listening(bob) as by_bob:
        await until(lambda: ada.is_up and bob.is_confirmed(7))
        ether.is_broken = True
        ether.cut()
        await until(lambda: by_bob.gaps >= 2 and not ada.is_up)
        assert not bob.is_confirmed(7)
        bob.subscribe(8)
        ada.send([PresenceChanged(7)])
        assert ada.counts["dropped"] == 1
        ether.is_broken = False
        await until(lambda: ada.is_up and bob.is_confirmed(8) and bob.is_confirmed(7))
        ada.send([PresenceChanged(8)])
        await until(lambda: by_bob.hints)
        assert by_bob.hints == [PresenceChanged(8)]


async def test_carrier_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No error shows that it is stuck, but for its own beats; the log says so once, and the end."""
    monkeypatch.setattr(module, "SILENCE", 0.05)
    monkeypatch.setattr(module, "BEAT_INTERVAL", 0.01)
    ether = Ether()
    ada = ether.broker("a")
    with caplog.at_level(logging.WARNING, "itemroom.nodes"):
        async with listening(ada) as by_ada:
            await until(lambda: ada.lag > 0)
            ether.is_silent = True
            await until(lambda: by_ada.gaps)
            ether.is_silent = False
            await until(lambda: len(caplog.messages) == 2)
    assert "ether: nodes are told later: it has said nothing" in caplog.messages[0]
    assert "over after" in caplog.messages[1]


async def test_carrier_that_cannot_be_opened_in_time_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why, although the deadline has no words for it."""
    monkeypatch.setattr(module, "OPEN_TIMEOUT", 0.01)
    monkeypatch.setattr(FakeCarrier, "open", lambda _: asyncio.sleep(3600))
    ada = Ether().broker("a")
    async with listening(ada) as by_ada:
        await until(lambda: by_ada.gaps)
    assert "ether: nodes are told later: it has not answered in time" in caplog.text


async def test_second_confirmation_counts_as_a_gap() -> None:
    """The carrier has connected by itself: what was told in between is lost."""
    ether = Ether()
    ada = ether.broker("a")
    ada.subscribe(7)
    async with listening(ada) as by_ada:
        await until(lambda: ada.is_confirmed(7))
        (carrier,) = ether.carriers
        carrier.confirmed(7)
        assert by_ada.gaps == 1
        carrier.confirmed(99)  # Of what has been left meanwhile.
        assert by_ada.items == [EVERYBODY, 7, 7]


async def test_what_is_too_much_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits, and memory is bounded; what is too large for the carrier goes nowhere."""
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    ether = Ether()
    ada = ether.broker("a")
    async with listening(ada):
        await until(lambda: ada.lag > 0)
        ada.send([PresenceChanged(7)] * 4)
        assert ada.counts["dropped"] == 4
        ada.send([Signalled(7, Author(3, "u-ada", "Ada"), "n", b"x" * 20_000)])
        await until(lambda: ada.counts["dropped"] == 5)


async def test_foreign_bytes_and_old_beats_are_ignored() -> None:
    """Anybody may write to a channel; a beat that comes late says nothing of now."""
    ether = Ether()
    ada = ether.broker("a")
    async with listening(ada) as by_ada:
        await until(lambda: ada.lag > 0)
        (carrier,) = ether.carriers
        carrier.heard(b"?")
        carrier.heard(encode(Beat(-1), "a", bodies=True))
        carrier.heard(encode(Beat(1), "b", bodies=True))
        assert by_ada.hints == []


async def test_bug_of_a_carrier_is_logged_and_survived(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next carrier may do better."""
    ether = Ether()
    ada = ether.broker("a")

    async def fail(self: FakeCarrier) -> None:
        monkeypatch.undo()
        raise ValueError("a bug")

    monkeypatch.setattr(FakeCarrier, "open", fail)
    async with listening(ada):
        await until(lambda: ada.is_up)
    assert "a bug" in caplog.text


async def test_pauses_grow_while_nothing_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is down is not asked all the time; one that comes back is found."""
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.002)
    ether = Ether()
    ether.is_broken = True
    ada = ether.broker("a")
    async with listening(ada) as by_ada:
        await until(lambda: by_ada.gaps > 3)
        ether.is_broken = False
        await until(lambda: ada.is_up)


def test_whoever_fails_leaves_the_others_their_news(caplog: pytest.LogCaptureFixture) -> None:
    """One bug is not everybody's, and not the connection's."""
    hearing, heard = Hearing(), Recorded()

    def fail(*_: object) -> None:
        raise BrokenCarrierError("no")

    hearing.on(PresenceChanged, fail)
    hearing.on(PresenceChanged, heard.heard)
    hearing.on_confirmed(heard.confirmed)
    hearing.on_gap(heard.gap)
    hearing.heard(PresenceChanged(7))
    hearing.heard(RightsChanged(7))
    hearing.confirmed(7)
    hearing.gap()
    assert (heard.hints, heard.items, heard.gaps) == ([PresenceChanged(7)], [7], 1)
    assert "not acted on" in caplog.text
