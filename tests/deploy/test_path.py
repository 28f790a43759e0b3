"""A server on a path of another site: the shipped files with the changes that the page names."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.deploy.proxies import NAME, Proxy, running
from tests.docs.reading import OPERATIONS, blocks
from tests.process import Process
from tests.serving import PASSWORD, Talk

pytestmark = pytest.mark.anyio
# What stands before the change in either file, and whether the change takes its place.
ANCHORS = {
    "nginx": "    location / {\n",
    "haproxy": "    # In place of what the client wrote there.\n",
}


@pytest.fixture(scope="module", params=ANCHORS)
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A proxy that takes the path off, before a server that knows of it."""
    kind, folder = str(request.param), tmp_path_factory.mktemp("path")
    (change,) = blocks(OPERATIONS, kind, "path")
    if kind == "haproxy":
        change += ANCHORS[kind]
    url = f"https://{NAME}/rooms"
    with Process(folder, measured=False, public_url=url, trusted_proxies="127.0.0.1") as process:
        port = httpx2.URL(process.url).port
        assert port is not None
        changes = {ANCHORS[kind]: change}
        with running(kind, folder / kind, port, changes=changes) as proxy:
            yield proxy


async def test_rooms_below_a_path_are_whole(proxy: Proxy) -> None:
    """Accounts by the cookie, calls, a socket, the console's files and the documents."""
    ada = {"username": "ada", "password": PASSWORD}
    with proxy.client() as client:
        assert client.post("/rooms/auth/register", json=ada).status_code == 201
        assert client.post("/rooms/auth/login", json=ada).status_code == 200
        token = client.post("/rooms/auth/token", data=ada).json()["access_token"]
        assert client.post("/rooms/items", json={"id": "order-17"}).status_code == 201
        body = {"body": "hello"}
        assert client.post("/rooms/items/order-17/messages", json=body).status_code == 201
        made = client.post("/rooms/items/order-17/invites", json={"role": "reader"}).json()
        assert made["url"] == f"https://{NAME}/rooms/#/invite/{made['token']}"
        page = client.get("/rooms/").text
        files = re.findall(r'(?:src|href)="([^"#]+)"', page)
        assert files
        for file in files:
            found = client.get(str(httpx2.URL(f"https://{NAME}/rooms/").join(file).path))
            assert found.status_code == 200, file
        assert "/rooms/" in client.get("/rooms/openapi.json").json()["servers"][0]["url"] + "/"
        assert client.get("/items").status_code == 404  # Of the site, not of the rooms.
    url = f"wss://{NAME}/rooms/items/order-17/ws?token={token}"
    async with connect(
        url, host="127.0.0.1", port=proxy.port, ssl=proxy.trust, proxy=None
    ) as socket:
        assert (await Talk(socket).get("message"))["body"] == "hello"
