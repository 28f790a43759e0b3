"""The README's example for a browser, pasted into one."""

import httpx2
import pytest

from tests.browser import Windows
from tests.conftest import Serve
from tests.docs.reading import README, blocks

pytestmark = pytest.mark.anyio


async def test_the_readmes_example_works_in_a_browser(serve: Serve, windows: Windows) -> None:
    """Sign in, import the client from the server, hear what was said and what one says."""
    server = serve()
    ada = {"username": "ada", "password": "correct-horse-battery"}
    assert httpx2.post(f"{server.url}/auth/register", json=ada).status_code == 201
    bob = server.person("bob")
    bob.create("order-17", ada="writer")
    bob.publish("order-17", "said before")
    page = await windows.open(server.url)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    (example,) = blocks(README, "js", "browser")
    async with page.expect_console_message(lambda message: "from a browser" in message.text):
        await page.evaluate(f"async () => {{ {example} }}")
    assert heard[-2:] == ["2 bob said before", "3 ada hello from a browser"]
