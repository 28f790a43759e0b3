"""The pages for people: what is served, under which policy, and what is not."""

import httpx2
import pytest

pytestmark = pytest.mark.anyio

PAGES = ["/", "/status"]
FILES = ["/console/status.css", "/console/status.js", "/itemroom.js", "/itemroom-room.js"]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


@pytest.mark.parametrize("path", PAGES)
async def test_page_is_served_under_the_strict_policy(
    client: httpx2.AsyncClient, path: str
) -> None:
    """Nothing but files of ours, and no script that makes markup of text."""
    response = await client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    directives = response.headers["content-security-policy"].split("; ")
    assert dict(directive.split(" ", 1) for directive in directives) == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/console/status.css", "text/css"),
        ("/console/status.js", "text/javascript"),
        ("/itemroom.js", "text/javascript"),
        ("/itemroom-room.js", "text/javascript"),
    ],
)
async def test_file_has_a_type_that_browsers_take(
    client: httpx2.AsyncClient, path: str, kind: str
) -> None:
    """With `nosniff` a module of another type would not run."""
    response = await client.get(path)
    assert response.headers["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("path", [*PAGES, *FILES])
async def test_unchanged_file_is_not_sent_again(client: httpx2.AsyncClient, path: str) -> None:
    """A browser asks each time, so that a new version counts at once."""
    first = await client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/itemroom.js", "/itemroom-room.js"])
async def test_client_can_be_imported_by_any_origin(client: httpx2.AsyncClient, path: str) -> None:
    """Modules are fetched with CORS; the pages' own files are for the pages."""
    headers = {"origin": "https://app.example.com"}
    response = await client.get(path, headers=headers)
    assert response.headers["access-control-allow-origin"] == "*"
    page = await client.get("/console/status.js", headers=headers)
    assert "access-control-allow-origin" not in page.headers


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nope.js",
        ".",
        "..%2Fitemroom.js",
        "..%2F..%2Fapp.py",
        "%2Fetc%2Fpasswd",
        "%00",
        "x" * 5000,
    ],
)
async def test_other_files_are_not_served(client: httpx2.AsyncClient, name: str) -> None:
    """Only what lies in the console's folder."""
    response = await client.get(f"/console/{name}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
