"""Links into an item, in the console: made by an admin, opened by whoever got one."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from api import Itemroom
from tests.browser import Windows
from tests.conftest import make_settings
from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.databases import provide
from tests.embedded.hosts import hosting
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1200, "height": 900}},
    "dark-phone": {"color_scheme": "dark", "viewport": {"width": 390, "height": 780}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 780}},
}
ENDED = r"status of 410 .*/invites/look\)"


@pytest.fixture
def ada(server: LiveServer) -> Person:
    """Ada, with an item that has a title."""
    ada = server.person("ada", "Ada")
    ada.create("order-17")
    ada.call("PATCH", "/items/order-17", json={"title": "Four oak chairs"})
    return ada


def link_of(ada: Person, **wish: Any) -> str:
    """A link that Ada has made by a program."""
    wanted = {"role": "writer"} | wish
    made = ada.call("POST", "/items/order-17/invites", json=wanted)
    return str(made.json()["url"])


async def make_link(dialog: Locator, **choices: str) -> str:
    """Make one in the dialog, and read it."""
    section = dialog.get_by_role("region", name="Invite by link")
    for label, choice in choices.items():
        await section.get_by_label(label.replace("_", " "), exact=True).select_option(choice)
    await section.get_by_role("button", name="Make link").click()
    box = section.get_by_role("textbox", name="Link", exact=True)
    await expect(box).to_be_focused()
    return await box.input_value()


async def sound(tab: Tab) -> None:
    """What the page shows has no serious fault, and nothing stands out to the right."""
    assert await faults(tab.page) == []
    assert await tab.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


async def test_link_that_an_admin_makes_lets_somebody_new_in(
    visit: Visit, tab: Tab, server: LiveServer
) -> None:
    """From the dialog to the first message: who has no account makes one on the way."""
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog = await tab.dialog("Members", "Members and settings")
    await expect(dialog.get_by_text("No links yet.")).to_be_visible()
    link = await make_link(dialog)
    await dialog.get_by_role("button", name="Copy link").click()
    assert await tab.page.evaluate("() => navigator.clipboard.readText()") == link
    links = dialog.get_by_role("list", name="Invite links")
    await expect(links).to_contain_text("writer, for 1 person by Ada")
    bob = await visit(server, link.removeprefix(server.url))
    await expect(
        bob.page.get_by_text("Ada invites you to Four oak chairs as writer.")
    ).to_be_visible()
    await bob.page.get_by_role("button", name="Create an account instead").click()
    await bob.page.get_by_label("Username").fill("bob")
    await bob.page.get_by_label("Password", exact=True).fill("correct horse battery")
    await bob.page.get_by_role("button", name="Create account").click()
    await expect(bob.page.get_by_role("heading", name="Four oak chairs")).to_be_focused()
    await expect(bob.page.get_by_text("As writer you can read and write there.")).to_be_visible()
    await bob.page.get_by_role("button", name="Join as writer").click()
    await bob.is_live()
    await expect(bob.page).to_have_url(f"{server.url}/#/items/order-17")
    await bob.say("hello")
    await tab.page.keyboard.press("Escape")
    await expect(tab.message("hello")).to_be_visible()
    dialog = await tab.dialog("Members", "Members and settings")
    await expect(dialog.get_by_role("list", name="Members")).to_contain_text("bob")
    await expect(dialog.get_by_text("No links yet.")).to_be_visible()


async def test_link_is_no_place_in_the_history(
    visit: Visit, server: LiveServer, ada: Person
) -> None:
    """Going back leads to where they were before it."""
    server.person("bob")
    tab = await visit(server)
    await tab.sign_in("bob")
    await expect(tab.page.get_by_role("heading", name="Items", level=2)).to_be_visible()
    await tab.page.goto(link_of(ada))
    await tab.page.get_by_role("button", name="Join as writer").click()
    await tab.is_live()
    await tab.page.go_back()
    await expect(tab.page).to_have_url(f"{server.url}/")


async def test_link_leads_members_to_the_room(
    visit: Visit, server: LiveServer, ada: Person
) -> None:
    """There is nothing to join; a reader is offered to become more."""
    bob = server.person("bob")
    ada.call("PUT", "/items/order-17/members/bob", json={"role": "reader"})
    tab = await visit(server)
    await tab.page.goto(link_of(ada, role="reader"))
    await tab.sign_in("bob")
    await tab.is_live()
    await tab.page.goto(link_of(ada, role="admin"))
    await expect(tab.page.get_by_text("Now you are a reader.")).to_be_visible()
    await tab.page.get_by_role("button", name="Join as admin").click()
    await tab.is_live()
    assert bob.call("GET", "/items/order-17").json()["role"] == "admin"


async def test_link_that_leads_nowhere_says_why(
    visit: Visit, windows: Windows, server: LiveServer, ada: Person
) -> None:
    """Before and after signing in; and whoever does not want in is not let in."""
    windows.tolerate(ENDED)
    windows.tolerate(r"status of 404 .*/invites/look\)")
    server.person("bob")
    link = link_of(ada)
    (invite,) = ada.call("GET", "/items/order-17/invites").json()["invites"]
    tab = await visit(server)
    await tab.page.goto(link)
    await expect(tab.page.get_by_text("Ada invites you")).to_be_visible()
    await tab.sign_in("bob")
    await tab.page.get_by_role("button", name="Cancel").click()
    await expect(tab.page).to_have_url(f"{server.url}/#/")
    ada.call("DELETE", f"/items/order-17/invites/{invite['id']}")
    await tab.page.goto(link)
    await expect(tab.page.get_by_role("alert")).to_have_text("This invite was revoked.")
    await sound(tab)
    await tab.page.get_by_role("button", name="To my items").click()
    await tab.page.goto(f"{link}x")
    await expect(tab.page.get_by_role("alert")).to_contain_text("a part of the link is missing")
    other = await visit(server, link.removeprefix(server.url))
    await expect(other.page.get_by_text("This invite was revoked.")).to_be_visible()
    await expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_link_opened_in_a_tab_that_is_signed_out(
    visit: Visit, server: LiveServer, ada: Person
) -> None:
    """Pasted into the address bar, where the page is already."""
    tab = await visit(server)
    await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await tab.page.evaluate("(link) => { location.href = link }", link_of(ada))
    await expect(tab.page.get_by_text("Ada invites you")).to_be_visible()


async def test_server_that_cannot_be_reached_is_asked_again(
    visit: Visit, windows: Windows, server: LiveServer, ada: Person
) -> None:
    """The link is as good as before."""
    windows.tolerate(r"ERR_FAILED|Failed to load")
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    await tab.page.route("**/invites/look", lambda route: route.abort())
    await tab.page.goto(link_of(ada, role="reader"))
    await expect(tab.page.get_by_role("alert")).to_have_text("The server cannot be reached.")
    await tab.page.unroute("**/invites/look")
    await tab.page.get_by_role("button", name="Try again").click()
    await tab.is_live()


async def test_links_are_revoked_in_the_dialog(tab: Tab, ada: Person, server: LiveServer) -> None:
    """After a question; one whose maker is no admin any more says so."""
    bob = server.person("bob", "Bob")
    ada.call("PUT", "/items/order-17/members/bob", json={"role": "admin"})
    bob.call("POST", "/items/order-17/invites", json={"role": "reader", "uses": None})
    ada.call("PUT", "/items/order-17/members/bob", json={"role": "writer"})
    dialog = await tab.dialog("Members", "Members and settings")
    links = dialog.get_by_role("list", name="Invite links")
    await expect(links).to_contain_text("reader, for anybody by Bob")
    await expect(links).to_contain_text("lets nobody in")
    await make_link(dialog, They_become="Reader", For="5 people", Ends_after="30 days")
    await expect(links.get_by_role("listitem")).to_have_count(2)
    await links.get_by_role("button", name="Revoke link: reader, for 5 people").click()
    question = tab.page.get_by_role("dialog", name="Revoke this link?")
    await question.get_by_role("button", name="Revoke", exact=True).click()
    await expect(links.get_by_role("listitem")).to_have_count(1)
    (left,) = ada.call("GET", "/items/order-17/invites").json()["invites"]
    assert (left["by"]["name"], left["uses"]) == ("Bob", None)


@pytest.mark.parametrize("look", LOOKS)
async def test_invites_look_right(visit: Visit, server: LiveServer, ada: Person, look: str) -> None:
    """The dialog, the way in and the question, for eyes and for those who have none."""
    server.person("bob")
    ada.call("POST", "/items/order-17/invites", json={"role": "reader", "uses": 25})
    tab = await visit(server, **LOOKS[look])
    await tab.arrive(ada, "order-17")
    dialog = await tab.dialog("Members", "Members and settings")
    link = await make_link(dialog)
    await expect(dialog.get_by_role("list", name="Invite links")).to_contain_text("25 people")
    await sound(tab)
    await keep(tab.page, f"invites-{look}")
    guest = await visit(server, link.removeprefix(server.url), **LOOKS[look])
    await expect(guest.page.get_by_text("Ada invites you")).to_be_visible()
    await sound(guest)
    await keep(guest.page, f"invites-sign-in-{look}")
    await guest.sign_in("bob")
    await expect(guest.page.get_by_role("button", name="Join as writer")).to_be_visible()
    await sound(guest)
    await keep(guest.page, f"invites-join-{look}")


async def test_link_below_a_path_leads_there(tmp_path: Path, windows: Windows) -> None:
    """The link that is made has the path, and whoever opens it stays below it."""
    settings = make_settings(tmp_path)
    provide(settings)
    with hosting(Itemroom(settings)) as host:
        tab = Tab(await windows.open(f"{host.url}/"))
        await tab.sign_up("ada")
        await tab.create("order-17", "Four oak chairs")
        dialog = await tab.dialog("Members", "Members and settings")
        link = await make_link(dialog)
        assert re.fullmatch(re.escape(host.url) + r"/#/invite/iri_[\w-]{43}", link)
        bob = Tab(await windows.open(link))
        await bob.page.get_by_role("button", name="Create an account instead").click()
        await bob.page.get_by_label("Username").fill("bob")
        await bob.page.get_by_label("Password", exact=True).fill("correct horse battery")
        await bob.page.get_by_role("button", name="Create account").click()
        await bob.page.get_by_role("button", name="Join as writer").click()
        await bob.is_live()
        await expect(bob.page).to_have_url(f"{host.url}/#/items/order-17")
        await windows.close()
