"""The host check: names that are not ours never get to a route."""

from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from api.http.hosts import is_ours, known_hosts
from tests.conftest import make_settings
from tests.http.conftest import Ask

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1:8000", True),
        ("203.0.113.9", True),
        ("[::1]:8000", True),
        ("[::ffff:127.0.0.1]:8000", True),
        ("rooms.example.com", True),
        ("rooms.example.com:8443", True),
        ("app.example.com", True),
        ("itemroom:8000", True),
        ("ITEMROOM", True),
        ("itemroom.evil.example", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("rooms.example.com.", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("localhost:", False),
        ("localhost:99999", False),
        ("local host", False),
        ("user@localhost", False),
        ("localhost/evil", False),
        ("localhost, localhost", False),
        ("[::1", False),
    ],
)
def test_host_is_ours_by_name_or_address(tmp_path: Path, host: str, *, ours: bool) -> None:
    """Our names with any port, and addresses, which no attacker's name can turn into."""
    settings = make_settings(
        tmp_path,
        public_url="https://rooms.example.com",
        allowed_origins="https://app.example.com:8443",
        internal_hosts="itemroom",
    )
    assert is_ours(host, known_hosts(settings)) is ours


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"evil.example:8000"), (b"origin", b"http://evil.example:8000")],
        [(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")],
    ],
    ids=["missing", "rebinding", "doubled"],
)
async def test_foreign_host_is_malformed(
    ask: Ask, kind: str, headers: list[tuple[bytes, bytes]]
) -> None:
    """Requests and sockets alike are answered 400, whatever their origin says."""
    start, body = await ask("/items/x/ws", type=kind, headers=headers)
    assert start["status"] == 400
    assert b'"code":"malformed"' in body["body"]
    assert b"evil" not in body["body"]


async def test_socket_over_http_1_0_is_malformed(ask: Ask) -> None:
    """HTTP/1.0 has no upgrade; a plain request over it is fine."""
    start, _ = await ask("/items/x/ws", type="websocket", http_version="1.0")
    assert start["status"] == 400
    start, _ = await ask("/healthz", http_version="1.0")
    assert start["status"] == 200


@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(host=st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30))
async def test_any_host_changes_nothing_but_the_refusal(app: FastAPI, host: str) -> None:
    """A `Host` is either refused or without effect: it is never part of a path."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = [(b"host", host.encode("latin-1"))]
        response = await client.get("/auth/me", headers=headers)
    code = response.json()["code"]
    assert (response.status_code, code) in [(400, "malformed"), (401, "auth_missing")]
