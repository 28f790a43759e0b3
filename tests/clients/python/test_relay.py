"""What sends an outbox's messages, whatever fails, and however many of it there are."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from itemroom import Client, Refused, outbox, relay
from itemroom.outbox import Outgoing, publish
from itemroom.relay import End, Relay
from tests.clients.python.shop import all_sent, bodies, left
from tests.deadlines import scaled
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio


async def test_two_relays_and_one_that_could_not_mark_publish_once(
    engine: Engine, shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored before the relay died is sent again, and known again."""
    with Session(engine) as session, session.begin():
        for number in range(20):
            publish(session, "order-1", number)
    with monkeypatch.context() as dying:
        dying.setattr(relay, "_mark", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await Relay(engine, shop).send()
    assert bodies(shop, "order-1") == list(range(20))
    await asyncio.gather(*(all_sent(engine, Relay(engine, shop)) for _ in range(2)))
    assert bodies(shop, "order-1") == list(range(20))
    assert [seq for _, seq, _ in left(engine)] == [
        entry.seq for entry in shop.log("order-1") if entry.type == "message"
    ]


async def test_message_refused_for_good_delays_no_other_and_is_kept(
    engine: Engine, shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until somebody has seen to the reason, and has it sent again."""
    monkeypatch.setattr(relay, "CLEANING", 0)
    with Session(engine) as session, session.begin():
        publish(session, "order-9", "too early")
        publish(session, "order-1", "in time")
    sender = Relay(engine, shop, keep=-1)
    assert await sender.send() == 2
    assert left(engine) == [("order-9", None, "item_not_found")]
    shop.create_item("order-9")
    with engine.begin() as connection:
        assert outbox.retry(connection) == 1
    await sender.send()
    assert bodies(shop, "order-9") == ["too early"]
    assert left(engine) == []


async def test_everything_waits_while_the_server_takes_nothing(
    engine: Engine, shop: Client, server: LiveServer
) -> None:
    """In the order in which it was published, for as long as it takes."""
    with Session(engine) as session, session.begin():
        for number in range(3):
            publish(session, "order-1", number)
    for url, token, code in (
        ("http://127.0.0.1:9", shop.token, "unreachable"),
        (server.url, "wrong", "auth_invalid"),
    ):
        with Client(url, token=token) as one, pytest.raises(Refused, match=code):
            await Relay(engine, one).send()
    assert {seq for _, seq, _ in left(engine)} == {None}
    await all_sent(engine, Relay(engine, shop))
    assert bodies(shop, "order-1") == [0, 1, 2]


class Flaky(Client):
    """Fails at first, with each of these."""

    failures: Sequence[Exception] = ()

    def publish(
        self, item: str, body: object, *, ref: str | None = None, as_: str | None = None
    ) -> Any:
        if self.failures:
            failure, *self.failures = self.failures
            raise failure
        return super().publish(item, body, ref=ref, as_=as_)


async def until(condition: Callable[[], object]) -> None:
    """Wait for it."""

    def is_so() -> bool:
        # What it returns may change, as a set that is filled: it counts as it was in the thread.
        return bool(condition())

    async with asyncio.timeout(scaled(20)):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(0.01)


async def test_relay_goes_on_after_failures_of_either_side(
    engine: Engine, shop: Client, server: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    """And after what nobody has foreseen. It says so, without what is in the messages."""
    with Flaky(server.url, token=shop.token) as flaky:
        flaky.failures = (
            Refused("draining", retry="later", retry_after=0.01),
            Refused("draining", retry="later"),
            KeyError("a secret"),
        )
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE itemroom_outbox RENAME TO away"))
        async with Relay(engine, flaky, interval=0.01):
            await until(lambda: "the outbox waits" in caplog.text)
            with engine.begin() as connection:
                connection.execute(text("ALTER TABLE away RENAME TO itemroom_outbox"))
                publish(connection, "order-1", "a secret")
            await until(lambda: bodies(shop, "order-1"))
    assert caplog.text.count("draining") == 2
    assert "KeyError" in caplog.text
    assert "raise failure" in caplog.text  # The place.
    assert "a secret" not in caplog.text


class Gated(Client):
    """Publishes, or refuses to, and answers for some items only when its gate is open."""

    def __init__(
        self, url: str, token: str | None, *items: str, refusal: Refused | None = None
    ) -> None:
        super().__init__(url, token=token)
        self.gated, self.refusal = items, refusal
        self.held: set[str] = set()
        self.gate = threading.Event()

    def publish(
        self, item: str, body: object, *, ref: str | None = None, as_: str | None = None
    ) -> Any:
        answer = super().publish(item, body, ref=ref) if self.refusal is None else None
        if item in self.gated:
            self.held.add(item)
            assert self.gate.wait(scaled(10))
        if self.refusal is not None:
            raise self.refusal
        return answer


async def test_failure_in_one_item_leaves_nothing_running_in_another(
    engine: Engine, shop: Client, server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that one has sent is marked by then."""
    with Session(engine) as session, session.begin():
        for item in ("order-1", "order-2"):
            publish(session, item, item)
    with Gated(server.url, shop.token, "order-2") as gated:
        mark = relay._mark

        def failing(connection: Connection, *, ends: Sequence[End]) -> None:
            if not gated.gate.is_set():
                gated.gate.set()
                raise OperationalError("UPDATE", {}, Exception("away"))
            mark(connection, ends=ends)

        monkeypatch.setattr(relay, "_mark", failing)
        before = asyncio.all_tasks()
        with pytest.raises(OperationalError):
            await Relay(engine, gated).send()
        assert asyncio.all_tasks() == before
    assert [seq is None for _, seq, _ in left(engine)] == [True, False]


async def test_item_of_which_nothing_has_ended_costs_no_transaction(
    engine: Engine, shop: Client, server: LiveServer
) -> None:
    """While the server takes nothing, only what waits is read; and what is old is looked for."""
    with Session(engine) as session, session.begin():
        for item in ("order-1", "order-2"):
            publish(session, item, item)
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    with Client(server.url, token="wrong") as stranger:
        sender = Relay(engine, stranger)
        for expected in (2, 3):
            with pytest.raises(Refused):
                await sender.send()
            assert len(commits) == expected


async def test_what_one_relay_has_stored_is_not_refused_by_another(
    engine: Engine, shop: Client, server: LiveServer
) -> None:
    """Whichever of them marks it first; they have read the same rows."""
    with Session(engine) as session, session.begin():
        for item in ("order-1", "order-2"):
            publish(session, item, item)
    forbidden = Refused("forbidden")
    with (
        Gated(server.url, None, "order-1", "order-2", refusal=forbidden) as refuser,
        Gated(server.url, shop.token, "order-1") as storer,
    ):
        refusing = asyncio.create_task(Relay(engine, refuser).send())
        await until(lambda: len(refuser.held) == 2)
        storing = asyncio.create_task(Relay(engine, storer).send())
        await until(lambda: storer.held and left(engine)[1][1])
        refuser.gate.set()
        await refusing
        assert [code for _, _, code in left(engine)] == ["forbidden", None]
        storer.gate.set()
        await storing
    assert [(seq is None, code) for _, seq, code in left(engine)] == [(False, None)] * 2


async def test_rows_are_kept_for_a_while_after_they_were_sent(
    engine: Engine, shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then they are deleted, some at a time; what was refused, or waits, stays."""
    monkeypatch.setattr(relay, "CLEANED", 2)
    with engine.begin() as connection:
        for age, seq, refused in (
            *[(7200, 1, None)] * 5,
            (1800, 2, None),
            (7200, None, "forbidden"),
        ):
            row = {"item": "order-1", "ref": "r", "body": "1", "created_at": 0}
            ended = {"ended_at": relay._now() - age * 1000, "seq": seq, "refused": refused}
            connection.execute(insert(Outgoing).values(row | ended))
    sender = Relay(engine, shop, keep=3600)
    counts = []
    for _ in range(4):
        await sender.send()
        counts.append(len(left(engine)))
    assert counts == [5, 3, 2, 2]
    assert [seq for _, seq, _ in left(engine)] == [2, None]
    # All of them: the next look is a minute away.
    assert await Relay(engine, shop, keep=-1).send() == 0
    assert left(engine) == [("order-1", None, "forbidden")]


@pytest.mark.parametrize(
    "body",
    ["{", '"\\ud800"', "NaN", "[" * 100_000, "9007199254740993"],
    ids=["cut", "surrogate", "nan", "deep", "integer"],
)
async def test_row_that_no_server_could_take_is_refused(
    engine: Engine, shop: Client, body: str
) -> None:
    """Another hand has written it; those behind it are sent."""
    values = {"item": "order-1", "ref": "r", "body": body, "created_at": 0}
    with engine.begin() as connection:
        connection.execute(insert(Outgoing).values(values))
        publish(connection, "order-1", 1)
    assert await Relay(engine, shop).send() == 2
    assert [code for _, _, code in left(engine)] == ["bad_message", None]
    assert bodies(shop, "order-1") == [1]
