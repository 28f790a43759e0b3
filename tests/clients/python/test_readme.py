import re
import sys
from pathlib import Path

import httpx2
import pytest

from itemroom import Refused, Room
from itemroom.rest import Client
from tests.docs.reading import ROOT, blocks
from tests.docs.test_examples import read_until, running
from tests.serving import PASSWORD, LiveServer

README = (ROOT / "clients" / "python" / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "arguments", "last"),
    [
        ("room", "token", "2 message ada hello from Python"),
        ("session", "token", "order-17 0"),
        ("tokens", "password", "ada is admin"),
        ("rest", "password", "1 message"),
        ("backend", "key", "[201, 201]"),
        ("outbox", "token", "2 {'text': 'paid'}"),
    ],
)
def test_example_works_as_pasted(
    server: LiveServer, tmp_path: Path, name: str, arguments: str, last: str
) -> None:
    """Against a real server."""
    ada = server.person("ada")
    ada.create("order-17")
    ada.call("PATCH", "/items/order-17", json={"title": "Order 17"})
    shown = {"token": [ada.token], "password": ["ada", PASSWORD], "key": [key_of(server)]}[
        arguments
    ]
    (tmp_path / "example.py").write_text(blocks(README, "python", name)[0])
    command = (sys.executable, tmp_path / "example.py", server.url, *shown)
    with running(*command, folder=tmp_path) as example:
        assert last in read_until(example, last)


def key_of(server: LiveServer) -> str:
    """A service key that acts for any user."""
    token = server.state.tokens.issue("operator", use="operator", ttl=60).token
    wish = {"name": "shop", "items": {"order-*": "admin"}, "acts_for_others": True}
    headers = {"Authorization": f"Bearer {token}"}
    made = httpx2.post(f"{server.url}/operator/keys", json=wish, headers=headers)
    return str(made.json()["key"])


@pytest.mark.parametrize("thing", [Room, Client])
def test_everything_public_is_described(thing: type) -> None:
    """And nothing that is not there."""
    public = {name for name in vars(thing) if not name.startswith("_")}
    described = set(re.findall(r"`(?:await )?(?:room\.|Client\.)?([a-z_]+)[(`,]", README))
    assert public <= described | {"sign_in", "token", "close"}
    assert Refused.__doc__ is not None
