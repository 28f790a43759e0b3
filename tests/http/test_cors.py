"""Other origins: listed ones may read answers with the cookie, no others."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.state import State
from tests.conftest import make_settings

pytestmark = pytest.mark.anyio

LISTED = "https://app.example.com"
PREFLIGHT = {"origin": LISTED, "access-control-request-method": "PUT"}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    """A server with one listed origin."""
    app = create_app(make_settings(tmp_path, allowed_origins=LISTED))
    async with app.router.lifespan_context(app):
        yield app


async def test_listed_origin_may_read_answers_and_refusals(
    client: httpx2.AsyncClient, state: State
) -> None:
    """Also what was refused before any route, so that the page can say why."""
    for draining in (False, True):
        state.draining = draining
        response = await client.get("/auth/me", headers={"origin": LISTED})
        assert response.status_code == (503 if draining else 401)
        assert response.headers["access-control-allow-origin"] == LISTED
        assert response.headers["access-control-allow-credentials"] == "true"
        assert response.headers["vary"] == "Origin"


async def test_preflight_of_a_listed_origin_is_answered(client: httpx2.AsyncClient) -> None:
    """With the methods and headers that our calls have."""
    response = await client.request("OPTIONS", "/items/a/read", headers=PREFLIGHT)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == LISTED
    assert "PUT" in response.headers["access-control-allow-methods"]
    assert "Authorization" in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    "origins",
    [["https://evil.example"], ["null"], [f"{LISTED}.evil.example"], [LISTED, LISTED], []],
)
async def test_any_other_origin_gets_no_permission(
    client: httpx2.AsyncClient, origins: list[str]
) -> None:
    """Neither for an answer nor by a preflight; caches learn that the origin matters."""
    headers = [("origin", origin) for origin in origins]
    asked = [*headers, ("access-control-request-method", "PUT")]
    for method, extended, status in (("GET", headers, 200), ("OPTIONS", asked, 204)):
        response = await client.request(method, "/healthz", headers=extended)
        assert response.status_code == status
        assert "access-control-allow-origin" not in response.headers
        assert "access-control-allow-methods" not in response.headers
        assert response.headers["vary"] == "Origin"


async def test_plain_options_is_no_preflight(client: httpx2.AsyncClient) -> None:
    """Without the question there is no answer to it, but to what was asked."""
    response = await client.request("OPTIONS", "/healthz", headers={"origin": LISTED})
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    assert "access-control-allow-methods" not in response.headers
