"""The transport of the AI SDK: unmodified `useChat`, in React and a browser."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser import Windows
from tests.clients.javascript.conftest import ROOT
from tests.clients.javascript.shop import Shop, build
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.docs.reading import blocks
from tests.process import Process
from tests.programs.waiting import free_port
from tests.serving import LiveServer, Person, Talk

pytestmark = pytest.mark.anyio

PAGE = (ROOT / "docs" / "assistants.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chat(project: Path) -> str:
    """The program of the page about assistants."""
    (chat,) = blocks(PAGE, "jsx", "chat")
    return build(project, "chat", chat=chat)


class Model:
    """A fake model: says what a test tells it to."""

    def __init__(self, person: Person, talk: Talk) -> None:
        self.person = person
        self.talk = talk
        self.path = ""
        self.length = 0

    async def asked(self) -> object:
        """The next question, and an answer to it is begun."""
        while (entry := await self.talk.get("message"))["by"]["name"] == "Model":
            pass
        body = {"text": "", "reply_to": entry["seq"]}
        begun = self.call("/items/order-17/messages", body=body, open=True)
        self.path, self.length = f"/items/order-17/messages/{begun['seq']}", 0
        return entry["body"]

    def say(self, text: str) -> bool:
        """More of the answer; whether somebody wants it to stop."""
        answer = self.call(f"{self.path}/append", at=self.length, text=text)
        self.length += len(text)
        return answer.get("stopped") is True

    def end(self, **fields: object) -> None:
        """No more of it."""
        self.call(f"{self.path}/finish", **fields)

    def call(self, path: str, **fields: object) -> dict[str, object]:
        """By HTTP."""
        answer = self.person.call("POST", path, json=fields)
        assert answer.is_success, answer.text
        found: dict[str, object] = answer.json()
        return found


async def ask(page: Page, text: str) -> None:
    """Send a message."""
    box = page.get_by_label("Message")
    await box.fill(text)
    await box.press("Enter")


@pytest.fixture
def server(serve: Serve) -> LiveServer:
    """It waits no longer than it has to for an author who has gone."""
    return serve(stream_silence=1)


@pytest.fixture
def people(server: LiveServer) -> tuple[Person, Person]:
    """Ada, and the model, which may write in her room."""
    ada, bot = server.person("ada", "Ada"), server.person("model", "Model")
    ada.create("order-17", model="writer")
    return ada, bot


@pytest.fixture
async def shop(windows: Windows, people: tuple[Person, Person]) -> Shop:
    """Ada's, before anything is shown."""
    # The SDK's zod tries whether it may make code out of text, and does without.
    windows.tolerate("TrustedScript|trusted-types-sink Function")
    return await Shop.visited(windows, people[0])


@pytest.fixture
async def model(people: tuple[Person, Person]) -> AsyncIterator[Model]:
    """In the room."""
    async with asyncio.timeout(scaled(60)), people[1].room("order-17") as talk:
        yield Model(people[1], talk)


async def test_an_answer_goes_on_after_a_refresh_and_is_stopped_from_another_tab(
    shop: Shop, model: Model, chat: str
) -> None:
    """It grows in both; that a page closes, or mounts its component twice, stops nothing."""
    page = await shop.run(chat)
    lines, status = page.get_by_role("listitem"), page.get_by_role("status")
    await ask(page, "Why?")
    assert await model.asked() == {"text": "Why?"}
    model.say("Be")
    await expect(lines).to_have_text(["user: Why?", "assistant: Be"])
    await expect(status).to_have_text("streaming")

    await page.reload()
    await expect(lines).to_have_text(["user: Why?", "assistant: Be"])
    await expect(status).to_have_text("streaming")
    assert not model.say("caus"), "a refresh has stopped it"
    await expect(lines.last).to_have_text("assistant: Becaus")

    other = await shop.context.new_page()
    await other.goto(page.url)
    await expect(other.get_by_role("listitem").last).to_have_text("assistant: Becaus")
    await expect(other.get_by_role("status")).to_have_text("streaming")
    assert not model.say("e"), "another page has stopped it"
    await other.get_by_role("button", name="Stop").click()
    assert (await model.talk.get("stop"))["by"]["name"] == "Ada"
    assert model.say(", well")
    model.end(state="stopped")
    for one in (page, other):
        line = one.get_by_role("listitem").last
        await expect(line).to_have_text("assistant: Because, well stopped")
        await expect(one.get_by_role("status")).to_have_text("ready")


async def test_an_answer_is_stopped_before_it_begins_and_says_how_it_failed(
    shop: Shop, model: Model, chat: str
) -> None:
    """A page that has not asked sees it, too."""
    page = await shop.run(chat)
    lines, status = page.get_by_role("listitem"), page.get_by_role("status")
    other = await shop.context.new_page()
    await other.goto(page.url)
    await ask(page, "Later?")
    await page.get_by_role("button", name="Stop").click()
    await expect(status).to_have_text("ready")
    await model.asked()
    await model.talk.get("stop")
    model.end(state="stopped")

    await ask(page, "And?")
    await model.asked()
    model.say("I")
    await expect(other.get_by_role("listitem").last).to_have_text("assistant: I")
    model.end(state="failed", error={"message": "No more tokens."})
    await expect(status).to_have_text("No more tokens.")
    await expect(lines).to_have_count(4)
    for one in (lines, other.get_by_role("listitem")):
        await expect(one.last).to_have_text("assistant: I failed")


async def test_an_answer_whose_author_has_gone_is_shown_as_interrupted(
    shop: Shop, people: tuple[Person, Person], chat: str
) -> None:
    """With the text as far as it came, and after a refresh too."""
    page = await shop.run(chat)
    await ask(page, "Well?")
    async with asyncio.timeout(scaled(30)), people[1].room("order-17") as talk:
        model = Model(people[1], talk)
        await model.asked()
        model.say("I thi")
    await expect(page.get_by_role("status")).to_have_text("The answer was interrupted.")
    await page.reload()
    await expect(page.get_by_role("listitem").last).to_have_text("assistant: I thi interrupted")
    await expect(page.get_by_role("status")).to_have_text("ready")


@pytest.mark.sqlite  # The file goes on under the next server.
async def test_an_answer_goes_on_over_a_restart_of_the_server(
    windows: Windows, tmp_path: Path, chat: str
) -> None:
    """`kill -9` in its middle: the page and the model's program come back, and no word is twice."""
    windows.tolerate("TrustedScript|trusted-types-sink Function|WebSocket connection to|ERR_CONN")
    port = free_port()
    with Process(tmp_path, measured=False, port=port) as server:
        ada, bot = server.person("ada", "Ada"), server.person("model", "Model")
        ada.create("order-17", model="writer")
        shop = await Shop.visited(windows, ada)
        page = await shop.run(chat)
        lines, status = page.get_by_role("listitem"), page.get_by_role("status")
        async with bot.room("order-17") as talk:
            model = Model(bot, talk)
            await ask(page, "Why?")
            await model.asked()
            model.say("Be")
            await expect(lines.last).to_have_text("assistant: Be")
            await asyncio.to_thread(server.end, signal.SIGKILL)
    with Process(tmp_path, measured=False, port=port):
        model.say("cause")
        await expect(lines).to_have_text(["user: Why?", "assistant: Because"])
        await expect(status).to_have_text("streaming")
        model.say(".")
        model.end()
        await expect(lines.last).to_have_text("assistant: Because. done")
        await expect(status).to_have_text("ready")
        await ask(page, "And?")
        await expect(lines).to_have_count(3)
        await windows.close()
