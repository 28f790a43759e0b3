"""The package's manual: its programs run as they stand there, and it names all there is."""

import re
from pathlib import Path

import pytest

from tests.clients.javascript.conftest import ROOT, SOURCES, node
from tests.conftest import make_settings
from tests.docs.reading import blocks
from tests.serving import LiveServer

README = (SOURCES / "README.md").read_text()
SOURCE = (ROOT / "api" / "web" / "itemroom.js").read_text()


def test_programs_of_the_manual_run_one_after_the_other(project: Path, tmp_path: Path) -> None:
    """Each ends by itself and without an error, in the project of somebody who installed it."""
    with LiveServer(make_settings(tmp_path)) as server:
        ada = server.person("ada")
        ada.create("order-17")
        access = {"ITEMROOM_URL": server.url, "ITEMROOM_TOKEN": ada.token}
        said = []
        for number, program in enumerate(blocks(README, "js", "run")):
            (project / f"{number}.mjs").write_text(program)
            said.append(node(f"{number}.mjs", cwd=project, **access))
        said.append(node("2.mjs", cwd=project, **access))
    assert said[0].endswith("1 ada { text: 'on my way' }\n")
    assert said[1] == "welcome, ada\n"
    assert said[2] == "message 1\n"
    assert said[3] == "not_found\n"
    assert said[4] == "Hello, world\n"
    assert said[5] == "order-17 0\n"
    assert re.search(r"^live *\n\[ 'ada' \]\nclosed", said[6], re.MULTILINE)
    assert said[7].startswith("message 2\nedit 3\n"), "the second run goes on where the first ended"


@pytest.mark.parametrize(
    "pattern",
    [
        r"^ \* @property \{.*\} \[?(\w+)\]?(?: .*)?$",
        r"^  (?:async |get )?(?!constructor)(\w+)\(.*\) \{$",
    ],
    ids=["options and events", "methods"],
)
def test_the_manual_names_what_the_source_offers(pattern: str) -> None:
    """Every option, event, property and method."""
    rest = SOURCE[SOURCE.index("export class Room") :]
    parts = re.split(r"^(?=(?:export )?(?:async )?(?:class|function) )", rest, flags=re.MULTILINE)
    room = "".join(part for part in parts if part.startswith("export"))
    options = re.findall(
        r"\* @typedef \{object\} (?:RoomSettings|RoomEvents)\n(.*?)\*/", SOURCE, re.S
    )
    names = set(re.findall(pattern, "".join(options) + room, re.MULTILINE))
    assert len(names) > 10
    names |= {"token", "ticket", "getToken", "textOf"}
    assert {name for name in names if not re.search(rf"\b{name}\b", README)} == set()
