"""`itemroom epoch renew`: clients that come back are told that their past is gone."""

import subprocess
from pathlib import Path

import pytest

from api.store import epochs
from tests.cli.commands import Command
from tests.conftest import Serve
from tests.databases import SECRET
from tests.programs.postgresql import Cluster
from tests.serving import Person

pytestmark = pytest.mark.anyio


async def cursor(person: Person, item_id: str) -> dict[str, object]:
    """Where a client is that has seen everything."""
    async with person.room(item_id) as talk:
        return {"after": talk.welcome["head"], "epoch": talk.welcome["epoch"]}


async def recovers(person: Person, item_id: str, **seen: object) -> bool:
    """Whether a client that has seen so much goes on from there."""
    async with person.room(item_id, **seen) as talk:
        return bool(talk.welcome["recovered"])


async def test_clients_of_the_named_items_begin_anew(itemroom: Command, serve: Serve) -> None:
    """And of no other; what is in the logs stays."""
    server = serve()
    ada = server.person("ada")
    seen = {}
    for item_id in ("order-17", "order-18"):
        ada.create(item_id)
        ada.publish(item_id, "hello")
        seen[item_id] = await cursor(ada, item_id)
    assert "holds this database" in itemroom.failed("epoch", "renew", "--all")
    server.stop()
    said = itemroom.done("epoch", "renew", "order-17")
    assert said.endswith(": 1 logs have a new epoch\n")
    ada.server = serve()
    assert not await recovers(ada, "order-17", **seen["order-17"])
    assert await recovers(ada, "order-18", **seen["order-18"])
    assert (await cursor(ada, "order-17"))["after"] == 1


async def test_all_logs_get_an_epoch_of_their_own(
    itemroom: Command, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pages of them there are."""
    monkeypatch.setattr(epochs, "PAGE", 2)
    server = serve()
    ada = server.person("ada")
    ids = [f"order-{number}" for number in range(3)]
    for item_id in ids:
        ada.create(item_id)
    before = [(await cursor(ada, item_id))["epoch"] for item_id in ids]
    server.stop()
    assert ": 3 logs have" in itemroom.done("epoch", "renew", "--all")
    ada.server = serve()
    after = [(await cursor(ada, item_id))["epoch"] for item_id in ids]
    assert len({*before, *after}) == 6


async def test_clients_of_a_postgresql_that_was_put_back_are_told(
    itemroom: Command,
    serve: Serve,
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By pg_dump and pg_restore: as many entries as were lost take their places."""
    url, other = cluster.database(), cluster.database()
    server = serve(database_url=url, secret=SECRET)
    ada = server.person("ada")
    ada.create("order-17")
    ada.publish("order-17", "kept")
    dump = tmp_path / "dump"
    run(cluster, "pg_dump", "--format=custom", f"--file={dump}", url)
    ada.publish("order-17", "lost")
    seen = await cursor(ada, "order-17")
    server.stop()
    run(cluster, "pg_restore", f"--dbname={other}", "--exit-on-error", str(dump))
    monkeypatch.setenv("ITEMROOM_DATABASE_URL", other)
    monkeypatch.setenv("ITEMROOM_SECRET", SECRET)
    assert ": 1 logs have" in itemroom.done("epoch", "renew", "--all")
    ada.server = serve(database_url=other, secret=SECRET)
    assert ada.publish("order-17", "new")["seq"] == seen["after"]
    assert not await recovers(ada, "order-17", **seen)
    messages = ada.call("GET", "/items/order-17/messages").json()["messages"]
    assert [message["body"] for message in messages] == ["kept", "new"]


def run(cluster: Cluster, program: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs."""
    subprocess.run([cluster.programs / program, *arguments], check=True)


async def test_an_item_that_there_is_not_changes_nothing(itemroom: Command, serve: Serve) -> None:
    """Neither do the others that were named, before it or after."""
    server = serve()
    ada = server.person("ada")
    for item_id in ("order-17", "gone"):
        ada.create(item_id)
    ada.call("DELETE", "/items/gone")
    seen = await cursor(ada, "order-17")
    server.stop()
    for other in ("nowhere", "gone"):
        said = itemroom.failed("epoch", "renew", "order-17", other, code=1)
        assert f"There is no item {other}" in said
    ada.server = serve()
    assert await recovers(ada, "order-17", **seen)


@pytest.mark.parametrize("arguments", [(), ("order-17", "--all")])
def test_what_is_meant_must_be_said(itemroom: Command, arguments: tuple[str, ...]) -> None:
    """All logs by mistake would send all clients to their beginning."""
    assert "--all" in itemroom.failed("epoch", "renew", *arguments)
