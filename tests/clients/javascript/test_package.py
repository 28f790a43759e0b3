"""What is published: the same file that the server serves, its types, and a tarball of both."""

import json
import shutil
import tarfile
import tomllib
from pathlib import Path

from tests.clients.javascript.conftest import ROOT, SOURCES, TSC, node

USAGE = Path(__file__).parent / "usage.ts"


def test_the_committed_types_are_those_of_the_source(tmp_path: Path) -> None:
    """The source is free of type errors, and its declarations are the ones in the repository."""
    node(TSC, "--project", SOURCES, "--outDir", tmp_path, cwd=ROOT)
    committed = (SOURCES / "itemroom.d.ts").read_text()
    assert (tmp_path / "itemroom.d.ts").read_text() == committed, "run `npm run types`"


def test_the_sources_name_what_they_take_from_each_other() -> None:
    """Each by itself: in the one file a name that a source forgot to import would be there."""
    node(TSC, "--project", SOURCES / "src", cwd=ROOT)


def test_the_types_help_and_refuse(project: Path) -> None:
    """A program in TypeScript sees the options, the events and the entries."""
    shutil.copy(USAGE, project)
    strict = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext")
    node(TSC, *strict, "--types", "", USAGE.name, cwd=project)


def test_the_tarball_holds_the_served_file_and_nothing_else(tarball: Path) -> None:
    """Client, types, manual and license; whatever made them stays out."""
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
        served = packed.extractfile("package/itemroom.js")
        assert served is not None
        assert served.read() == (ROOT / "api" / "web" / "itemroom.js").read_bytes()
    assert names == {"LICENSE", "README.md", "itemroom.d.ts", "itemroom.js", "package.json"}


def test_the_package_is_imported_by_its_name(project: Path) -> None:
    """It offers the room and its refusal, and does nothing by being imported."""
    (project / "import.mjs").write_text(
        'import * as all from "itemroom";\nconsole.log(JSON.stringify(Object.keys(all)));\n'
    )
    assert json.loads(node("import.mjs", cwd=project)) == ["Refused", "Room", "textOf"]


def test_the_package_has_the_version_of_the_server() -> None:
    """Both come from one repository at one time."""
    package = json.loads((SOURCES / "package.json").read_text())
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert package["version"] == server["project"]["version"]
