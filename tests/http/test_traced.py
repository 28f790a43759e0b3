"""Traces: a span of each request and handshake, with a real server and a real collector."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.http.traced import Traced
from api.traces import Traces, TracesError
from tests.conftest import make_settings
from tests.events import stream
from tests.http.collecting import Spans, collector
from tests.serving import LiveServer, Talk

pytestmark = pytest.mark.anyio

# A token's form, and nothing else of one.
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c3NoLXNlY3JldA"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """A collector that the variables name; spans are sent at once."""
    with collector() as spans:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        yield spans


@pytest.fixture(params=["wire", "plain"])
def server(request: pytest.FixtureRequest, spans: Spans, tmp_path: Path) -> Iterator[LiveServer]:
    """A server that sends its traces there: ours, and one with uvicorn's own protocols."""
    assert spans.url
    settings = make_settings(tmp_path, traces="otlp")
    with LiveServer(settings, plain=request.param == "plain") as server:
        yield server


def named(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [span for span in found if span["name"] == name]


async def test_each_exchange_has_a_span_and_no_frame_has(server: LiveServer, spans: Spans) -> None:
    """Of a room's socket there is the way in, also while it stays open."""
    ada = server.person("ada")
    ada.create("order-17")
    async with ada.room("order-17") as talk:
        for number in range(20):
            await talk.publish("hello", ref=f"r{number}")
        (opened,) = named(spans.wait(4), "GET /items/{item_id}/ws")
    assert opened["http.response.status_code"] == 101
    assert opened["url.path"] == "/items/order-17/ws"
    assert opened["http.route"] == "/items/{item_id}/ws"
    assert opened["url.scheme"] == "ws"
    assert not opened["failed"]
    (created,) = named(spans.found, "POST /items")
    assert (created["http.request.method"], created["http.response.status_code"]) == ("POST", 201)
    server.stop()
    assert len(spans.found) == 4  # To register, for a token, to create, to come in.


async def test_a_stream_of_events_has_a_span_while_it_lasts(
    server: LiveServer, spans: Spans
) -> None:
    """Of the way in, like a socket's: it may stay open for days."""
    ada = server.person("ada")
    ada.create("order-17")
    async with stream(ada, "order-17") as events:
        await events.get("live")
        (opened,) = named(spans.wait(4), "GET /items/{item_id}/events")
        assert opened["http.response.status_code"] == 200
        assert not opened["failed"]
    server.stop()
    assert len(spans.found) == 4


async def test_refusals_are_named_and_nothing_secret_is_sent(
    server: LiveServer, spans: Spans
) -> None:
    """Whoever looks at traces sees why somebody did not get in, and not with what."""
    async with connect(server.room_url("order-17", token="ssh-secret"), proxy=None) as socket:
        await Talk(socket).closed()
    refused = spans.wait(1)[0]
    assert (refused["http.response.status_code"], refused["itemroom.refusal"]) == (
        101,
        "auth_invalid",
    )
    with pytest.raises(InvalidStatus):
        await connect(server.room_url("order-17", after="x", token="ssh-secret"), proxy=None)
    assert spans.wait(2)[1]["http.response.status_code"] == 400
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        secret = {"Authorization": "Bearer ssh-secret", "Cookie": "itemroom_session=ssh-secret"}
        client.get(f"/items/{TOKEN}?token=ssh-secret", headers=secret)
        assert spans.wait(3)[2]["url.path"] == "/items/[hidden]"
        client.request("PROPFIND", "/nowhere")
        unknown = spans.wait(4)[3]
    assert unknown["name"] == unknown["http.request.method"] == "_OTHER"
    assert b"ssh-secret" not in spans.raw
    assert TOKEN.encode() not in spans.raw


async def test_a_trace_that_was_begun_elsewhere_goes_on_here(
    server: LiveServer, spans: Spans
) -> None:
    """The product's own spans and ours are one trace; with what nobody sent, or is none, not."""
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        client.get("/items", headers={"traceparent": PARENT})
        client.get("/items", headers={"traceparent": "00-nothing"})
        client.head("/")
    theirs, ours, head = spans.wait(3)
    assert (theirs["trace"], theirs["parent"]) == (TRACE, "b7ad6b7169203331")
    assert ours["trace"] != TRACE
    assert ours["parent"] == ""
    assert head["name"].startswith("HEAD")
    assert spans.service["service.name"] == "itemroom"


async def test_what_was_not_sampled_is_not_sent(server: LiveServer, spans: Spans) -> None:
    """Whoever began the trace has decided that."""
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        client.get("/items", headers={"traceparent": PARENT[:-1] + "0"})
        client.get("/items")
    server.stop()
    (only,) = spans.found
    assert only["trace"] != TRACE


async def test_socket_closed_before_it_opened_is_denied(spans: Spans) -> None:
    """Where a server has no other way, its clients see 403."""

    async def close(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": 1008, "reason": "draining"})

    async def unheard() -> Message:
        raise NotImplementedError

    async def unsaid(_: Message) -> None:
        pass

    server, traces = FastAPI(), Traces()
    server.state.itemroom = SimpleNamespace(traces=traces)
    scope = {"type": "websocket", "path": "/items/a/ws", "scheme": "ws", "headers": []}
    await Traced(close, server=server)(scope, unheard, unsaid)
    traces.close()
    (denied,) = spans.found
    assert (denied["http.response.status_code"], denied["itemroom.refusal"]) == (403, "draining")


def test_a_fault_of_ours_is_marked_as_one(spans: Spans) -> None:
    """Also one that left the client without an answer."""
    traces = Traces()
    failed = traces.begin("GET", "/items", scheme="http", headers={})
    failed.end(status=503, route=None)
    failed.end(status=200, route="/items")
    traces.begin("GET", "/items", scheme="http", headers={}).end(status=0, route=None)
    traces.close()
    assert [(span["failed"], span["error.type"]) for span in spans.found] == [
        (True, "503"),
        (True, "unanswered"),
    ]


def test_a_collector_that_hangs_keeps_nobody(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends without the spans that are left."""
    monkeypatch.setattr("api.traces.FLUSH_TIMEOUT", 0.05)
    spans.hangs.set()
    traces = Traces()
    traces.begin("GET", "/items", scheme="http", headers={}).end(status=200, route="/items")
    traces.close()
    assert spans.found == []


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: most have no collector."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TracesError, match=r"itemroom\[traces\]"):
        Traces()


def test_variables_say_what_the_service_is_called(
    spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours is only for who has not said anything."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "rooms")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=trial")
    traces = Traces()
    traces.begin("GET", "/", scheme="http", headers={}).end(status=200, route="/")
    traces.close()
    assert spans.service["service.name"] == "rooms"
    assert spans.service["deployment.environment.name"] == "trial"
    assert "service.version" in spans.service
