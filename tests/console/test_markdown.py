"""What Markdown makes of messages: what people mean by it, and nothing else."""

import asyncio

import pytest
from playwright.async_api import expect

from api.pages.console import WEB
from tests.browser import MODULES
from tests.conftest import Serve
from tests.console.axe import faults
from tests.console.conftest import Visit
from tests.console.pictures import keep
from tests.console.tab import Tab
from tests.console.test_hostile import FOREIGN, MARKUP
from tests.console.test_streams import begin, call
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio

LETTER = """## The chairs

They are *glued*, **sanded** and ~~lacquered~~ oiled: `seat.height = 44`.
On the next line: https://example.com/orders/1042

- [x] Seats
- [ ] Felt pads
  1. grey
  2. black

> Thursday works,
> said Cleo.

```python
def price(chairs: int) -> int:
    return 240 * chairs if chairs < 10 else 220 * chairs  # and a long line that has to go on
```

| part | pieces |
|:--|--:|
| leg | 16 |
| [drawing](https://example.com/drawing) | ![photo](https://example.com/photo.png) |
"""
TAGS = """() => [...document.querySelectorAll(".row-message .text *")]
  .map((element) => element.localName)"""
HOSTILE = [
    MARKUP,
    MARKUP.replace("<", "&lt;"),
    "[a](javascript:alert(1)) ![b](javascript:alert(1)) <javascript:alert(1)>",
    f"![x](https://example.invalid/x.png 'onerror=alert(1)') {MARKUP}",
    "- " + MARKUP,
    "```\"><script>document.title='taken'</script>\n</code></pre>" + MARKUP,
    ">" * 10_000,
    "[" * 10_000,
    "**a *b " * 1000 + "c* d**" * 1000,
    "|a" * 40 + "\n" + "|-" * 40 + "\n" + "|\n" * 4000,
    "- a\n" * 4000,
    "x" * 16_000,
    "a\u202e **b\u2066 c** `d\u202e`",
]


async def test_letter_reads_as_it_was_meant(visit: Visit, server: LiveServer, ada: Person) -> None:
    """Emphasis, code, lists, tasks, quotes and tables; in light, in dark and on a phone."""
    ada.publish("order-17", {"text": LETTER})
    ada.publish("order-17", "one line\nand *another*")
    phone = {"width": 390, "height": 780}
    for name, options in (
        ("markdown-light", {"color_scheme": "light"}),
        ("markdown-dark", {"color_scheme": "dark"}),
        ("markdown-phone", {"viewport": phone, "has_touch": True, "is_mobile": True}),
    ):
        tab = await visit(server, **options)
        await tab.arrive(ada, "order-17")
        await expect(tab.page.get_by_role("heading", name="The chairs")).to_be_visible()
        tags = set(await tab.page.evaluate(TAGS))
        assert tags >= {"em", "strong", "s", "code", "pre", "ul", "ol", "blockquote", "table", "p"}
        assert "img" not in tags
        seats = tab.page.get_by_role("listitem").filter(has_text="Seats").last
        await expect(seats.get_by_role("checkbox", name="Done")).to_be_checked()
        photo = tab.page.get_by_role("link", name="photo")
        await expect(photo).to_have_attribute("href", "https://example.com/photo.png")
        await expect(photo).to_have_attribute("rel", "noopener noreferrer")
        two = await tab.page.locator(".row-message .text").last.inner_text()
        assert two == "one line\nand another"
        assert await faults(tab.page) == []
        assert await tab.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        await tab.page.locator(".scroller").evaluate("scroller => scroller.scrollTop = 0")
        await keep(tab.page, name)


