import os
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser import Windows, anyio_backend, browser, find_chromium, launched, windows
from tests.serving import LiveServer

__all__ = ["anyio_backend", "browser", "windows"]


async def test_the_npm_build_shows_a_page(server: LiveServer) -> None:
    """What is used where the system has no Chromium, works also where it has one."""
    chromium = find_chromium("npm")
    assert "node_modules" in chromium.path.parts
    async with launched(chromium) as browser:
        windows = Windows(browser)
        page = await windows.open(f"{server.url}/protocol")
        assert "protocol" in (await page.title()).lower()
        await windows.close()
    windows.check()


async def test_a_page_without_faults_passes(windows: Windows, server: LiveServer) -> None:
    """With whichever Chromium there is; scripts of the test pass the strictest policy."""
    page = await windows.open(f"{server.url}/protocol")
    assert await page.evaluate("() => document.querySelectorAll('h2').length") > 3


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("console.error('what I fear')", "what I fear"),
        ("setTimeout(() => { throw new Error('what I missed') })", "what I missed"),
        ("document.body.append(Object.assign(new Image(), {src: '//127.0.0.2/'}))", "CSP: img-src"),
    ],
)
async def test_what_a_page_complains_of_is_a_fault(
    browser: Browser, server: LiveServer, script: str, told: str
) -> None:
    """Console errors, exceptions and what the policy refused; unless the test expected it."""
    windows = Windows(browser)
    page = await windows.open(f"{server.url}/protocol")
    await page.evaluate(f"() => {{ {script} }}")
    await page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 50))")
    await windows.close()
    with pytest.raises(AssertionError, match=told):
        windows.check()
    windows.tolerate(f"{told}|Content Security Policy")
    windows.check()


def test_a_path_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the system's nor npm's: the one that was chosen."""
    monkeypatch.setitem(os.environ, "TEST_CHROMIUM", "/opt/another")
    assert find_chromium().path == Path("/opt/another")
