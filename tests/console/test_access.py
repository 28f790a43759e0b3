"""The programs that the console writes for its users, run exactly as they are shown."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.browser import NODE, Windows
from tests.console.conftest import Visit
from tests.console.tab import Tab
from tests.deadlines import scaled
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

PATIENCE = 20.0  # Seconds until a program has said what it should.


async def ask_for_token(tab: Tab) -> Locator:
    """Open the dialog and make an API token."""
    dialog = await tab.dialog("API access", "API access")
    await dialog.get_by_role("button", name="Make token").click()
    await expect(dialog.get_by_role("textbox", name="Token", exact=True)).to_be_visible()
    return dialog


async def snippet(dialog: Locator, tab: str, language: str) -> str:
    """The text of one of the programs."""
    await dialog.get_by_role("tab", name=tab, exact=True).click()
    code = dialog.locator(f'pre[data-language="{language}"] code')
    await expect(code).to_be_visible()
    return await code.inner_text()


async def run_until(said: str, *command: str | os.PathLike[str]) -> None:
    """Run a program until it says something; it may then go on, and is ended."""
    foreign = ("COVERAGE_", "ITEMROOM_")
    environment = {k: value for k, value in os.environ.items() if not k.startswith(foreign)}
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        *command, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=environment
    )
    assert program.stdout is not None
    heard = b""
    try:
        async with asyncio.timeout(scaled(PATIENCE)):
            while said.encode() not in heard:
                line = await program.stdout.readline()
                assert line, f"{command} ended: {heard.decode()}"
                heard += line
    except TimeoutError:
        raise AssertionError(f"{command} says only: {heard.decode()}") from None
    finally:
        if program.returncode is None:
            program.kill()
        await program.communicate()


def written(path: Path, text: str) -> Path:
    """A file as somebody pastes it."""
    path.write_text(text, encoding="utf-8")
    return path


async def test_snippets_work_as_pasted(windows: Windows, tmp_path: Path, tab: Tab) -> None:
    """In a shell, in Python, in Node and as a page; each is read by the person who made it."""
    dialog = await ask_for_token(tab)
    curl = await snippet(dialog, "curl", "curl")
    python = written(tmp_path / "room.py", await snippet(dialog, "Python", "python"))
    node = written(tmp_path / "room.mjs", await snippet(dialog, "JavaScript", "javascript"))
    page = written(tmp_path / "room.html", await snippet(dialog, "Web page", "browser"))
    bash = shutil.which("bash") or "sh"
    runs: Sequence[tuple[str, tuple[str | os.PathLike[str], ...]]] = [
        ("Hello from curl", (bash, "-c", curl)),
        ("Hello from Python", (sys.executable, python)),
        ("Hello from JavaScript", (NODE, node)),
    ]
    await asyncio.gather(*(run_until(said, *command) for said, command in runs))
    shown = await windows.open(page.as_uri())
    await expect(shown.get_by_text("Hello from a page")).to_be_visible()
    await tab.page.keyboard.press("Escape")
    for said in [*(said for said, _ in runs), "Hello from a page"]:
        await expect(tab.message(said)).to_be_visible()


async def test_what_was_given_away_ends(
    visit: Visit, windows: Windows, server: LiveServer, tab: Tab, ada: Person
) -> None:
    """A ticket with its first use, in a browser that is nobody's; a token when it is revoked."""
    dialog = await ask_for_token(tab)
    text = await dialog.get_by_role("textbox", name="Token", exact=True).input_value()
    token = Person(server, "ada", ada.id, text)
    assert token.call("GET", "/items/order-17").status_code == 200
    tokens = dialog.get_by_role("list", name="API tokens")
    await tokens.get_by_role("button", name="Revoke").first.click()
    question = tab.page.get_by_role("dialog", name=re.compile("^Revoke "))
    await question.get_by_role("button", name="Revoke", exact=True).click()
    await expect(tokens.get_by_role("button", name="Revoke")).to_have_count(0)
    assert token.call("GET", "/items/order-17").json()["code"] == "auth_revoked"

    await dialog.get_by_role("button", name="Make ticket").click()
    await expect(dialog.get_by_role("textbox", name="Ticket", exact=True)).to_be_visible()
    program = await snippet(dialog, "JavaScript", "javascript")
    page = (await visit(server)).page
    heard = "room.onmessage = ({data}) => done(JSON.parse(data).reason ?? JSON.parse(data).type)"
    run = f"() => new Promise((done) => {{ {program}\n{heard} }})"
    assert await page.evaluate(run) == "welcome"
    assert await page.evaluate(run) == "ticket_used"
