"""Refusals as HTTP sees them: problem documents that never quote."""

import logging
from collections.abc import Callable
from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException

from api.errors import CODES, Refusal
from api.http.problems import Problem, problem_of
from tests.http.conftest import Ask, header

pytestmark = pytest.mark.anyio


def raising(error: Exception) -> Callable[[], None]:
    """An endpoint that fails."""

    def endpoint() -> None:
        raise error

    return endpoint


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_document(code: str) -> None:
    """Status, title and code agree for each word of the contract."""
    response = Problem(Refusal(code)).response()
    document = httpx2.Response(200, content=bytes(response.body)).json()
    assert response.headers["content-type"] == "application/problem+json"
    assert document == {
        "type": "about:blank",
        "title": document["title"],
        "status": response.status_code,
        "detail": CODES[code].message,
        "code": code,
    }
    assert document["title"]
    assert ("www-authenticate" in response.headers) is (response.status_code == 401)


@pytest.mark.parametrize(("seconds", "header_value"), [(0.2, "1"), (1.0, "1"), (1.2, "2")])
def test_delay_is_exact_in_the_document_and_whole_in_the_header(
    seconds: float, header_value: str
) -> None:
    """`Retry-After` has whole seconds only (RFC 9110, section 10.2.3): rounded up, never 0."""
    response = problem_of(Refusal("busy", retry_after=seconds)).response()
    assert response.headers["retry-after"] == header_value
    assert f'"retry_after":{seconds}'.encode() in response.body


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "malformed"),
        (401, "auth_invalid"),
        (404, "not_found"),
        (413, "too_big"),
        (415, "malformed"),
        (502, "internal"),
    ],
)
def test_refusals_of_the_framework_keep_status_but_not_text(status: int, code: str) -> None:
    """What the framework raises has our code and our words: its own might quote."""
    response = problem_of(HTTPException(status, "you sent hunter2")).response()
    assert response.status_code == status
    assert f'"code":"{code}"'.encode() in response.body
    assert b"hunter2" not in response.body


async def test_unknown_path_and_method_are_problems(client: httpx2.AsyncClient) -> None:
    """404 and 405 are documents too; the latter says what would work."""
    unknown = await client.get("/no/such/path")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    wrong = await client.post("/healthz")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, HEAD, OPTIONS"
    assert wrong.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/healthz/", "//healthz"])
async def test_path_in_another_spelling_is_unknown(client: httpx2.AsyncClient, path: str) -> None:
    """No redirect to the right spelling: it would repeat the `Host`, and double the names."""
    # Not as a relative reference: //healthz would be the root of another host (RFC 3986, 4.2).
    assert (await client.get(f"http://127.0.0.1{path}")).status_code == 404


async def test_request_to_a_room_asks_for_an_upgrade(client: httpx2.AsyncClient) -> None:
    """A plain GET where only a socket can be opened says so."""
    response = await client.get("/items/order-17/ws")
    assert (response.status_code, response.json()["code"]) == (426, "malformed")
    assert response.headers["upgrade"] == "websocket"


async def test_socket_at_an_unknown_path_is_denied(ask: Ask, app: FastAPI) -> None:
    """404 with a document, where Starlette would close: clients would see a bare 403."""
    start, body = await ask("/no/such/socket", type="websocket")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert b'"code":"not_found"' in body["body"]
    counted = app.state.itemroom.metrics.render()
    assert b'itemroom_sockets_refused_total{code="not_found"} 1.0' in counted


async def test_server_without_denials_closes_the_socket(ask: Ask) -> None:
    """An ASGI server that cannot answer a handshake is told to close it."""
    (close,) = await ask("/no/such/socket", type="websocket", extensions={})
    assert close == {"type": "websocket.close", "code": 1008, "reason": "not_found"}


@pytest.mark.parametrize("code", ["malformed", "origin_denied", "too_many_connections"])
async def test_socket_that_nobody_can_mend_is_denied(ask: Ask, app: FastAPI, code: str) -> None:
    """These are refused before the socket opens."""
    app.add_api_websocket_route("/refused", raising(Refusal(code)))
    start, _ = await ask("/refused", type="websocket")
    assert (start["type"], start["status"]) == (
        "websocket.http.response.start",
        CODES[code].status,
    )


async def test_socket_with_a_way_on_is_accepted_and_told(ask: Ask, app: FastAPI) -> None:
    """Whatever a client can act on it must be able to read: browsers see no denial."""
    app.add_api_websocket_route("/refused", raising(Refusal("auth_ambiguous")))
    sent = await ask("/refused", type="websocket")
    assert [message["type"] for message in sent] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    assert (sent[2]["code"], sent[2]["reason"]) == (1008, "auth_ambiguous")


async def test_socket_with_malformed_parameters_is_denied(ask: Ask, app: FastAPI) -> None:
    """FastAPI's own validation of a socket is a 400 as ours is."""

    async def endpoint(number: Annotated[int, Query()]) -> None:
        """Not reached: the parameter is refused before."""

    app.add_api_websocket_route("/numbered", endpoint)
    start, body = await ask("/numbered", type="websocket", query_string=b"number=hunter2")
    assert start["status"] == 400
    assert b"hunter2" not in body["body"]


async def test_failure_has_an_id_that_is_in_the_log(
    client: httpx2.AsyncClient, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    """The client gets an id and nothing else; the log has the traceback under it."""
    app.add_api_route("/boom", raising(RuntimeError("the secret is hunter2")))
    with caplog.at_level(logging.ERROR, "itemroom.http"):
        response = await client.get("/boom")
    document = response.json()
    assert (response.status_code, document["code"]) == (500, "internal")
    assert "hunter2" not in response.text
    (record,) = caplog.records
    assert document["id"] in record.getMessage()
    assert record.exc_info is not None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_answers_to_head_have_headers_and_no_body(ask: Ask, method: str) -> None:
    """HEAD is answered like GET, errors too, but for the body (RFC 9110, section 9.3.2)."""
    for path, status in (("/healthz", 200), ("/nope", 404), ("/auth/login", 405)):
        start, body = await ask(path, method=method)
        assert start["status"] == status
        assert header(start, "content-length") != "0"
        assert bool(body["body"]) is (method == "GET")
