"""`itemroom serve APP`: an application with rooms in it, on our own server."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import api
from api.wire.hosts import HostError, load_host
from tests.databases import values_in, variables
from tests.docs.test_examples import read_until, running
from tests.process import ITEMROOM

pytestmark = pytest.mark.anyio

SHOP = """
from pathlib import Path

from fastapi import FastAPI
from itemroom_server import Caller, Itemroom

def identify(connection):
    return None if Path("signed-out").exists() else Caller("1", "Ada", ttl=3)

rooms = Itemroom(identify=identify, **DATABASE)
app = FastAPI(lifespan=rooms.lifespan)
app.mount("/live/rooms", rooms)

@app.post("/say")
async def say(text: str) -> int:
    await rooms.put_member("order-17", "1", "writer")
    return (await rooms.publish("order-17", text)).seq

asleep = FastAPI()
asleep.mount("/rooms", rooms)
bare = FastAPI()
"""


def make_user(folder: Path) -> int:
    """By an operator's command, which finds the server by its database."""
    create = [ITEMROOM, "user", "create", "eve", "--no-password"]
    database = variables(values_in(folder))
    return subprocess.run(list(map(str, create)), cwd=folder, env=database, check=False).returncode


async def read_all(socket: ClientConnection) -> None:
    """Until it is closed."""
    while True:
        await socket.recv()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where somebody's application is."""
    (tmp_path / "somebodys_shop.py").write_text(f"DATABASE = {values_in(tmp_path)}\n{SHOP}")
    return tmp_path


async def test_application_is_served_with_its_rooms_on_our_wire(folder: Path) -> None:
    """Its own routes, its rooms, operators' commands; on SIGTERM clients are told to come back."""
    serve = (ITEMROOM, "serve", "somebodys_shop", "--port", "0")
    with running(*serve, stderr=subprocess.STDOUT, folder=folder) as server:
        found = re.search(r"http://127\.0\.0\.1:\d+", read_until(server, "serving"))
        assert found is not None
        with httpx2.Client(base_url=found[0], trust_env=False) as client:
            assert client.post("/say", params={"text": "hello"}).json() == 2
        assert make_user(folder) == 0
        url = f"{found[0].replace('http', 'ws')}/live/rooms/items/order-17/ws"
        async with connect(url, proxy=None) as socket:
            welcome = json.loads(await socket.recv())
            assert (welcome["type"], welcome["you"]["name"]) == ("welcome", "Ada")
            server.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                await read_all(socket)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "restart")
        assert server.wait(20) == 0


async def test_application_is_asked_again_of_sockets_on_our_wire(folder: Path) -> None:
    """As under any other server, before its answer ends."""
    serve = (ITEMROOM, "serve", "somebodys_shop", "--port", "0")
    with running(*serve, stderr=subprocess.STDOUT, folder=folder) as server:
        found = re.search(r"http://127\.0\.0\.1:\d+", read_until(server, "serving"))
        assert found is not None
        httpx2.post(f"{found[0]}/say", params={"text": "hello"}, trust_env=False)
        url = f"{found[0].replace('http', 'ws')}/live/rooms/items/order-17/ws"
        async with connect(url, proxy=None) as socket:
            assert json.loads(await socket.recv())["type"] == "welcome"
            (folder / "signed-out").touch()
            with pytest.raises(ConnectionClosed) as closed:
                await read_all(socket)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "auth_revoked")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("somebodys_shop:bare", "has no rooms: mount them"),
        ("somebodys_shop:asleep", "lifespan=rooms.lifespan"),
    ],
)
def test_application_that_cannot_be_served_is_refused_with_a_sentence(
    folder: Path, name: str, sentence: str
) -> None:
    """What is missing, and how to put it there."""
    serve = [ITEMROOM, "serve", name, "--port", "0"]
    run = subprocess.run(
        list(map(str, serve)), cwd=folder, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert sentence in run.stderr
    assert "Traceback" not in run.stderr


def test_wrong_place_is_refused_as_without_an_application(folder: Path) -> None:
    """The application's settings are checked together with what was asked for."""
    serve = [ITEMROOM, "serve", "somebodys_shop", "--host", "0.0.0.0"]
    run = subprocess.run(
        list(map(str, serve)), cwd=folder, capture_output=True, text=True, check=False
    )
    assert (run.returncode, "ITEMROOM_PUBLIC_URL" in run.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("somebodys_nothing:app", "cannot be loaded"),
        ("somebodys_shop:nothing", "cannot be loaded"),
        ("somebodys_shop:bare", "has no rooms: mount them"),
        ("somebodys_shop:rooms", "has no rooms: mount them"),
    ],
)
def test_name_without_rooms_is_told_what_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    """Before anything is started."""
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setitem(sys.modules, "itemroom_server", api)
    monkeypatch.delitem(sys.modules, "somebodys_shop", raising=False)
    with pytest.raises(HostError, match=sentence):
        load_host(name)


def test_module_is_found_beside_whoever_asks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice, and the path of modules grows once."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    for _ in range(2):
        with pytest.raises(HostError, match="cannot be loaded"):
            load_host("somebodys_nothing")
    assert sys.path.count("") == 1
