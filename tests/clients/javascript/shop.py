"""A product's page around rooms: served from the server's own origin, under a strict policy."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import BrowserContext, Page, Route, WebSocket, WebSocketRoute, expect

from tests.browser import PATIENCE, Windows
from tests.clients.javascript.conftest import ESBUILD, node
from tests.deadlines import scaled
from tests.serving import PASSWORD, Person

expect.set_options(timeout=PATIENCE)

# Nothing inline, no style but from files, and no markup out of text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="/console/icon.svg">
<link rel="stylesheet" href="/shop/style.css"></head><body><main><h1>Order 17</h1>
{body}</main></body></html>"""


class Shop:
    """One visitor's page."""

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context = context
        self.page = page
        self.url = url
        self.files: dict[str, tuple[str, str]] = {}
        """Path below /shop/, and its type and text."""
        self.sockets: list[WebSocket] = []
        page.on("websocket", self._opened)

    @classmethod
    async def visited(cls, windows: Windows, person: Person, **options: object) -> "Shop":
        """Of a browser in which somebody is signed in; nothing is shown yet."""
        url = person.server.url
        context = await windows.context(**options)
        login = {"username": person.username, "password": PASSWORD}
        assert (await context.request.post(f"{url}/auth/login", data=login)).ok
        # A page that no server sent has no address: Chromium asks before it goes to loopback.
        await context.grant_permissions(["local-network-access"])
        shop = cls(context, await context.new_page(), url)
        await context.route(f"{url}/shop/**", shop._answer)
        return shop

    async def has_open(self, count: int) -> None:
        """Wait until so many sockets are open."""
        async with asyncio.timeout(scaled(10)):
            while sum(not socket.is_closed() for socket in self.sockets) != count:
                await asyncio.sleep(0.01)

    async def show(self, body: str, style: str = "") -> Page:
        """The page with this in it, from its address."""
        self.files[""] = ("text/html", PAGE.format(body=body))
        self.files["style.css"] = ("text/css", style)
        await self.page.goto(f"{self.url}/shop/")
        return self.page

    async def run(self, program: str) -> Page:
        """An empty page with a program."""
        self.files["main.js"] = ("text/javascript", program)
        script = '<script type="module" src="/shop/main.js"></script>'
        return await self.show(f'<div id="root"></div>{script}')

    def _opened(self, socket: WebSocket) -> None:
        self.sockets.append(socket)

    async def _answer(self, route: Route) -> None:
        kind, text = self.files[route.request.url.removeprefix(f"{self.url}/shop/")]
        headers = {"Content-Security-Policy": POLICY}
        await route.fulfill(content_type=f"{kind}; charset=utf-8", body=text, headers=headers)


class Gate:
    """Keeps back what a page publishes, until it is opened."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._is_open = False
        self._server: WebSocketRoute | None = None

    async def before(self, page: Page) -> None:
        """Stand before the sockets that a page opens from now on."""
        await page.route_web_socket(re.compile(r"/ws(\?|$)"), self._connect)

    def open(self) -> None:
        """Let through what was kept back, and what is still on its way to here."""
        assert self._server is not None
        self._is_open = True
        for message in self._held:
            self._server.send(message)

    def _connect(self, socket: WebSocketRoute) -> None:
        self._server = server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            assert isinstance(message, str)
            if '"publish"' in message and not self._is_open:
                self._held.append(message)
            else:
                server.send(message)

        socket.on_message(pass_on)


def build(project: Path, entry: str, **sources: str) -> str:
    """The one program that a bundler makes of those in a project; `talk="…"` is talk.jsx."""
    folder = project / entry
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.jsx").write_text(source, encoding="utf-8")
    made = folder / "out.js"
    options = ("--bundle", "--format=esm", "--jsx=automatic", "--log-level=warning")
    # As it is published: the development build of React complains where something is wrong.
    node(ESBUILD, folder / f"{entry}.jsx", *options, f"--outfile={made}", cwd=project)
    return made.read_text(encoding="utf-8")
