"""The documents as tests read them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(text: str, language: str, name: str) -> list[str]:
    """The fenced blocks that are marked with a language and a name."""
    found = re.findall(rf"^```{language} {name}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no block ```{language} {name}"
    return list(found)


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of all tables below a heading, without their heads."""
    section = re.split(r"^#+ ", text.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return [line.split(" | ") for line in lines]


def names(cell: str) -> list[str]:
    """What stands in a cell between backticks."""
    return re.findall(r"`([^`]+)`", cell)
