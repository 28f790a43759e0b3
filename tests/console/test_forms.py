"""Forms and questions: what is wrong is said where it is, nothing is lost or done by accident."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser import Windows
from tests.conftest import Serve
from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.serving import PASSWORD, LiveServer

pytestmark = pytest.mark.anyio

# Chromium writes every refusal down.
REFUSED = r"^Failed to load resource: the server responded with a status of 4(01|04|09|22) "
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 760}},
    "dark-phone": {"color_scheme": "dark", "viewport": {"width": 390, "height": 780}},
}


async def is_wrong(control: Locator, sentence: str) -> None:
    """The field is marked, has the focus, and its own sentence."""
    await expect(control).to_have_attribute("aria-invalid", "true")
    await expect(control).to_be_focused()
    await expect(control).to_have_accessible_description(re.compile(sentence))


async def is_right(control: Locator) -> None:
    """The field is not marked, or no longer."""
    await expect(control).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("name", LOOKS)
async def test_field_that_is_wrong_is_marked_with_its_own_sentence(
    visit: Visit, windows: Windows, server: LiveServer, name: str
) -> None:
    """Missing, malformed, too short and taken; until it is typed in again."""
    server.person("bob")
    windows.tolerate(REFUSED)
    page = (await visit(server, **LOOKS[name])).page
    await page.get_by_role("button", name="Create an account instead").click()
    username, password = page.get_by_label("Username"), page.get_by_label("Password", exact=True)
    create = page.get_by_role("button", name="Create account")
    await create.click()
    await is_wrong(username, "Fill this in")
    await expect(password).to_have_attribute("aria-invalid", "true")
    await username.fill("a!")
    await is_right(username)
    await password.fill("short")
    await create.click()
    await is_wrong(username, "A username has 1 to 64 characters")
    await is_right(password)
    await keep(page, f"console-form-{name}")
    assert await faults(page) == []
    await username.fill("bob")
    await create.click()
    await is_wrong(password, "A password has 8 to 256 characters")
    await is_right(username)
    await password.fill(PASSWORD)
    await create.click()
    await is_wrong(username, "This username is taken")
    await expect(page.locator("p.error")).to_have_text("")


async def test_password_that_is_wrong_is_said_at_the_password(
    visit: Visit, windows: Windows, server: LiveServer
) -> None:
    """Signing in again with the right one needs nothing else."""
    server.person("bob")
    windows.tolerate(REFUSED)
    tab = await visit(server)
    await tab.page.get_by_label("Username").fill("bob")
    password = tab.page.get_by_label("Password", exact=True)
    await password.fill("not this one")
    await password.press("Enter")
    await is_wrong(password, "username or the password is wrong")
    await tab.sign_in("bob")
    await expect(tab.page.get_by_role("heading", name="Items", level=2)).to_be_visible()


async def test_fields_of_dialogs_are_marked_too(
    visit: Visit, windows: Windows, server: LiveServer
) -> None:
    """Ids that are taken, malformed or unknown, and people whom nobody knows."""
    ada = server.person("ada")
    ada.create("order-17")
    windows.tolerate(REFUSED)
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    made = await tab.dialog("New item", "New item")
    item_id = made.get_by_label("Item id")
    for wrong, sentence in (("order 17", "An item's id has 1 to"), ("order-17", "taken")):
        await item_id.fill(wrong)
        await made.get_by_role("button", name="Create item").click()
        await is_wrong(item_id, sentence)
    await made.get_by_role("button", name="Cancel").click()
    opened = await tab.dialog("Open an item by id", "Open an item")
    await opened.get_by_label("Item id").fill("order-18")
    await opened.get_by_role("button", name="Open", exact=True).click()
    await is_wrong(opened.get_by_label("Item id"), "There is no such item")
    await tab.page.keyboard.press("Escape")
    members = await tab.dialog("Members", "Members and settings")
    await members.get_by_label("Username").fill("nobody")
    await members.get_by_role("button", name="Add member").click()
    await is_wrong(members.get_by_label("Username"), "no such user")


async def test_switching_between_the_forms_keeps_what_was_typed(
    visit: Visit, server: LiveServer
) -> None:
    """There and back again."""
    server.person("bob")
    page = (await visit(server)).page
    await page.get_by_label("Username").fill("ada")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Create an account instead").click()
    await page.get_by_label("Display name (optional)").fill("Ada L.")
    for other in ("Sign in instead", "Create an account instead"):
        await expect(page.get_by_label("Username")).to_have_value("ada")
        await expect(page.get_by_label("Password", exact=True)).to_have_value(PASSWORD)
        await page.get_by_role("button", name=other).click()
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("button", name="Account: Ada L.")).to_be_visible()


async def test_server_without_users_invites_to_sign_up(visit: Visit, server: LiveServer) -> None:
    """The first visitor; whoever comes later is asked to sign in."""
    tab = await visit(server)
    await expect(tab.page.get_by_role("heading", name="Create an account")).to_be_visible()
    await keep(tab.page, "console-first")
    await tab.sign_up("ada")
    later = await visit(server)
    await expect(later.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_closed_registration_is_not_offered(visit: Visit, serve: Serve) -> None:
    """Not even to the first visitor: only the operator makes users."""
    page = (await visit(serve(registration="closed"))).page
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await page.get_by_role("button", name=re.compile("account")).count() == 0


async def log_in(tab: Tab, username: str, url: str) -> None:
    """Beside the page, with the cookies of its browser: as another tab or a program does."""
    login = {"username": username, "password": PASSWORD}
    response = await tab.page.request.post(f"{url}/auth/login", data=login)
    assert response.ok


async def test_session_made_elsewhere_is_recognised(
    visit: Visit, windows: Windows, server: LiveServer
) -> None:
    """On reload, when the page gets the focus, and when it is somebody else's."""
    windows.tolerate(REFUSED)  # The list may ask before the page knows that the cookie is gone.
    for name in ("ada", "bob"):
        server.person(name)
    tab = await visit(server)
    await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await log_in(tab, "ada", server.url)
    await tab.page.reload()
    await expect(tab.page.get_by_role("button", name="Account: ada")).to_be_visible()
    await log_in(tab, "bob", server.url)
    await tab.page.evaluate("() => dispatchEvent(new Event('focus'))")
    await expect(tab.page.get_by_role("button", name="Account: bob")).to_be_visible()
    await tab.page.context.clear_cookies()
    await tab.page.evaluate("() => dispatchEvent(new Event('focus'))")
    await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await log_in(tab, "ada", server.url)
    await tab.page.evaluate("() => dispatchEvent(new Event('focus'))")
    await expect(tab.page.get_by_role("button", name="Account: ada")).to_be_visible()


