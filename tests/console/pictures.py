"""Screenshots, for people to look at after a run; CONTRIBUTING.md says how the README gets its."""

from pathlib import Path

from playwright.async_api import Page

PICTURES = Path(__file__).parent.parent.parent / "build" / "pictures"


async def keep(page: Page, name: str) -> None:
    """Write what the page shows to build/pictures, in place of what an earlier run left."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", caret="hide")
