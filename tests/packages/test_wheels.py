"""What is published: built from a copy of the tree, and installed where nothing else of ours is."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.deploy.shipped import Shipped
from tests.docs.reading import ROOT

BIN = Path(sys.executable).parent
UV = [str(BIN / "uv"), "--quiet", "--offline"]
SOURCES = ["api", "clients/python", "docs", "migrations", "LICENSE", "README.md", "pyproject.toml"]
# Of a host that has a package of this name itself: to import it from ours would be a fault.
HOSTS_OWN = 'raise RuntimeError("the host\'s own api was imported")\n'
# Root may write what is read-only; without its powers it may not.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
EVERY_MODULE = """
import importlib, pkgutil, itemroom_server
for module in pkgutil.walk_packages(itemroom_server.__path__, "itemroom_server."):
    if not module.name.startswith(("itemroom_server.migrations", "itemroom_server.cli.terminal")):
        importlib.import_module(module.name)
        print(module.name)
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """As `make dist` builds them, each from its source distribution."""
    tree, dist = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    hidden = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for source in SOURCES:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tree / source, symlinks=True, ignore=hidden)
        else:
            shutil.copy(ROOT / source, tree / source)
    for project in (tree / "clients" / "python", tree):
        command = [*UV, "build", "--no-build-isolation", "--out-dir", str(dist), str(project)]
        subprocess.run(command, check=True, env=os.environ | {"VIRTUAL_ENV": sys.prefix})
    return sorted(dist.glob("*.whl"))


@pytest.fixture
def installed(wheels: list[Path], tmp_path: Path) -> Iterator[Path]:
    """An environment with what our packages require, and them from their wheels; read-only."""
    environment = tmp_path / "environment"
    subprocess.run([*UV, "venv", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    # A folder that another adds is not searched for links to sources: ours are only the wheels.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "required.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run([*UV, "pip", "install", "--no-deps", "--python", python, *wheels], check=True)
    subprocess.run(["chmod", "-R", "a-w", environment], check=True)
    touch = powerless("touch", site / "written")
    assert subprocess.run(touch, capture_output=True, check=False).returncode != 0
    yield environment
    subprocess.run(["chmod", "-R", "u+w", environment], check=True)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The folder of a project with an `api` of its own."""
    (tmp_path / "host" / "api").mkdir(parents=True)
    (tmp_path / "host" / "api" / "__init__.py").write_text(HOSTS_OWN)
    return tmp_path / "host"


def powerless(*command: object) -> list[str]:
    """A command as a user who may not write what is read-only."""
    return [*(POWERLESS if os.geteuid() == 0 else ()), *map(str, command)]


def test_wheels_install_no_name_that_could_be_anothers(wheels: list[Path]) -> None:
    """One package each, with its types; what the server shows and migrates by is in it."""
    tops, names = [], set()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            files = {name for name in archive.namelist() if ".dist-info/" not in name}
        tops.append({name.partition("/")[0] for name in files})
        names |= files
    assert tops == [{"itemroom_server"}, {"itemroom"}]
    assert {"itemroom/py.typed", "itemroom_server/py.typed"} < names
    for folder, place in (("api", "itemroom_server"), ("migrations", "itemroom_server/migrations")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{place}/{path.relative_to(ROOT / folder)}" in names


def test_every_package_is_listed() -> None:
    """The list in pyproject.toml names them one by one, since their folder has another name."""
    listed = (ROOT / "pyproject.toml").read_text().partition("packages = [")[2].partition("]")[0]
    for path in (ROOT / "api").rglob("__init__.py"):
        package = ".".join(["itemroom_server", *path.parent.relative_to(ROOT / "api").parts])
        assert f'"{package}"' in listed


def test_every_module_imports_by_its_installed_name(installed: Path, host: Path) -> None:
    """None of them asks for `api`, which is somebody else's there."""
    python = powerless(installed / "bin" / "python", "-c", EVERY_MODULE)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(host)}
    found = subprocess.run(
        python, cwd=host, env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "itemroom_server.store.postgresql.dumpers" in found.stdout.split()


@pytest.mark.sqlite  # With nothing that was chosen it has a file.
def test_what_is_installed_serves_beside_a_project_with_an_api(installed: Path, host: Path) -> None:
    """Without a home, in a tree that is read-only: it migrates, shows its pages, and has rooms."""
    command = powerless(installed / "bin" / "itemroom", "serve")
    with Shipped(host, command, {"PYTHONPATH": str(host)}) as server:
        ada = server.person("ada")
        ada.create("order-17")
        for page in ("/", "/protocol", "/docs", "/itemroom.js", "/itemroom-room.js"):
            assert httpx2.get(f"{server.url}{page}", trust_env=False).status_code == 200, page
        publish = powerless(installed / "bin" / "itemroom", "publish", "order-17", "hello")
        client = {"ITEMROOM_URL": server.url, "ITEMROOM_TOKEN": ada.token, "PYTHONPATH": str(host)}
        assert subprocess.run(publish, env=client, check=False).returncode == 0
        assert server.end() == 0
    assert "WARNING" not in server.log