async def test_removing_a_member_asks(visit: Visit, server: LiveServer) -> None:
    """Cancel and Escape change nothing and give the focus back; only the answer does."""
    ada = server.person("ada")
    server.person("bob")
    ada.create("order-17", bob="writer")
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    members = await tab.dialog("Members", "Members and settings")
    remove = members.get_by_role("button", name="Remove bob")
    question = tab.page.get_by_role("dialog", name="Remove bob?")
    await remove.click()
    await keep(tab.page, "console-question")
    assert await faults(tab.page) == []
    await question.get_by_role("button", name="Cancel").click()
    await expect(question).to_be_hidden()
    await expect(remove).to_be_focused()
    await remove.press("Enter")
    await question.press("Escape")
    await expect(question).to_be_hidden()
    await expect(remove).to_be_focused()
    assert len(ada.call("GET", "/items/order-17/members").json()["members"]) == 2
    await remove.click()
    await question.get_by_role("button", name="Remove", exact=True).click()
    await expect(question).to_be_hidden()
    await expect(remove).to_be_hidden()
    await expect(members.get_by_role("heading", name="Members and settings")).to_be_focused()
    assert len(ada.call("GET", "/items/order-17/members").json()["members"]) == 1


async def test_admin_who_steps_down_is_asked(
    visit: Visit, windows: Windows, server: LiveServer
) -> None:
    """It is the one change of a role that one cannot take back oneself."""
    ada = server.person("ada")
    server.person("bob")
    ada.create("order-17", bob="writer")
    windows.tolerate(REFUSED)
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    members = await tab.dialog("Members", "Members and settings")
    hers = members.get_by_role("combobox", name="Role of ada")
    question = tab.page.get_by_role("dialog", name="Stop being an admin?")
    stop = question.get_by_role("button", name="Stop being an admin")
    await hers.select_option("writer")
    await question.get_by_role("button", name="Cancel").click()
    await expect(hers).to_have_value("admin")
    await hers.select_option("writer")
    await stop.click()
    await expect(question).to_contain_text("last admin")
    await question.get_by_role("button", name="Cancel").click()
    await expect(hers).to_have_value("admin")
    await members.get_by_role("combobox", name="Role of bob").select_option("admin")
    await expect(members.get_by_role("combobox", name="Role of bob")).to_have_value("admin")
    await hers.select_option("writer")
    await stop.click()
    await expect(question).to_be_hidden()
    await expect(hers).to_have_value("writer")
    assert ada.call("GET", "/items/order-17").json()["role"] == "writer"


