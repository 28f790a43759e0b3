"""`itemroom relay`: what an application's transactions have left, whatever is killed meanwhile."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, select
from sqlalchemy.orm import Session

from itemroom import outbox
from tests.cli.commands import Command
from tests.conftest import Serve
from tests.process import ITEMROOM, PATIENCE
from tests.programs.postgresql import Cluster
from tests.programs.waiting import until
from tests.serving import Person

ITEM = "order-17"
INTERRUPTED = 130
ORDERS = Table("orders", MetaData(), Column("number", Integer, primary_key=True))
# An application: each of its transactions has a row of its own and a message, or neither.
APPLICATION = """
import sys, random, time
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from itemroom.outbox import publish
from tests.cli.test_relaying import ITEM, ORDERS
engine = create_engine(sys.argv[1])
chance = random.Random(int(sys.argv[2]))
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 1000):
    with Session(engine) as session:
        session.execute(ORDERS.insert().values(number=number))
        publish(session, ITEM, number)
        if chance.random() < 0.7:
            session.commit()
    time.sleep(0.01)
"""


@pytest.fixture
def ada(serve: Serve, home: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """The admin of order-17, whose token is in the environment."""
    server = serve(publish_rate=0)
    ada = server.person("ada")
    ada.create(ITEM)
    monkeypatch.setenv("ITEMROOM_URL", server.url)
    monkeypatch.setenv("ITEMROOM_TOKEN", ada.token)
    return ada


@pytest.fixture
def shop(request: pytest.FixtureRequest, home: Path) -> Iterator[Engine]:
    """The application's database."""
    url = f"sqlite:///{home / 'shop.db'}"
    if getattr(request, "param", "sqlite") == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.database().replace("postgresql:", "postgresql+psycopg:", 1)
    engine = create_engine(url)
    outbox.metadata.create_all(engine)
    ORDERS.metadata.create_all(engine)
    yield engine
    engine.dispose()


def url(shop: Engine) -> str:
    return shop.url.render_as_string(hide_password=False)


def bodies(person: Person) -> list[Any]:
    """Of all messages in the log."""
    found: list[Any] = []
    after = 0
    while True:
        path = f"/items/{ITEM}/log?after={after}&limit=100"
        entries = person.call("GET", path).json()["entries"]
        found += [entry["body"] for entry in entries if entry["type"] == "message"]
        if not entries:
            return found
        after = entries[-1]["seq"]


def test_what_waits_is_sent_once(itemroom: Command, ada: Person, shop: Engine) -> None:
    """However often the command runs."""
    with Session(shop) as session:
        outbox.publish(session, ITEM, {"text": "paid"})
        session.commit()
    for _ in range(2):
        assert itemroom.done("relay", "--database-url", url(shop), "--once") == ""
    assert bodies(ada) == [{"text": "paid"}]


def test_what_keeps_it_from_sending_is_said(
    itemroom: Command, ada: Person, shop: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence, which shows no password."""
    assert "no table" in itemroom.failed("relay", "--database-url", f"sqlite:///{home / 'x.db'}")
    for wrong, sentence in (
        ("secret nonsense", "none of SQLAlchemy's: ArgumentError."),
        ("oracle+missing://u:secret@h/db", "none of SQLAlchemy's: NoSuchModuleError."),
        ("postgresql+psycopg://u:secret@127.0.0.1:9/db", "cannot be read"),
    ):
        said = itemroom.failed("relay", "--database-url", wrong)
        assert sentence in said
        assert "secret" not in said
    with Session(shop) as session:
        outbox.publish(session, ITEM, 1)
        session.commit()
    monkeypatch.setenv("ITEMROOM_URL", "http://127.0.0.1:9")
    itemroom.failed("relay", "--database-url", url(shop), "--once")
    monkeypatch.setenv("ITEMROOM_TOKEN", " ")
    assert "token is needed" in itemroom.failed("relay", "--database-url", url(shop), "--once")


@pytest.mark.parametrize("shop", ["sqlite", "postgresql"], indirect=True)
def test_entry_is_there_if_and_only_if_its_transaction_committed(ada: Person, shop: Engine) -> None:
    """The application and the relay are killed at random, again and again; two relays at a time."""
    chance = random.Random(11)
    relay = (ITEMROOM, "relay", "--database-url", url(shop))
    relays = [start(*relay) for _ in range(2)]
    try:
        for life in range(3):
            application = start(sys.executable, "-c", APPLICATION, url(shop), str(life * 1000))
            until(partial(has_more, shop, len(committed(shop)) + 3))
            time.sleep(chance.uniform(0, 0.2))
            kill(application)
            kill(relays[life % 2])
            relays[life % 2] = start(*relay, measured=True)
        numbers = committed(shop)
        until(lambda: len(bodies(ada)) >= len(numbers))
        # The older one: in its first moments a Python is not yet asked.
        relays[1].send_signal(signal.SIGINT)
        assert relays[1].wait(PATIENCE) == INTERRUPTED
    finally:
        for one in relays:
            kill(one)
    assert bodies(ada) == numbers
    assert len(numbers) > 10


def has_more(shop: Engine, count: int) -> bool:
    return len(committed(shop)) > count


def start(*command: str | Path, measured: bool = False) -> "subprocess.Popen[bytes]":
    """A program; one that is going to be killed has no coverage to give, and starts faster."""
    root = Path(__file__).parents[2]
    foreign = () if measured else ("COVERAGE_PROCESS_",)
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return subprocess.Popen(command, env=env | {"PYTHONPATH": str(root)}, cwd=root)


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)


def committed(shop: Engine) -> Sequence[int]:
    """The numbers of all transactions that did."""
    with shop.connect() as connection:
        return connection.scalars(select(ORDERS.c.number).order_by(ORDERS.c.number)).all()
