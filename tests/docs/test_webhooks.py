"""docs/webhooks.md: its receiver runs as it stands there, and what it shows is what is sent."""

import json
import sys
import time
from pathlib import Path

import httpx2

from api.outgoing.signing import signed
from tests.conftest import Serve
from tests.docs.reading import ROOT, blocks
from tests.docs.test_examples import read_until, running
from tests.programs.waiting import free_port, until
from tests.webhooks.hooking import key_of

WEBHOOKS = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_receiver_acts_once_on_each_entry(serve: Serve, tmp_path: Path) -> None:
    """Also on what is sent again; what is not signed it refuses."""
    path = tmp_path / "receiver.py"
    path.write_text(blocks(WEBHOOKS, "python", "receiver.py")[0])
    server, port = serve(outgoing_private=True), free_port()
    url = f"http://127.0.0.1:{port}/hooks/rooms"
    ada = server.person("ada")
    ada.create("order-17")
    made = key_of(server).hook(url)
    with running(sys.executable, path, made["secret"], port, folder=tmp_path) as receiver:
        until(lambda: is_there(url))
        ada.publish("order-17", "one")
        assert read_until(receiver, "one") == "order-17 1 message one\n"
        epoch = ada.call("GET", "/items/order-17/messages").json()["epoch"]
        entries = [{"seq": 1, "type": "message", "body": "again"}]
        body = json.dumps({"item": "order-17", "epoch": epoch, "entries": entries}).encode()
        headers = signed(made["secret"], "msg_1", int(time.time()), body)
        assert httpx2.post(url, content=body, headers=headers).status_code == 204
        assert httpx2.post(url, content=body + b" ", headers=headers).status_code == 401
        ada.publish("order-17", "two")
        assert read_until(receiver, "two") == "order-17 2 message two\n"


def is_there(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 405
    except httpx2.TransportError:
        return False


def test_call_that_is_shown_is_one() -> None:
    """With nothing that is not sent."""
    (text,) = blocks(WEBHOOKS, "json", "call")
    call = json.loads(text)
    assert call.keys() == {"item", "epoch", "entries"}
    assert call["entries"][0].keys() == {"type", "seq", "at", "by", "body"}