async def test_leaving_and_revoking_ask_too(visit: Visit, server: LiveServer) -> None:
    """What cannot be undone needs a second word, and deleting an item can be called off."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    tab = await visit(server)
    await tab.arrive(bob, "order-17")
    access = await tab.dialog("API access", "API access")
    await access.get_by_role("button", name="Make token").click()
    await access.get_by_role("button", name=re.compile("^Revoke ")).click()
    question = tab.page.get_by_role("dialog", name=re.compile("^Revoke "))
    await question.get_by_role("button", name="Cancel").click()
    tokens = access.get_by_role("list", name="API tokens").get_by_role("listitem")
    await expect(tokens).to_contain_text("console, order-17")
    await access.get_by_role("button", name=re.compile("^Revoke ")).click()
    await question.get_by_role("button", name="Revoke", exact=True).click()
    await expect(tokens).to_have_text("None yet.")
    await tab.page.keyboard.press("Escape")
    members = await tab.dialog("Members", "Members and settings")
    await members.get_by_role("button", name="Leave item…").click()
    question = tab.page.get_by_role("dialog", name="Leave this item?")
    await question.get_by_role("button", name="Leave", exact=True).click()
    await expect(members).to_be_hidden()
    await expect(tab.page.get_by_text("Nothing here yet.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_admin_leaves_once_there_is_another(
    visit: Visit, windows: Windows, server: LiveServer, scheme: str
) -> None:
    """The last one is told why not, and stays; then the item is gone from the list."""
    ada = server.person("ada")
    bob = server.person("bob")
    ada.create("order-17", bob="writer")
    phone = {"width": 390, "height": 780}
    tab = await visit(server, viewport=phone, color_scheme=scheme)
    await tab.arrive(ada, "order-17")
    members = await tab.dialog("Members", "Members and settings")
    await expect(members.get_by_role("button", name="Remove bob")).to_be_visible()
    await expect(members.get_by_role("button", name="Remove ada")).to_have_count(0)
    await members.get_by_role("button", name="Leave item…").click()
    question = tab.page.get_by_role("dialog", name="Leave this item?")
    leave = question.get_by_role("button", name="Leave", exact=True)
    windows.tolerate("status of 409")
    await leave.click()
    await expect(question.get_by_role("alert")).to_contain_text("last admin")
    await keep(tab.page, f"leaving-{scheme}")
    assert await faults(tab.page) == []
    ada.call("PUT", "/items/order-17/members/bob", json={"role": "admin"})
    await leave.click()
    await expect(members).to_be_hidden()
    await expect(tab.page.get_by_text("Nothing here yet.")).to_be_visible()
    assert bob.call("GET", "/items/order-17").json()["role"] == "admin"
    assert ada.call("GET", "/items/order-17").status_code == 404


async def test_who_is_no_member_has_nothing_to_leave(visit: Visit, server: LiveServer) -> None:
    """An item that is open to everyone lets them read, and that is all."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17")
    ada.call("PATCH", "/items/order-17", json={"default_role": "reader"})
    tab = await visit(server)
    await tab.arrive(bob, "order-17")
    members = await tab.dialog("Members", "Members and settings")
    await expect(members.get_by_role("list", name="Members")).to_contain_text("ada")
    await expect(members.get_by_role("button", name="Leave item…")).to_be_hidden()


async def test_deleting_an_item_can_be_called_off(tab: Tab) -> None:
    """The question goes, and the button is there again, with the focus."""
    members = await tab.dialog("Members", "Members and settings")
    begin = members.get_by_role("button", name="Delete item…")
    await begin.click()
    await members.get_by_role("button", name="Cancel").click()
    await expect(begin).to_be_focused()
    await expect(members.get_by_role("button", name="Delete for good")).to_be_hidden()
