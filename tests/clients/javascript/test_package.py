"""What is published: the same files that the server serves, their types, and a tarball of all."""

import json
import shutil
import tarfile
import tomllib
from pathlib import Path

import pytest

from tests.clients.javascript.conftest import ROOT, SERVED, SOURCES, TSC, node

HERE = Path(__file__).parent
ALONE = ("react.js", "ai.js", "ag-ui.js")
PROJECTS = {
    "tsconfig.json": ("itemroom.d.ts", "itemroom-room.d.ts"),
    "tsconfig.react.json": ("react.d.ts",),
    "tsconfig.ai.json": ("ai.d.ts",),
    "tsconfig.ag-ui.json": ("ag-ui.d.ts",),
}


@pytest.mark.parametrize("project", PROJECTS)
def test_the_committed_types_are_those_of_the_source(tmp_path: Path, project: str) -> None:
    """The source is free of type errors, and its declarations are the ones in the repository."""
    node(TSC, "--project", SOURCES / project, "--outDir", tmp_path, cwd=ROOT)
    for name in PROJECTS[project]:
        committed = (SOURCES / name).read_text()
        assert (tmp_path / name).read_text() == committed, "run `npm run types`"


def test_the_sources_name_what_they_take_from_each_other() -> None:
    """Each by itself: in the one file a name that a source forgot to import would be there."""
    node(TSC, "--project", SOURCES / "src", cwd=ROOT)


@pytest.mark.parametrize(("usage", "types"), [("usage.ts", ""), ("usage-react.tsx", "react")])
def test_the_types_help_and_refuse(project: Path, usage: str, types: str) -> None:
    """A program in TypeScript sees the options, the events and the entries."""
    shutil.copy(HERE / usage, project)
    strict = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext")
    node(TSC, *strict, "--jsx", "react-jsx", "--types", types, usage, cwd=project)


def test_the_tarball_holds_the_served_files_and_little_else(tarball: Path) -> None:
    """Client, element, hook, transport, types, manual and license; whatever made them stays out."""
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
        for name in SERVED:
            served = packed.extractfile(f"package/{name}")
            assert served is not None
            assert served.read() == (ROOT / "api" / "web" / name).read_bytes()
    types = {f"{name.removesuffix('.js')}.d.ts" for name in (*SERVED, *ALONE)}
    assert names == types | {*SERVED, *ALONE, "LICENSE", "README.md", "package.json"}


def test_the_package_is_imported_by_its_name(project: Path) -> None:
    """Nothing happens by being imported, not even where there are no elements, as on a server."""
    parts = ("", "/react", "/ai", "/ag-ui", "/itemroom-room")
    imports = ", ".join(f'import("@itemroom/client{part}")' for part in parts)
    (project / "import.mjs").write_text(
        f"const all = await Promise.all([{imports}]);\n"
        "console.log(JSON.stringify(all.flatMap((one) => Object.keys(one))));\n"
    )
    client = ["Conversation", "Inbox", "Refused", "Room", "Session", "Stream", "share", "textOf"]
    more = ["SessionProvider", "useInbox", "useRoom", "RoomTransport", "messagesOf", "RoomAgent"]
    assert json.loads(node("import.mjs", cwd=project)) == [*client, *more, "ItemroomRoom"]


def test_the_package_has_the_version_of_the_server() -> None:
    """Both come from one repository at one time."""
    package = json.loads((SOURCES / "package.json").read_text())
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert package["version"] == server["project"]["version"]
