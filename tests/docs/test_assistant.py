"""The assistant of `examples/`, by its README: whoever is killed, the answer is whole."""

import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser import Windows
from tests.docs.reading import ROOT, blocks
from tests.docs.test_examples import end_all, read_until, running
from tests.programs.waiting import free_port

pytestmark = pytest.mark.anyio
Started = AbstractContextManager["subprocess.Popen[str]"]
COUNTED = f"Let me count. {', '.join(map(str, range(1, 201)))}. Done."


@pytest.fixture
def programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Callable[[], Started], Callable[[], Started]]:
    """The site's address, and what starts the site and the model as the README does."""
    port = free_port()
    monkeypatch.setenv("ASSISTANT_SECRET", secrets.token_hex(32))
    monkeypatch.setenv("ASSISTANT_ROOMS", f"http://127.0.0.1:{port}/rooms")
    folder = ROOT / "examples" / "assistant"
    (block,) = blocks((folder / "README.md").read_text(encoding="utf-8"), "sh", "run")
    *_, site, model = block.replace("examples/assistant", str(folder)).splitlines()
    python = Path(sys.executable)
    site = f"{python.parent}/{site.removesuffix(' &')}".replace("8002", str(port))
    model = model.replace("python", str(python), 1)
    start = partial(running, folder=tmp_path, stderr=subprocess.STDOUT)
    return f"http://127.0.0.1:{port}", partial(start, *site.split()), partial(start, *model.split())


async def ask(page: Page, question: str) -> None:
    """As a person does; until the answer has begun."""
    box = page.get_by_role("textbox", name="Message")
    await box.fill(question)
    await box.press("Enter")
    await page.get_by_text(f"You asked: {question}").wait_for()


async def shows(page: Page, question: str, text: str) -> None:
    """The answer, exactly."""
    answer = page.get_by_text(f"You asked: {question}")
    await expect(answer).to_have_text(f"You asked: {question}\n{text}")


@pytest.mark.sqlite  # As it stands, it has a file.
@pytest.mark.timeout(180)
async def test_answer_is_whole_whoever_is_killed(
    programs: tuple[str, Callable[[], Started], Callable[[], Started]], windows: Windows
) -> None:
    """A reload, a second tab, `kill -9` of the model and of the site, and a stop."""
    windows.tolerate("WebSocket connection to|ERR_CONNECTION_REFUSED")
    url, start_site, start_model = programs
    with ExitStack() as stack:
        site = stack.enter_context(start_site())
        read_until(site, "running on")
        model = stack.enter_context(start_model())
        first = await windows.open(url)
        await ask(first, "Why?")
        await first.reload()
        second = await first.context.new_page()
        await second.goto(first.url)
        await first.get_by_text("21, 22").wait_for()
        end_all(model)
        stack.enter_context(start_model())
        for page in (first, second):
            await shows(page, "Why?", COUNTED)
        await ask(first, "How?")
        end_all(site)
        site = stack.enter_context(start_site())
        for page in (first, second):
            await shows(page, "How?", COUNTED)
        await ask(second, "When?")
        await first.get_by_role("button", name="Stop").click()
        for page in (first, second):
            await page.get_by_text("stopped", exact=True).wait_for()
        stopped = await first.get_by_text("You asked: When?").inner_text()
        assert re.fullmatch(r"You asked: When\?\nLet me count\. [\d, ]+", stopped)
        stranger = await windows.open(first.url)
        await stranger.get_by_text("Not let in.").wait_for()
        await windows.close()
        end_all(site)
        assert "Traceback" not in (site.stdout.read() if site.stdout else "")
