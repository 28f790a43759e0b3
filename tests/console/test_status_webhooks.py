"""Webhooks on the operators' page: how they stand, and what an admin does about it."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser import Windows
from tests.conftest import Serve
from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.test_status import ASKED, LOOKS, sign_in
from tests.outgoing.receiver import Call, accept, answer, receiving
from tests.webhooks.hooking import key_of, publish, told, until

pytestmark = pytest.mark.anyio


async def refuse(call: Call) -> bytes:
    return answer(500)


@pytest.mark.parametrize("name", LOOKS)
async def test_admin_sees_why_a_webhook_fails_and_lets_it_go_on(
    visit: Visit, windows: Windows, serve: Serve, name: str
) -> None:
    """Tries it, has what failed sent at once, pauses it, and skips what came meanwhile."""
    server = serve(outgoing_private=True)
    ada = await asyncio.to_thread(server.person, "ada")
    await asyncio.to_thread(ada.create, "order-1")
    await asyncio.to_thread(server.make_admin, ada)
    windows.tolerate(ASKED)
    page = (await visit(server, "/status", **LOOKS[name])).page
    await sign_in(page, ada)
    await expect(page.get_by_role("status", name="Updates")).to_have_text("Live")
    region = page.get_by_role("region", name="Webhooks", exact=True)
    await expect(region).to_be_hidden()
    async with receiving(refuse) as receiver:
        hook = await asyncio.to_thread(key_of(server).hook, receiver)
        await publish(ada, "order-1", "one")
        row = region.get_by_role("row", name="order-*")
        await expect(row).to_contain_text("It answered 500.")
        said = region.get_by_role("status", name="Webhook")
        await row.get_by_role("button", name="Test").click()
        await expect(said).to_have_text("It answered 500.")
        await expect(page.locator('[data-figure="due"]')).to_have_text("1")
        await keep(page, f"webhooks-{name}")
        assert await faults(page) == []
        receiver.answering = accept
        await row.get_by_role("button", name="Test").click()
        await expect(said).to_have_text("The test was taken.")
        await row.get_by_role("button", name="Send what failed").click()
        await until(lambda: told(receiver, "order-1") == ["one"])
        await row.get_by_role("button", name="Pause").click()
        await expect(row).to_contain_text("paused")
        await publish(ada, "order-1", "two")
        await row.get_by_role("button", name="Skip…").click()
        dialog = page.get_by_role("dialog", name="Go on from here")
        assert await faults(page) == []
        await dialog.get_by_role("button", name="Skip it").click()
        await expect(row).to_contain_text("active")
        await expect(dialog).to_be_hidden()
        await publish(ada, "order-1", "three")
        await until(lambda: told(receiver, "order-1") == ["one", "three"])
    assert hook["secret"] not in await page.content()
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
