"""The socket's document: whole, and true to what the server says."""

import asyncio
import re
from typing import Any

import httpx2
import pytest

from api.errors import CODES
from api.live.client_frames import CLIENT_FRAMES, SOCKET_FRAMES
from api.pages.asyncapi import describe_socket
from tests.deadlines import scaled
from tests.described import DESCRIBED, check_frame
from tests.serving import LiveServer, Talk

pytestmark = pytest.mark.anyio


@pytest.fixture
def document() -> dict[str, Any]:
    """The document of a public server."""
    return describe_socket(server_url="https://rooms.example.com")


def resolve(document: dict[str, Any], reference: str) -> Any:
    """What a local reference leads to; KeyError: nowhere."""
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """Nothing dangles, and nothing leaves the document."""
    references = set(re.findall(r"'\$ref': '([^']+)'", str(document)))
    assert len(references) > 50
    for reference in references:
        assert resolve(document, reference)


def test_operations_speak_of_messages_of_their_channel(document: dict[str, Any]) -> None:
    """AsyncAPI 3.0: an operation's messages are references into its channel, which refer on."""
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = operation["channel"]["$ref"]
        assert resolve(document, channel)["address"] in {"/items/{item_id}/ws", "/ws"}
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/")
            target = resolve(document, resolve(document, message["$ref"])["$ref"])
            assert target["payload"]
            assert target["summary"]


def test_every_client_frame_is_described(document: dict[str, Any]) -> None:
    """The server hears what the parser knows, no more and no less."""
    known = set(CLIENT_FRAMES.json_schema()["discriminator"]["mapping"])
    assert _heard(document, "hear") == known
    own = set(SOCKET_FRAMES.json_schema()["discriminator"]["mapping"])
    assert _heard(document, "hearOfMany") == known | own


def test_every_refusal_is_described(document: dict[str, Any]) -> None:
    """Codes with what to do after them."""
    assert document["channels"]["room"]["x-refusals"].keys() == CODES.keys()


@pytest.mark.parametrize(
    ("url", "protocol"), [("https://a.example", "wss"), ("http://a.example:8000", "ws")]
)
def test_server_is_where_it_was_asked(url: str, protocol: str) -> None:
    """TLS there is TLS here."""
    server = describe_socket(server_url=url)["servers"]["this"]
    assert server == {"host": url.partition("//")[2], "protocol": protocol}


async def test_document_is_served_with_our_address(client: httpx2.AsyncClient) -> None:
    """For programs, at the address where they found it."""
    document = (await client.get("/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0"
    assert document["servers"]["this"]["host"] == "127.0.0.1:8000"


async def test_frames_of_a_real_room_are_as_described(server: LiveServer) -> None:
    """Live: everything that a server says in a lively room validates, field by field."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    async with (
        asyncio.timeout(scaled(20)),
        ada.room("order-17", after=0) as talk,
        bob.room("order-17") as other,
    ):
        ack = await talk.publish({"text": "hello"}, ref="a1")
        await talk.publish({"text": "hello"}, ref="a1")
        await talk.send("edit", ref="a2", target=ack["seq"], body="changed")
        await talk.send("react", ref="a3", target=ack["seq"], value="+1", on=True)
        await talk.send("delete", ref="a4", target=ack["seq"])
        await talk.send("start", ref="a5", body="")
        started = await talk.get("message")
        await talk.send("append", target=started["seq"], at=0, text="Hel")
        await talk.get("appended")
        async with ada.room("order-17", after=started["seq"]) as late:
            await late.get("live")
            await late.send("append", target=started["seq"], at=9, text="lo")
            await late.get("error")
            talk.seen += late.seen
        await other.send("stop", target=started["seq"])
        await talk.get("stop")
        await talk.send("finish", ref="a6", target=started["seq"], state="stopped")
        await talk.get("finish")
        await talk.send("nonsense")
        await talk.send("presence")
        await talk.send("auth", token=ada.token)
        await talk.send("read", seq=ack["seq"])
        await other.send("signal", name="typing", body={"on": True})
        ada.call("PATCH", "/items/order-17", json={"title": "A title", "default_role": "reader"})
        ada.call("PATCH", "/items/order-17", json={"default_role": None})
        ada.call("PUT", "/items/order-17/members/bob", json={"role": "reader"})
        await other.get("role")
        ada.call("DELETE", "/items/order-17/members/bob")
        await other.closed()
        await talk.send("ping")
        await talk.get("pong")
        await _drain(talk)
    seen = [*talk.seen, *other.seen]
    for frame in seen:
        check_frame(frame)
    assert {frame["type"] for frame in seen} == DESCRIBED.keys() - {"expiring"}


async def _drain(talk: Talk) -> None:
    """Read until everything awaited has come, whatever its order."""
    awaited = {"auth", "read", "signal", "member", "item", "presence", "error", "delete"}
    while awaited - {frame["type"] for frame in talk.seen}:
        await talk.next()


def test_a_field_that_is_missing_is_never_said_to_be_null(document: dict[str, Any]) -> None:
    """Nor to have a default: what may be null is named by the protocol, and this is all of it."""
    schemas = document["components"]["schemas"]
    nullable = {
        f"{schema}.{name}"
        for schema, described in schemas.items()
        for name, field in described["properties"].items()
        if schema.startswith("server-") and ("default" in field or "null" in str(field))
    }
    assert nullable == {
        "server-Auth.expires_at",
        "server-Hello.expires_at",
        "server-Inbox.last",
        "server-Inbox.role",
        "server-Item.default_role",
        "server-Member.role",
        "server-Welcome.expires_at",
    }


def _heard(document: dict[str, Any], operation: str) -> set[str]:
    return {message["$ref"].rpartition("client-")[2] for message in _messages(document, operation)}


def _messages(document: dict[str, Any], operation: str) -> list[dict[str, str]]:
    messages: list[dict[str, str]] = document["operations"][operation]["messages"]
    return messages
