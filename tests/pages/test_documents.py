"""The pages about the API: from this process, with nothing that runs but our files."""

import re
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest

from api.pages.documents import DOCS
from api.pages.prose import SOURCE, render

pytestmark = pytest.mark.anyio


class Page(HTMLParser):
    """What a page loads, and what a strict policy would stop in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        values = dict(attrs)
        if tag in ("script", "link"):
            self.loaded.append(values.get("src") or values.get("href") or "")
        if tag == "style" or any(name == "style" or name.startswith("on") for name in values):
            self.inline.append(tag)


@pytest.mark.parametrize("path", ["/docs", "/protocol"])
async def test_page_is_html_under_a_policy_without_exceptions(
    client: httpx2.AsyncClient, path: str
) -> None:
    """No inline code or style, no eval, no other server."""
    response = await client.get(path)
    policy = response.headers["content-security-policy"]
    assert response.headers["content-type"].startswith("text/html")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", ["/docs", "/protocol"])
async def test_everything_a_page_loads_is_served_here(
    client: httpx2.AsyncClient, path: str
) -> None:
    """Each file is there; none is written into the page."""
    page = Page()
    page.feed((await client.get(path)).text)
    assert page.loaded
    assert not page.inline
    for reference in page.loaded:
        response = await client.get(f"/{reference}")
        assert response.status_code == 200, reference


async def test_files_are_revalidated_not_loaded_again(client: httpx2.AsyncClient) -> None:
    """The bundle has 1.5 MB: a browser asks whether it has changed."""
    first = await client.get("/docs/static/swagger-ui-bundle.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get(
        "/docs/static/swagger-ui-bundle.js", headers={"if-none-match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nope.js", "..%2F..%2Fapp.py", "%00", "x" * 5000, "protocol.md"])
async def test_other_files_are_not_served(client: httpx2.AsyncClient, name: str) -> None:
    """Not even ones that are linked from there."""
    assert (await client.get(f"/docs/static/{name}")).status_code == 404


async def test_openapi_document_knows_refusals_and_credentials(client: httpx2.AsyncClient) -> None:
    """Every reference leads somewhere, and every call can be refused."""
    document = (await client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document["paths"])))
    assert references <= schemas.keys()
    for path in document["paths"].values():
        for operation in path.values():
            refusal = operation["responses"]["default"]["content"]["application/problem+json"]
            assert refusal["schema"]["$ref"] == "#/components/schemas/Problem"
    assert {"cookie", "token", "password"} <= document["components"]["securitySchemes"].keys()
    assert "HTTPValidationError" not in schemas


async def test_documents_do_not_describe_the_pages(client: httpx2.AsyncClient) -> None:
    """The pages are for people."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert not {"/docs", "/protocol", "/openapi.json", "/asyncapi.json"} & paths.keys()
    assert {"/healthz", "/readyz", "/metrics"} <= paths.keys()


async def test_protocol_page_is_the_document(client: httpx2.AsyncClient) -> None:
    """docs/protocol.md itself, with headings that can be linked to."""
    text = (await client.get("/protocol")).text
    title = SOURCE.read_text().partition("\n")[0].removeprefix("# ")
    assert f"<title>{title}</title>" in text
    assert re.search(r'<h2 id="[\w-]*refusals">', text)
    assert "<table>" in text
    assert SOURCE.resolve() == (DOCS.parents[2] / "docs" / "protocol.md").resolve()


def test_markdown_with_html_shows_it() -> None:
    """Nothing in a document becomes code in the page, not even in its title."""
    page = render("# A & <b>\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n")
    assert "<title>A &amp; &lt;b&gt;</title>" in page
    assert "<script>" not in page
    assert 'href="javascript' not in page


def test_document_without_heading_has_a_page() -> None:
    """An empty title is better than none at all."""
    assert "<title></title>" in render("text")


def test_docs_folder_is_part_of_the_package() -> None:
    """All that the pages need is inside `api`, so a wheel has it."""
    assert (Path(DOCS) / "index.html").is_file()
    assert SOURCE.is_file()
