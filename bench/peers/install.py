"""Bringing a peer's packages into its own folder; nothing is installed on the system."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bench.peers.peer import AbsentError

PEERS = Path(__file__).parent.parent / ".peers"
BIN = Path(sys.executable).parent


def folder_of(name: str) -> Path:
    """A peer's own folder, made when missing."""
    folder = PEERS / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install_python(name: str, requirements: Sequence[str]) -> Path:
    """A virtual environment with packages of PyPI; its Python."""
    folder = folder_of(name)
    python = folder / "venv" / "bin" / "python"
    if _is_made(folder, requirements):
        return python
    _run([sys.executable, "-m", "venv", "--clear", str(folder / "venv")])
    _run([str(python), "-m", "pip", "install", "--quiet", "--no-input", *requirements])
    _made(folder, requirements)
    return python


def install_node(name: str, packages: Sequence[str]) -> Path:
    """A `node_modules` with packages of npm; the folder that holds it."""
    folder = folder_of(name)
    if not _is_made(folder, packages):
        (folder / "package.json").write_text('{"private": true}\n')
        npm = [_tool("npm"), "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run([*npm, "--no-package-lock", "--loglevel=error", *packages], folder)
        _made(folder, packages)
    return folder


def install_debian(name: str, packages: Sequence[str]) -> Path:
    """Debian's packages, unpacked; the folder that is their root."""
    folder = folder_of(name)
    root = folder / "root"
    if not _is_made(folder, packages):
        archives = folder / "archives"
        archives.mkdir(exist_ok=True)
        _download(packages, archives)
        for archive in archives.glob("*.deb"):
            _run(["dpkg", "-x", str(archive), str(root)])
        _made(folder, packages)
    return root


def install_go(name: str, package: str) -> Path:
    """A program made from Go's source, by way of the user's caches; the program."""
    folder = folder_of(name)
    if not _is_made(folder, [package]):
        _run(["go", "install", package], environment={"GOBIN": str(folder)})
        _made(folder, [package])
    return folder / name


def is_there(name: str) -> bool:
    """Whether a peer was made before, so that it costs no time."""
    return (PEERS / name / "made").exists()


def compile_c(name: str, source: Path) -> Path:
    """A program made from one C file."""
    program = folder_of(name) / source.stem
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        _run(["cc", "-O2", "-Wall", "-Werror", "-o", str(program), str(source)])
    return program


def node() -> str:
    """Node, of the project's own environment or else of the system."""
    return _tool("node")


def output(command: Sequence[str | Path], **environment: str) -> str:
    """What a command prints on both streams."""
    finished = subprocess.run(  # noqa: S603 - our own commands
        [str(part) for part in command],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    return finished.stdout.strip()


def python_versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """The versions of packages in a virtual environment."""
    ask = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    return dict(zip(packages, output([python, "-c", ask, *packages]).split(), strict=False))


def _download(packages: Sequence[str], archives: Path) -> None:
    """By the system's lists of packages; where they are missing or old, by lists of our own."""
    try:
        _run(["apt-get", "download", *packages], archives)
    except AbsentError:
        for part in ("lists/partial", "cache/archives/partial"):
            (archives / "apt" / part).mkdir(parents=True, exist_ok=True)
        own = [
            "-o",
            f"Dir::State::lists={archives}/apt/lists",
            "-o",
            f"Dir::Cache={archives}/apt/cache",
        ]
        _run(["apt-get", *own, "update"])
        _run(["apt-get", *own, "download", *packages], archives)


def _tool(name: str) -> str:
    found = shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise AbsentError(f"{name} is missing")
    return found


def _run(
    command: Sequence[str],
    folder: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> None:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    try:
        finished = subprocess.run(  # noqa: S603 - our own commands
            command,
            cwd=folder,
            env=os.environ | {"PATH": path} | dict(environment),
            capture_output=True,
            check=False,
            text=True,
        )
    except OSError as error:
        raise AbsentError(f"{command[0]}: {error.strerror}") from error
    if finished.returncode:
        raise AbsentError(f"{command[0]} failed: {finished.stderr.strip()[-500:]}")


def _is_made(folder: Path, wanted: Sequence[str]) -> bool:
    made = folder / "made"
    return made.exists() and made.read_text() == "\n".join(wanted)


def _made(folder: Path, wanted: Sequence[str]) -> None:
    (folder / "made").write_text("\n".join(wanted))
