"""The example of a product that signs its own tokens, as it stands in `examples/`."""

import re
import secrets
import subprocess
import sys

import pytest

from tests.browser import Windows
from tests.conftest import Serve
from tests.docs.test_examples import read_until, running

pytestmark = pytest.mark.anyio


async def test_shop_of_the_example_has_a_page_a_backend_and_a_bot(
    serve: Serve, windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A buyer without an account asks on the shop's page, and the bot answers there."""
    secret = secrets.token_hex(32)
    server = serve(issuer="https://shop.example", issuer_audience="rooms", issuer_secret=secret)
    monkeypatch.setenv("ITEMROOM_URL", server.url)
    monkeypatch.setenv("ITEMROOM_ISSUER_SECRET", secret)
    uvicorn = (sys.executable, "-m", "uvicorn", "--app-dir", "examples", "--port", "0")
    with running(*uvicorn, "outside_issuer:shop", stderr=subprocess.STDOUT) as shop:
        found = re.search(r"http://127\.0\.0\.1:\d+", read_until(shop, "running on"))
        assert found is not None
        page = await windows.open(f"{found[0]}/orders/order-17?buyer=ada")
        await page.get_by_role("heading", name="Order order-17").wait_for()
        await page.get_by_role("textbox").fill("Where is it?")
        await page.keyboard.press("Enter")
        await page.get_by_text("Shop bot: It is on its way.").wait_for()
        assert await page.get_by_role("listitem").all_inner_texts() == [
            "Ada: Where is it?",
            "Shop bot: It is on its way.",
        ]
        await windows.close()