async def test_code_is_copied_by_the_keyboard(tab: Tab, ada: Person) -> None:
    """Tab reaches the button in the message that has the focus; what is copied is the code."""
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.publish("order-17", "```js\na = 1;\n\n<b>\n```")
    row = tab.page.locator(".row-message").last
    copy = row.get_by_role("button", name="Copy", exact=True)
    await expect(copy).to_have_attribute("tabindex", "-1")
    await row.focus()
    await expect(copy).to_have_attribute("tabindex", "0")
    await copy.press("Enter")
    await expect(tab.page.get_by_text("The code is copied.")).to_be_visible()
    assert await tab.page.evaluate("() => navigator.clipboard.readText()") == "a = 1;\n\n<b>"


async def test_editing_shows_what_was_written(tab: Tab, ada: Person) -> None:
    """The source, and not what was made of it."""
    await tab.say("a *b* `c`")
    row = tab.page.locator(".row-message[data-seq]")
    await expect(row.locator("em")).to_have_text("b")
    await row.hover()
    await row.get_by_role("button", name="Edit", exact=True).click()
    box = tab.page.get_by_role("textbox", name="Edit message")
    await expect(box).to_have_value("a *b* `c`")
    await box.fill("**d**")
    await box.press("Enter")
    await expect(row.locator("strong")).to_have_text("d")


async def test_hostile_texts_stay_texts_and_take_no_time(visit: Visit, serve: Serve) -> None:
    """No foreign element, no address but of the web, nothing fetched, and the room goes on."""
    server = serve(max_body_bytes=48 * 1024)
    ada = server.person("ada")
    ada.create("order-17")
    for text in HOSTILE:
        ada.publish("order-17", text)
    tab = await visit(server)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    await tab.arrive(ada, "order-17")
    await tab.say("still here")
    await expect(tab.message("still here").last).to_be_visible()
    for seq in range(len(HOSTILE), 0, -1):
        await tab.page.goto(f"{server.url}/#/items/order-17/{seq}")
        await expect(tab.page.locator(f".row-message[data-seq='{seq}']")).to_be_focused()
        assert await tab.page.evaluate(FOREIGN) == []
        assert await tab.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert await tab.page.title() != "taken"
    assert {url for url in asked if not url.startswith(server.url)} == set()


async def test_long_answer_grows_block_by_block(ada: Person, tab: Tab) -> None:
    """What is complete stays the same element; an unfinished fence is code already."""
    path = await begin(ada)
    row = tab.page.locator(f".row-message[data-seq='{path[1:]}']")
    section = "## Part\n\n" + "Some *words* of `prose`. " * 30 + "\n\n```py\nx = 1\n```\n\n"
    text = ""
    for index in range(27):
        addition = section * 5
        await call(ada, f"{path}/append", at=len(text), text=addition)
        text += addition
        await expect(row.locator("h4")).to_have_count(5 * (index + 1))
        if index == 0:
            await row.locator("h4").first.evaluate("part => globalThis.part = part")
    assert len(text) > 100_000
    await call(ada, f"{path}/append", at=len(text), text="```js\nlet open = ")
    await expect(row.locator("pre").last).to_have_text("let open =")
    assert await row.locator("h4").first.evaluate("part => part === globalThis.part")
    await call(ada, f"{path}/finish")
    await expect(row.locator("h4")).to_have_count(135)


async def test_parser_is_the_published_one() -> None:
    """What is served is what the pinned package holds, byte for byte, beside its licences."""
    vendor = WEB / "console" / "vendor"
    published = MODULES / "markdown-it" / "dist" / "browser" / "markdown-it.esm.min.mjs"
    served, expected = await asyncio.gather(
        asyncio.to_thread((vendor / "markdown-it.js").read_bytes),
        asyncio.to_thread(published.read_bytes),
    )
    assert served == expected
    licences = (vendor / "LICENSE-markdown-it.txt").read_text(encoding="utf-8")
    for name in ("markdown-it", "entities", "linkify-it", "mdurl", "punycode.js", "uc.micro"):
        package = MODULES / name
        (licence,) = package.glob("LICENSE*")
        assert licence.read_text(encoding="utf-8").strip() in licences, name
