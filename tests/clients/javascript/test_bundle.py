"""The one file that is served, and what it is made of."""

import re
from pathlib import Path

import pytest

from clients.javascript.bundle import ENTRY, SERVED, SOURCES, WEB, Unfit, bundle

CORE = sorted((ENTRY.parent / "core").glob("*.js"))


def write(folder: Path, **sources: str) -> Path:
    """Modules by their names; `entry` is where they begin."""
    for name, source in sources.items():
        (folder / f"{name}.js").write_text(source)
    return folder / "entry.js"


@pytest.mark.parametrize("name", SERVED)
def test_a_served_file_is_what_the_sources_make(name: str) -> None:
    """Whoever reads it reads them."""
    assert (WEB / name).read_text() == bundle(SOURCES / name), "run `make client`"


@pytest.mark.parametrize("source", CORE, ids=lambda path: path.stem)
def test_the_core_does_no_input_or_output(source: Path) -> None:
    """No sockets, timers, clocks or pages, and nothing of the shell that has them."""
    program = re.sub(r"/\*.*?\*/|//.*", "", source.read_text(), flags=re.DOTALL)
    outside = r"\b(?:set(?:Timeout|Interval)|fetch|WebSocket|performance|Date|Promise|await"
    assert re.findall(outside + r"|globalThis|window|document|location)\b", program) == []
    assert "../" not in source.read_text()


def test_a_module_stands_after_what_it_needs_and_only_what_is_public_is_exported(
    tmp_path: Path,
) -> None:
    """Types may be needed in a circle; nothing but imports and exports is changed."""
    entry = write(
        tmp_path,
        entry='/** The client. */\nexport { Room } from "./room.js";\n',
        room='// Rooms.\nimport {\n  one,\n  two,\n} from "./numbers.js";\n'
        '/** @import { Role } from "./roles.js" */\n\nexport class Room {}\n',
        numbers="export const one = 1;\nexport function two() {}\n",
        roles='/** @import { Room } from "./room.js" */\n\n/** @typedef {Room} Role */\n',
    )
    assert bundle(entry) == (
        "/** The client. */\n\nconst one = 1;\nfunction two() {}\n\n"
        "/** @typedef {Room} Role */\n\n// Rooms.\n\nexport class Room {}\n"
    )


def test_what_is_of_the_package_is_imported_once_from_the_client_beside(tmp_path: Path) -> None:
    """Several modules may need the same of it."""
    entry = write(
        tmp_path,
        entry='/** A part. */\nexport { Part } from "./part.js";\n',
        part='import { share, textOf } from "@itemroom/client";\nimport { one } from "./one.js";\n'
        '/** @import { View } from "@itemroom/client" */\n\nexport class Part {}\n',
        one='import { textOf } from "@itemroom/client";\n\nexport const one = textOf("1");\n',
    )
    assert bundle(entry) == (
        '/** A part. */\n\nimport { share, textOf } from "./itemroom.js";\n'
        '/** @import { View } from "./itemroom.js" */\n\n'
        'const one = textOf("1");\n\nexport class Part {}\n'
    )


@pytest.mark.parametrize(
    ("room", "other", "fault"),
    [
        ("const one = 1;", "const one = 2;", "one is in room.js and in other.js"),
        ("", 'import { Room } from "./room.js";\n', "other.js and room.js import each other"),
        ('import { two } from "./other.js";\n', "const two = 2;", "other.js has no two"),
        ('import * as all from "./other.js";\n', "", "import \\* as all"),
        ('import { one as two } from "./other.js";\n', "", "other.js has no one as two"),
        ("export default 1;\n", "", "export default"),
    ],
)
def test_sources_that_cannot_be_one_file_are_refused(
    tmp_path: Path, room: str, other: str, fault: str
) -> None:
    """Put together, they would mean something else."""
    entry = write(
        tmp_path,
        entry='export { Room } from "./room.js";\n',
        room=f'import {{ }} from "./other.js";\n{room}\nexport class Room {{}}\n',
        other=other,
    )
    with pytest.raises(Unfit, match=fault):
        bundle(entry)
