"""A browser's tab with the console, used as a person would: by names, not by the code's."""

from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

from tests.serving import PASSWORD, Person

# What stands on the screen, by its place there and not by its place in the document.
READ = """() => [...document.querySelectorAll(".row-message")]
  .map((row) => ({
    top: row.getBoundingClientRect().top,
    seq: Number(row.dataset.seq),
    text: row.querySelector(".text, .gone").innerText,
  }))
  .sort((one, other) => one.top - other.top)
  .map(({ seq, text }) => [seq, text])"""


@dataclass
class Tab:
    """One person's page."""

    page: Page

    async def sign_up(self, username: str, name: str | None = None) -> None:
        """As somebody new; on a server without users this is what the page begins with."""
        other = self.page.get_by_role("button", name="Create an account instead")
        await expect(other.or_(self.page.get_by_text("make the first one"))).to_be_visible()
        if await other.is_visible():
            await other.click()
        await self.page.get_by_label("Username").fill(username)
        await self.page.get_by_label("Display name (optional)").fill(name or username.title())
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.page.get_by_role("button", name="Create account").click()
        await expect(self.page.get_by_role("heading", name="Items", level=2)).to_be_visible()

    async def sign_in(self, username: str) -> None:
        """As somebody who has signed up elsewhere."""
        await self.page.get_by_label("Username").fill(username)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in", exact=True).click()

    async def arrive(self, person: Person, item_id: str) -> None:
        """Sign in at an item's address, and be in its room."""
        await self.page.goto(f"{person.server.url}/#/items/{item_id}")
        await self.sign_in(person.username)
        await self.is_live()

    async def create(self, item_id: str, title: str) -> None:
        """A new item, which opens."""
        await self.page.get_by_role("button", name="New item").click()
        dialog = self.page.get_by_role("dialog", name="New item")
        await dialog.get_by_label("Item id (optional)").fill(item_id)
        await dialog.get_by_label("Title (optional)").fill(title)
        await dialog.get_by_role("button", name="Create item").click()
        await self.is_in(item_id)

    async def enter(self, item_id: str) -> None:
        """Open an item by its id."""
        await self.page.get_by_role("button", name="Open an item by id").click()
        dialog = self.page.get_by_role("dialog", name="Open an item")
        await dialog.get_by_label("Item id").fill(item_id)
        await dialog.get_by_role("button", name="Open").click()
        await self.is_in(item_id)

    @property
    def connection(self) -> Locator:
        """What the page says of its connection."""
        return self.page.get_by_role("status", name="Connection")

    async def is_live(self) -> None:
        """Wait until the room is live."""
        await expect(self.connection).to_have_attribute("data-state", "live")

    async def is_in(self, item_id: str) -> None:
        """Wait until the room of an item is live, and not the one before it."""
        await expect(self.page.locator(".room-title")).to_contain_text(item_id)
        await self.is_live()

    async def say(self, text: str) -> None:
        """Send a message."""
        box = self.page.get_by_role("textbox", name="Message", exact=True)
        await box.fill(text)
        await box.press("Enter")

    def message(self, text: str) -> Locator:
        """The message with this text."""
        return self.page.locator(".row-message").filter(has=self.page.get_by_text(text, exact=True))

    async def act(self, text: str, action: str) -> Locator:
        """Press a button of a message's toolbar; the message."""
        message = self.message(text)
        await message.hover()
        await message.get_by_role("button", name=action, exact=True).click()
        return message

    async def dialog(self, button: str, name: str) -> Locator:
        """Open a dialog by its button."""
        await self.page.get_by_role("button", name=button, exact=True).click()
        return self.page.get_by_role("dialog", name=name)

    async def screen(self) -> list[tuple[int, str]]:
        """Seq and text of the messages that are drawn, from the top, when all are stored."""
        await expect(self.page.locator(".row-message:not([data-seq])")).to_have_count(0)
        return [(seq, text) for seq, text in await self.page.evaluate(READ)]
