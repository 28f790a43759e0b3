"""docs/protocol.md as a page: the contract, where the server is that keeps it."""

import re
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

# A link to docs/protocol.md, which stays the only copy; a wheel holds the file itself.
SOURCE = Path(__file__).resolve().parent.parent / "web" / "docs" / "protocol.md"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/static/prose.css">
<main>
{body}</main>
</html>
"""


@cache
def protocol_page() -> str:
    """The page, made once a process."""
    return render(SOURCE.read_text(encoding="utf-8"))


def render(text: str) -> str:
    """A Markdown document as a page. HTML in it is shown, not obeyed."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    title = _name_headings(tokens)
    body = parser.renderer.render(tokens, parser.options, {})
    return _PAGE.format(title=escape(title), body=body)


def _name_headings(tokens: list[Token]) -> str:
    """Let links point at headings, as GitHub does; the first heading's text is the title."""
    title = ""
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            title = title or inline.content
            opening.attrSet("id", _anchor(inline.content))
    return title


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
