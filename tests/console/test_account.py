"""The reader's own account: name, password and sessions, in the console."""

import re
from contextlib import closing
from typing import Any

import httpx2
import pytest
from playwright.async_api import expect

from tests.browser import Windows
from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.serving import PASSWORD, LiveServer, Person

pytestmark = pytest.mark.anyio

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 900}},
    "dark-phone": {"color_scheme": "dark", "viewport": {"width": 390, "height": 780}},
}


@pytest.fixture
def ada(server: LiveServer) -> Person:
    """Ada, with an item that Bob may write in."""
    ada = server.person("ada")
    server.person("bob")
    ada.create("order-17", bob="writer")
    return ada


async def arrive(visit: Visit, person: Person, **look: Any) -> Tab:
    """The person in the room, in a browser of their own."""
    tab = await visit(person.server, **look)
    await tab.arrive(person, "order-17")
    return tab


def sign_in(person: Person, agent: str) -> httpx2.Client:
    """Another browser of theirs; the caller closes it."""
    client = httpx2.Client(base_url=person.server.url, headers={"User-Agent": agent})
    login = {"username": person.username, "password": PASSWORD}
    assert client.post("/auth/login", json=login).status_code == 200
    return client


async def test_new_name_is_seen_by_everybody_at_once(
    visit: Visit, windows: Windows, server: LiveServer, ada: Person
) -> None:
    """In the bar, in the dialog, on what is written next, and by who else is here."""
    windows.tolerate(r"status of 422 .*/auth/me\)")
    tab = await arrive(visit, ada)
    other = await visit(server)
    await other.page.goto(f"{server.url}/#/items/order-17")
    await other.sign_in("bob")
    await other.is_live()
    account = await tab.dialog("Account: ada", "Account")
    name = account.get_by_label("Display name")
    await expect(name).to_have_value("ada")
    await name.fill("a\u202eb")
    await account.get_by_role("button", name="Change name").click()
    await expect(name).to_have_attribute("aria-invalid", "true")
    await name.fill("Countess")
    await account.get_by_role("button", name="Change name").click()
    await expect(account.locator(".identity")).to_contain_text("Countess")
    await tab.page.keyboard.press("Escape")
    await expect(tab.page.get_by_role("button", name="Account: Countess")).to_be_focused()
    await tab.say("it is me")
    await expect(other.message("it is me").locator(".author")).to_have_text("Countess")
    here = await other.dialog("2 here", "Who is here")
    await expect(here.get_by_role("list", name="People here")).to_contain_text("Countess")


async def test_password_is_changed_and_ends_the_other_sessions(
    visit: Visit, windows: Windows, ada: Person
) -> None:
    """The wrong one is said at its field; the browser that asked goes on."""
    windows.tolerate(r"status of 4(01|22) .*/auth/password\)")
    with closing(sign_in(ada, "curl/8.5.0")) as elsewhere:
        tab = await arrive(visit, ada)
        account = await tab.dialog("Account: ada", "Account")
        await account.get_by_text("Password", exact=True).click()
        current, wanted = account.get_by_label("Current password"), account.get_by_label("New")
        change = account.get_by_role("button", name="Change password")
        await current.fill("not this one")
        await wanted.fill("short")
        await change.click()
        await expect(wanted).to_have_accessible_description(re.compile("8 to 256 characters"))
        await wanted.fill("another good one")
        await change.click()
        await expect(current).to_have_accessible_description(re.compile("is wrong"))
        await current.fill(PASSWORD)
        await change.click()
        await expect(account.get_by_text("Your other sessions have ended.")).to_be_visible()
        await expect(current).to_have_value("")
        assert elsewhere.get("/auth/me").status_code == 401
    await tab.page.keyboard.press("Escape")
    await tab.is_live()
    login = {"username": "ada", "password": "another good one"}
    assert httpx2.post(f"{ada.server.url}/auth/login", json=login).status_code == 200


@pytest.mark.parametrize("look", LOOKS)
async def test_sessions_are_ended_one_by_one_and_all_at_once(
    visit: Visit, ada: Person, look: str
) -> None:
    """Each asks first; the session in use stays."""
    agents = ("curl/8.5.0", "Mozilla/5.0 (Windows NT) Firefox/140.0", "itemroom/1")
    clients = [sign_in(ada, agent) for agent in agents]
    tab = await visit(ada.server, **LOOKS[look])
    await tab.sign_in("ada")
    account = await tab.dialog("Account: ada", "Account")
    rows = account.get_by_role("list", name="Sessions").get_by_role("listitem")
    await expect(rows).to_have_count(4)
    await expect(rows.first).to_contain_text("this browser")
    await keep(tab.page, f"console-account-{look}")
    assert await faults(tab.page) == []
    await account.get_by_role("button", name="End session of Firefox on Windows").click()
    question = tab.page.get_by_role("dialog", name="End this session?")
    await question.get_by_role("button", name="Cancel").click()
    await expect(rows).to_have_count(4)
    await account.get_by_role("button", name="End session of Firefox on Windows").click()
    await question.get_by_role("button", name="End", exact=True).click()
    await expect(rows).to_have_count(3)
    assert [client.get("/auth/me").status_code for client in clients] == [200, 401, 200]
    await account.get_by_role("button", name="End all others…").click()
    question = tab.page.get_by_role("dialog", name="End all other sessions?")
    await question.get_by_role("button", name="End all others").click()
    await expect(rows).to_have_count(1)
    assert [client.get("/auth/me").status_code for client in clients] == [401, 401, 401]
    await expect(account.get_by_role("button", name="End all others…")).to_be_hidden()
    for client in clients:
        client.close()
