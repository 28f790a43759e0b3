"""In a browser: the console below a host's path, and the desk of `examples/`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from api import Itemroom
from tests.browser import PATIENCE, Windows
from tests.conftest import make_settings
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.databases import provide
from tests.docs.reading import ROOT
from tests.docs.test_examples import read_until, running
from tests.embedded.hosts import by_cookie, hosting

pytestmark = pytest.mark.anyio
expect.set_options(timeout=PATIENCE)


async def test_console_below_a_host_s_path_is_whole(tmp_path: Path, windows: Windows) -> None:
    """Its files, its calls, its rooms, its documents: signed in by the host's cookie."""
    settings = make_settings(tmp_path)
    provide(settings)
    rooms = Itemroom(settings, identify=by_cookie)
    with hosting(rooms) as host:
        await host.run(rooms.put_member("order-17", ("1", "Ada"), "admin"))
        page = await windows.open(f"{host.url}/protocol")
        await page.context.add_cookies([{"name": "desk", "value": "a", "url": host.root}])
        await page.goto(f"{host.url}/#/items/order-17")
        tab = Tab(page)
        await tab.is_live()
        await page.get_by_role("textbox", name="Message").fill("below a path")
        await page.keyboard.press("Enter")
        await expect(tab.message("below a path")).to_be_visible()
        await keep(page, "console-below-a-path")
        await page.get_by_role("button", name=re.compile("Account: Ada")).click()
        await page.get_by_role("link", name="REST API").click()
        await expect(page).to_have_url(f"{host.url}/docs")
        await expect(page.get_by_text("/auth/login").first).to_be_visible()
        await windows.close()


@pytest.mark.sqlite  # As it stands, it has a file.
async def test_desk_of_the_example_has_people_tickets_and_a_bot(
    tmp_path: Path, windows: Windows
) -> None:
    """Two people of the desk talk in a ticket's room, and its row and its room go together."""
    uvicorn = (sys.executable, "-m", "uvicorn", "--app-dir", ROOT / "examples", "--port", "0")
    with running(*uvicorn, "tickets:desk", stderr=subprocess.STDOUT, folder=tmp_path) as desk:
        found = re.search(r"http://127\.0\.0\.1:\d+", read_until(desk, "running on"))
        assert found is not None
        ada, bob = await windows.open(found[0]), await windows.open(found[0])
        for page, name in ((ada, "Ada"), (bob, "Bob")):
            await page.get_by_label("Person").select_option(name)
            await page.get_by_role("button", name="Sign in").click()
        await ada.get_by_label("Title").fill("The lamp is broken")
        await ada.get_by_role("button", name="Open ticket").click()
        await ada.get_by_text("Ada: The lamp is broken").wait_for()
        await bob.reload()
        await bob.get_by_role("link", name="The lamp is broken").click()
        await bob.get_by_label("Message").fill("I have another one.")
        await bob.get_by_role("button", name="Send").click()
        await ada.get_by_text("Bob: I have another one.").wait_for()
        await bob.get_by_role("button", name="Close ticket").click()
        await ada.get_by_text("Desk bot: Bob closed this ticket.").wait_for()
        assert await ada.get_by_role("listitem").all_inner_texts() == [
            "Ada: The lamp is broken",
            "Bob: I have another one.",
            "Desk bot: Bob closed this ticket.",
        ]
        await windows.close()
