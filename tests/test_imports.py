"""The contracts of imports hold, and each of them fails for what it forbids."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = Path(sys.executable).with_name("lint-imports")


def lint(directory: Path) -> "subprocess.CompletedProcess[str]":
    """The linter's verdict on a copy of the tree."""
    return subprocess.run(
        [LINT, "--no-cache"], cwd=directory, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the linter reads, to be broken."""
    shutil.copytree(ROOT / "api", tmp_path / "api", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_point_down(copy: Path) -> None:
    """As the tree is, every contract is kept."""
    verdict = lint(copy)
    assert verdict.returncode == 0, verdict.stdout
    assert "0 broken" in verdict.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("history/entries", "import api.wire.server", "Imports point down"),
        ("accounts/users", "from api.items import endpoints", "Imports point down"),
        ("live/hub", "from api.rooms import endpoint", "Imports point down"),
        ("store/statements", "from api.history import reader", "Imports point down"),
        ("history/entries", "import fastapi", "The live side is pure"),
        ("rights/access", "import sqlalchemy", "The live side is pure"),
        ("live/feed", "from api.history import reader", "The live side is pure"),
        ("live/hub", "import uvicorn", "The live side is pure"),
        ("models", "import api.errors", "The tables import nothing of ours"),
        ("items/service", "import jose", "Only api.security imports jose and passlib"),
    ],
    ids=lambda value: value.replace(" ", "-"),
)
def test_import_that_breaks_a_contract_is_seen(
    copy: Path, module: str, line: str, broken: str
) -> None:
    """A contract that cannot fail holds nothing."""
    path = copy / "api" / f"{module}.py"
    path.write_text(f"{path.read_text()}\n{line}\n")
    verdict = lint(copy)
    assert verdict.returncode != 0
    assert f"{broken} BROKEN" in verdict.stdout


def test_nothing_calls_its_own_package_by_a_name() -> None:
    """It has another where it is installed, so a name would be a second copy, or somebody else."""
    for path in (ROOT / "api").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] not in ("api", "itemroom_server"), path


def test_new_package_needs_its_place(copy: Path) -> None:
    """What no layer names is a fault, not a hole in the contract."""
    (copy / "api" / "extras.py").write_text('"""New."""\n')
    assert lint(copy).returncode != 0
