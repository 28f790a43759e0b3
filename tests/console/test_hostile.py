"""What strangers write, pages of other origins, and credentials that are no good."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from playwright.async_api import expect

from tests.browser import Windows
from tests.console.conftest import Visit
from tests.console.tab import Tab
from tests.deadlines import scaled
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

MARKUP = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>'
TEXTS = [
    MARKUP,
    "javascript:alert(document.domain)",
    "data:text/html,<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    'https://example.com/"onmouseover="alert(1)',
    "\u202eexe.gnp\u202c and \u2066isolated",
    "a\u202e",
    "<b> {{7+7}} ${7+7}",
]
# Elements that no text may bring along, and addresses that no link may lead to.
FOREIGN = """() => [
  ...document.querySelectorAll("main img, main script, main iframe, main style, main object"),
  ...[...document.querySelectorAll("a[href]")].filter((link) => !/^https?:$/.test(link.protocol)),
  ...[...document.querySelectorAll("*")].filter((element) =>
    element.getAttributeNames().some((name) => name.startsWith("on"))),
].map((element) => element.outerHTML)"""
BIDI = """() => [...document.querySelectorAll(".row-message .author, .row-message .text")]
  .map((element) => getComputedStyle(element.closest("div, bdi")).unicodeBidi)"""


async def test_what_people_write_stays_text(visit: Visit, server: LiveServer) -> None:
    """Markup, addresses that are programs, and characters that turn the line around."""
    mallory = server.person("mallory")
    ada = server.person("ada")
    mallory.create("order-17", ada="writer")
    for text in (MARKUP, f"\u202e{'x' * 20}"):
        mallory.call("PATCH", "/items/order-17", json={"title": text})
    for text in TEXTS:
        mallory.publish("order-17", text)
    mallory.publish("order-17", {"html": MARKUP})
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    await expect(tab.page.locator(".row-message")).to_have_count(len(TEXTS) + 1)
    shown = [text for _, text in await tab.screen()]
    assert shown[:-1] == TEXTS
    assert MARKUP.replace('"', '\\"') in shown[-1]
    assert await tab.page.evaluate(FOREIGN) == []
    # An override that is never closed ends with its own text: names and times stand.
    bidi = await tab.page.evaluate(BIDI)
    assert len(bidi) == 2 * len(shown)
    assert set(bidi) <= {"isolate", "plaintext"}
    assert await tab.page.title() != "taken"


@contextmanager
def other_site() -> Iterator[str]:
    """An empty page of another origin, on the same host: the browser sends it our cookie."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>Another</title><link rel=icon href=data:,>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """No request is worth a line."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{site.server_port}/"
        finally:
            site.shutdown()
            thread.join()


OPEN = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url, "itemroom.v1.json");
  socket.onmessage = ({data}) => { resolve(JSON.parse(data).type); socket.close(); };
  socket.onclose = ({code}) => resolve(code);
})"""


async def test_page_of_another_origin_opens_no_socket_with_the_cookie(
    windows: Windows, server: LiveServer, tab: Tab, ada: Person
) -> None:
    """The cookie goes along, and does not count; from our own page it does."""
    url = server.room_url("order-17")
    assert await tab.page.evaluate(OPEN, url) == "welcome"
    windows.tolerate(r"^WebSocket connection to '[^']+' failed: .*\b403\b")
    with other_site() as address:
        await tab.page.goto(address)
        cookies = await tab.page.context.cookies(address)
        assert [cookie["name"] for cookie in cookies] == ["itemroom_session"]
        assert await tab.page.evaluate(OPEN, url) == 1006
        assert await tab.page.evaluate(OPEN, f"{url}token={ada.token}") == "welcome"
    counted = httpx2.get(f"{server.url}/metrics").text
    assert 'itemroom_sockets_refused_total{code="origin_denied"} 1.0' in counted


async def test_ended_session_is_told_where_it_is_noticed(
    windows: Windows, tab: Tab, ada: Person
) -> None:
    """The page says so at once, and asks to sign in again."""
    (session,) = ada.call("GET", "/auth/sessions").json()["sessions"]
    assert ada.call("DELETE", f"/auth/sessions/{session['id']}").status_code == 204
    windows.tolerate(r"status of 401 .*/inbox\?limit=\d+\)")
    told = tab.page.get_by_role("status").filter(has_text="Your session has ended.")
    await expect(told).to_be_visible(timeout=scaled(2000))
    await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()


ROOM = """async ([token, item]) => {
  const { Room } = await import("/itemroom.js");
  const room = new Room(location.origin, { item, token });
  try { for await (const entry of room) return entry.type; }
  catch (refused) { return [room.state, refused.code, refused.retry]; }
}"""


async def test_refused_token_shows_its_reason(visit: Visit, server: LiveServer) -> None:
    """A browser hears of it, although it can read no status of a handshake."""
    ada = server.person("ada")
    page = (await visit(server)).page
    refused = await page.evaluate(ROOM, ["nonsense", "order-17"])
    assert refused == ["refused", "auth_invalid", "after_auth"]
    refused = await page.evaluate(ROOM, [ada.token, "order-18"])
    assert refused == ["refused", "item_not_found", "never"]


async def test_item_that_is_not_ones_own_is_refused_on_the_screen(
    visit: Visit, windows: Windows, server: LiveServer
) -> None:
    """With the reason in words, and nothing said of whether it exists."""
    server.person("ada").create("order-17")
    tab = await visit(server, "/#/items/order-17")
    await tab.page.get_by_label("Username").wait_for()
    windows.tolerate(r"status of 404 .*/items/order-17(/messages\?limit=\d+)?\)")
    await tab.sign_in(server.person("bob").username)
    await expect(tab.connection).to_have_attribute("data-reason", "item_not_found")
    await expect(tab.connection).to_contain_text("There is no such item, or it is not yours.")
