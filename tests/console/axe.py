"""What axe-core finds wrong with a page for those who do not see, hear or point."""

from functools import cache

from playwright.async_api import Page

from tests.browser import MODULES

RUN = """() => axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations
  .filter(({impact}) => impact === "serious" || impact === "critical")
  .flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) =>
    `${id} at ${target}: ${failureSummary}`)))"""


@cache
def _source() -> str:
    return (MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def faults(page: Page) -> list[str]:
    """Everything serious or critical, one line each."""
    if not await page.evaluate("() => 'axe' in globalThis"):
        await page.evaluate(_source())
    found: list[str] = await page.evaluate(RUN)
    return found
