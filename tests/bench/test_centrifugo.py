"""Centrifugo's words, against a server that speaks as it does; and what it is made of."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bench.load.answers import Narrator
from bench.load.connections import Client, connect, disconnect_all
from bench.load.growing import begin_texts, speak
from bench.load.resuming import come_back
from bench.load.room import Receiver, Tally
from bench.peers.centrifugo import Centrifugo, Channels
from bench.peers.peer import AbsentError, World
from bench.peers.postgres import Postgres
from bench.peers.redis import Redis
from tests.deadlines import scaled

TOKENS = [["t0", "t1"], ["t2", "t3"]]


class Node:
    """Remembers who came and what was said, and joins what it has to say in one frame."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.said: dict[str, list[str]] = {}
        self._members: dict[str, list[ServerConnection]] = {}

    async def serve(self, client: ServerConnection) -> None:
        """Answer until the client goes."""
        async for text in client:
            for line in str(text).splitlines():
                await self._obey(client, json.loads(line))

    async def _obey(self, client: ServerConnection, command: dict[str, dict[str, object]]) -> None:
        if "connect" in command:
            self.tokens.append(str(command["connect"]["token"]))
        elif entering := command.get("subscribe"):
            room = str(entering["channel"])
            missed = [{"data": body} for body in self.said.get(room, [])]
            told = missed if "recover" in entering else []
            self._members.setdefault(room, []).append(client)
            await self._say(
                client, {"id": 1, "connect": {}}, {"id": 2, "subscribe": {"publications": told}}
            )
        else:
            await self._publish(client, command)

    async def _publish(
        self, client: ServerConnection, command: dict[str, dict[str, object]]
    ) -> None:
        room, body = str(command["publish"]["channel"]), str(command["publish"]["data"])
        self.said.setdefault(room, []).append(body)
        push = {"push": {"channel": room, "pub": {"data": body}}}
        for member in self._members[room]:
            await self._say(member, push, push)
        await self._say(client, push, {"id": command["id"], "publish": {}})

    @staticmethod
    async def _say(client: ServerConnection, *messages: object) -> None:
        await client.send("\n".join(json.dumps(m, separators=(",", ":")) for m in messages))


@pytest.fixture
def node() -> Node:
    """A server that has heard nothing."""
    return Node()


@pytest.fixture
async def channels(node: Node) -> AsyncIterator[Channels]:
    """The words for the server."""
    async with serve(node.serve, "127.0.0.1", 0) as server:
        port: int = next(iter(server.sockets)).getsockname()[1]
        yield Channels([port], TOKENS, World(rooms=2, members=2))


@pytest.mark.anyio
async def test_each_message_of_a_frame_is_counted(channels: Channels) -> None:
    """Centrifugo joins what it has for a client: frames would make it look slow."""
    tally = Tally(2)
    receiver = await connect(channels.address(0, 0), partial(Receiver, channels, tally, 64))
    author = await connect(channels.address(0, 1, publishes=True), partial(Client, channels))
    tally.begin(author, "x" * 64, 1)
    async with asyncio.timeout(scaled(10)):
        while tally.count < 6:
            await asyncio.sleep(0.01)
    await tally.stop()
    assert tally.count % 2 == 0
    await disconnect_all([receiver, author])


@pytest.mark.anyio
async def test_text_grows_by_a_publication_for_each_piece(node: Node, channels: Channels) -> None:
    """Whatever shares their frame, the newest piece says how far a reader is."""
    speakers, readers = await begin_texts(channels, range(2))
    await speak(speakers, 100, 3)
    async with asyncio.timeout(scaled(10)):
        while any(len(reader.text.heard_at) < 3 for reader in readers):
            await asyncio.sleep(0.01)
    assert node.said["1"] == ["0000000 ", "0000001 ", "0000002 "]
    await disconnect_all([*speakers, *readers])


@pytest.mark.anyio
async def test_client_that_comes_back_is_told_what_it_missed(
    node: Node, channels: Channels
) -> None:
    """All in the answer to its command; in the room that it enters, with its own token."""
    narrator = await connect(channels.address(1, 0), partial(Narrator, channels, "x", 3))
    narrator.begin()
    await asyncio.wait_for(narrator.done, scaled(10))
    back, refusals = await come_back(channels.room_address(1, 1, after=0), channels)
    assert (back.entries, refusals) == (3, 0)
    assert node.tokens == ["t2", "t3"]
    await disconnect_all([narrator, back])


def test_id_of_a_command_has_32_bits_and_is_none_of_the_first() -> None:
    """Centrifugo closes on a longer one, and answers its first two with their ids."""
    words = Channels([1], TOKENS, World())
    ids = [json.loads(words.publish(0, "x", number))["id"] for number in (0, 2**31 - 1, 2**63 - 1)]
    assert min(ids) == 3
    assert max(ids) < 2**32


def test_server_has_one_core_history_and_tells_nobody(tmp_path: Path) -> None:
    """What is compared, in its own words."""
    peer = Centrifugo()
    (command,) = peer.commands(7, World(), tmp_path)
    config = json.loads((tmp_path / "centrifugo-7.json").read_text())
    assert command.environment == {"GOMAXPROCS": "1"}
    assert config["channel"]["without_namespace"]["force_recovery"] is True
    assert config["usage_stats"] == {"disabled": True}
    assert "broker" not in config


def test_nodes_on_one_redis_have_a_port_and_a_file_each(tmp_path: Path) -> None:
    """Redis first; who says something is at another node than who hears it."""
    peer, world = Centrifugo(Redis()), World(members=2, servers=2)
    redis, *nodes = peer.commands(7, world, tmp_path)
    configs = [
        json.loads((tmp_path / f"centrifugo-{node.port}.json").read_text()) for node in nodes
    ]
    addresses = {config["engine"]["redis"]["address"] for config in configs}
    assert addresses == {f"redis://127.0.0.1:{redis.port}"}
    assert [config["http_server"]["port"] for config in configs] == [str(n.port) for n in nodes]
    dialect = peer.dialect(7, world)
    urls = [dialect.address(0, member).url for member in range(2)]
    assert urls == [f"ws://127.0.0.1:{node.port}/connection/websocket" for node in nodes]


def test_machine_without_postgres_lacks_the_peer_that_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is used where it is found, and never required."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("bench.peers.postgres.ELSEWHERE", "nowhere/*")
    with pytest.raises(AbsentError, match="PostgreSQL is missing"):
        Centrifugo(Postgres()).install()


def test_machine_without_go_lacks_the_peer_that_is_made_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are measured all the same."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("bench.peers.install.PEERS", tmp_path)
    with pytest.raises(AbsentError, match="go: No such file"):
        Centrifugo().install()
