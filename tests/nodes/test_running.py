"""A server of many, as the application puts it together: what it tells, and what it counts."""

import asyncio
import time
from functools import partial

import httpx2
import pytest
from pydantic import SecretStr
from websockets.exceptions import InvalidStatus

from api.app import OPERATOR_TOKEN_TTL, running
from api.nodes import registry
from api.settings import Settings
from api.store.failures import DatabaseError, Held
from api.store.store import store_of
from tests.deadlines import scaled
from tests.nodes.fakes import until
from tests.nodes.serving import SECRET
from tests.programs.postgresql import Cluster
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


async def test_what_is_told_and_what_nobody_told_are_counted(
    cluster: Cluster,
) -> None:
    """A hint for what is stored, and a repair for a right that the database alone knew of."""
    settings = Settings(database_url=cluster.database(), secret=SecretStr(SECRET), port=0)
    with LiveServer(settings) as server:
        ada = server.person("ada")
        server.person("bob")
        ada.create("order-17")
        async with ada.room("order-17") as talk:
            await talk.publish("hello")
            ada.call("PUT", "/items/order-17/members/bob", json={"role": "reader"})
            await count(server, 'itemroom_hints_total{way="sent"}')
            await count(server, 'itemroom_repairs_total{what="rights"}')
        assert read(server, "itemroom_broker_up") == 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers look for each other more often than they have to."""
    monkeypatch.setattr(registry, "INTERVAL", 0.2)


async def test_each_server_shows_the_rooms_of_all(cluster: Cluster, quick: None) -> None:
    """To whoever runs one of them, at whichever somebody is."""
    settings = Settings(database_url=cluster.database(), secret=SecretStr(SECRET), port=0)
    with LiveServer(settings) as left, LiveServer(settings) as right:
        ada = left.person("ada")
        ada.create("order-17")
        token = left.state.tokens.issue("operator", use="operator", ttl=OPERATOR_TOKEN_TTL).token

        def rooms(server: LiveServer) -> object:
            headers = {"Authorization": f"Bearer {token}"}
            answer = httpx2.get(f"{server.url}/rooms", headers=headers, trust_env=False)
            return answer.json()["rooms"]

        async with ada.room("order-17"):
            seen = [{"item": "order-17", "users": 1, "connections": 1}]
            for server in (left, right):
                await until(partial(lambda server: rooms(server) == seen, server))
        await until(lambda: rooms(right) == [])


async def test_servers_know_each_other(cluster: Cluster, quick: None) -> None:
    """They share what an address may do, slow down who guesses by turns, and end in order."""
    url = cluster.database()
    settings = Settings(
        database_url=url,
        secret=SecretStr(SECRET),
        port=0,
        node_name="left",
        login_failures=1,
        handshake_burst=2,
    )
    with LiveServer(settings) as left:
        ada = left.person("ada")
        with LiveServer(settings.model_copy(update={"node_name": "right"})) as right:
            assert right.state.servers == 2
            await until(lambda: left.state.servers == 2)
            assert read(left, "itemroom_servers") == 2
            # The first wait is a second: on a busy machine that is over before it is asked for.
            right.state.login_throttle._clock = lambda: 0.0
            wrong = {"username": "ada", "password": "wrong and long enough"}
            assert httpx2.post(f"{left.url}/auth/token", data=wrong).status_code == 401
            await until(lambda: len(right.state.login_throttle))
            assert httpx2.post(f"{right.url}/auth/token", data=wrong).status_code == 429
            left.make_admin(ada)
            shown = ada.call("GET", "/status/servers").json()["servers"]
            assert [(one["name"], one["state"], one["is_this"]) for one in shown] == [
                ("left", "serving", True),
                ("right", "serving", False),
            ]
            right.state.drain()
            await until(lambda: shown_state(ada, "right") == "draining")
        await until(lambda: left.state.servers == 1)
    assert cluster.run("SELECT boot FROM node", url) == []


def shown_state(person: Person, name: str) -> str:
    shown = person.call("GET", "/status/servers").json()["servers"]
    state: str = next(one["state"] for one in shown if one["name"] == name)
    return state


async def test_user_with_too_many_connections_is_refused_at_every_server(
    cluster: Cluster, quick: None
) -> None:
    """Wherever they are connected."""
    settings = Settings(
        database_url=cluster.database(),
        secret=SecretStr(SECRET),
        port=0,
        connections_per_user=1,
        presence_grace=0,
    )
    with LiveServer(settings) as left, LiveServer(settings) as right:
        ada = left.person("ada")
        ada.create("order-17")
        elsewhere = Person(right, "ada", ada.id, ada.token)
        async with ada.room("order-17"):
            while (answer := tickets(elsewhere)).status_code != 429:
                await asyncio.sleep(0.05)
            assert answer.json()["code"] == "too_many_connections"
            with pytest.raises(InvalidStatus) as refused:
                async with elsewhere.room("order-17"):
                    pass
            assert refused.value.response.status_code == 429
        while tickets(elsewhere).status_code == 429:
            await asyncio.sleep(0.05)


def tickets(person: Person) -> httpx2.Response:
    return person.call("POST", "/items/order-17/tickets")


async def test_servers_that_commands_do_not_find_share_a_database(
    cluster: Cluster, quick: None
) -> None:
    """As several processes of an application that has rooms; a command stays out."""
    settings = Settings(database_url=cluster.database(), secret=SecretStr(SECRET))
    async with running(settings) as one, running(settings) as two:
        assert two.servers == 2
        await until(lambda: one.servers == 2)
        with pytest.raises(Held):
            store_of(settings).open()


async def test_server_with_another_secret_does_not_start(cluster: Cluster) -> None:
    """Its tokens and its hints would mean nothing to the others, nor theirs to it."""
    url = cluster.database()
    with LiveServer(Settings(database_url=url, secret=SecretStr(SECRET), port=0, node_name="a")):
        other = Settings(database_url=url, secret=SecretStr(SECRET[::-1]), port=0)
        with pytest.raises(DatabaseError, match=r"^a, a server that runs on this database, has"):
            async with running(other):
                pass


async def count(server: LiveServer, name: str) -> None:
    """Wait for the first."""
    deadline = time.monotonic() + scaled(10)
    while not read(server, name):
        assert time.monotonic() < deadline, name
        await asyncio.sleep(0.05)


def read(server: LiveServer, name: str) -> float:
    """A number of its `/metrics`; 0: it is not there yet."""
    lines = httpx2.get(f"{server.url}/metrics").text.splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
