"""The container file: judged, and its steps run by hand, since no engine is needed for that.

What is replaced are its absolute places, the base image by the Python that runs this, and pip by
uv, which has the wheels at hand.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import httpx2
import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from api.settings import Settings
from api.wire.server import EXIT_MARGIN
from tests.deploy.shipped import Shipped
from tests.docs.reading import ROOT

FILE = ROOT / "deploy" / "container" / "Containerfile"
COMPOSE = ROOT / "deploy" / "container" / "compose.yaml"
SERVERS = COMPOSE.with_name("servers.yaml")
BIN = Path(sys.executable).parent
PIP = "-m pip install --no-cache-dir"
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
# As in the Makefile: behind a company's proxy, the system knows whom to believe.
BUILDING = os.environ | {"UV_SYSTEM_CERTS": "1"}
# All is read-only but the volume, and root's powers are gone with the namespace that gave them.
CONTAIN = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,bind,ro / && cd "$1" && shift
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""


def instructions() -> Iterator[tuple[str, str]]:
    """Each with what follows it."""
    lines = [line for line in FILE.read_text().splitlines() if line and line[0] != "#"]
    for line in "\n".join(lines).replace("\\\n", "").splitlines():
        name, _, rest = line.partition(" ")
        yield name, rest


def last(name: str) -> str:
    """What follows the last instruction of a name."""
    return [rest for found, rest in instructions() if found == name][-1]


@dataclass
class Image:
    """What the steps leave in a folder."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    _folder: Path = Path("/")

    def build(self) -> None:
        """Run all steps, of both stages in one tree."""
        context = self.root / "context"
        _copy_context(context)
        for name, rest in instructions():
            match name:
                case "WORKDIR":
                    self._folder = Path(self.here(rest))
                    self._folder.mkdir(exist_ok=True, parents=True)
                case "COPY" if not rest.startswith("--from"):
                    *sources, target = shlex.split(rest)
                    _copy(context, sources, self._folder / target)
                case "RUN":
                    step = ["sh", "-euc", self.step(rest)]
                    subprocess.run(step, cwd=self._folder, env=BUILDING, check=True)
                case "ENV":
                    pairs = (word.split("=", 1) for word in shlex.split(rest))
                    self.environment |= dict(pairs)
                case _:
                    pass

    def here(self, text: str) -> str:
        """A text with the image's places below the folder."""
        for place in ("/opt/itemroom", "/source", "/data"):
            text = text.replace(place, f"{self.root}{place}")
        return text

    def step(self, text: str) -> str:
        """A command as it can be run here."""
        python = f"{self.root}/opt/itemroom/bin/python"
        uv = f"{BIN}/uv --quiet"
        return (
            self.here(text)
            .replace("python -m venv", f"{uv} venv --python {sys.executable}", 1)
            .replace(f"{python} {PIP}", f"{uv} pip install --python {python}")
            # Only root can give a folder away.
            .replace("chown", "true")
        )


def _copy_context(context: Path) -> None:
    """What `.dockerignore` lets through: nothing, but what has a `!`."""
    everything, *others = (ROOT / ".dockerignore").read_text().splitlines()[1:]
    assert everything == "*"
    sources = [line.removeprefix("!") for line in others if line.startswith("!")]
    hidden = [line.removeprefix("**/") for line in others if line.startswith("**/")]
    assert len(sources) + len(hidden) == len(others)
    for source in sources:
        _copy(ROOT, [source], context / source, hidden)


def _copy(start: Path, sources: list[str], target: Path, hidden: list[str] | None = None) -> None:
    for source in sources:
        if (start / source).is_dir():
            ignore = shutil.ignore_patterns(*(hidden or []))
            # Links as links, as an engine copies them: what they lead to has to be copied, too.
            shutil.copytree(
                start / source, target, symlinks=True, ignore=ignore, dirs_exist_ok=True
            )
        else:
            place = target / source if target.is_dir() else target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(start / source, place)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Built once; not on a file system of its own, which would not become read-only with `/`."""
    with TemporaryDirectory(prefix="itemroom-image-", dir="/var/tmp") as folder:
        image = Image(Path(folder))
        image.build()
        yield image


def may_contain() -> bool:
    """Whether this user may have a namespace of its own."""
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


def test_hadolint_finds_nothing() -> None:
    """Not even what is only a matter of style."""
    verdict = subprocess.run([BIN / "hadolint", FILE], capture_output=True, text=True, check=False)
    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_the_image_has_a_user_without_rights_and_no_shell_before_the_server() -> None:
    """Signals reach the first process, which is the server."""
    user, group = last("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert json.loads(last("ENTRYPOINT")) == ["/opt/itemroom/bin/itemroom"]
    assert json.loads(last("CMD")) == ["serve"]


@pytest.mark.sqlite  # One server by itself is shipped with a file.
@pytest.mark.skipif(not may_contain(), reason="no right to a user namespace")
def test_what_is_built_serves_on_a_read_only_system(image: Image, tmp_path: Path) -> None:
    """Without a right, writing to the volume alone; the health check tells the difference."""
    volume = tmp_path / "volume"
    volume.mkdir()
    start = [image.here(word) for word in json.loads(last("ENTRYPOINT")) + json.loads(last("CMD"))]
    contained = [*UNSHARE, "sh", "-c", CONTAIN, "sh", str(volume), *start]
    # What servers of one PostgreSQL need beside the rest.
    drivers = [image.here("/opt/itemroom/bin/python"), "-c", "import psycopg, redis"]
    subprocess.run(drivers, check=True)
    health = last("HEALTHCHECK").partition(" CMD ")[2]
    with Shipped(volume, contained, image.environment) as server:
        port = str(httpx2.URL(server.url).port)
        check = [image.here(word).replace("8000", port) for word in json.loads(health)]
        assert subprocess.run(check, check=False).returncode == 0
        server.person("ada").create("order-17")
        assert httpx2.get(f"{server.url}/protocol", trust_env=False).status_code == 200
        status = Path(f"/proc/{server.popen.pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in status
        assert server.end() == 0
    assert "WARNING" not in server.log
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


class Strict(BaseModel):
    """Of the compose file, what ours uses; a key with a slip of the pen is none of these."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Build(Strict):
    context: str
    dockerfile: str


class Service(Strict):
    build: Build
    image: str
    environment: dict[str, str]
    ports: list[str]
    networks: list[str]
    volumes: list[str]
    read_only: Literal[True]
    tmpfs: list[str]
    cap_drop: list[Literal["ALL"]]
    security_opt: list[Literal["no-new-privileges:true"]]
    ulimits: dict[Literal["nofile"], int]
    stop_grace_period: str
    restart: Literal["unless-stopped"]


class Compose(Strict):
    name: str
    services: dict[str, Service]
    networks: dict[str, dict[str, dict[str, list[dict[str, str]]]]]
    volumes: dict[str, dict[str, str]]


def test_the_compose_file_fits_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys are known, its settings valid, its volume the image's, its patience enough."""
    compose = Compose.model_validate(yaml.safe_load(COMPOSE.read_text()))
    (service,) = compose.services.values()
    assert (COMPOSE.parent / service.build.context / service.build.dockerfile).samefile(FILE)
    assert service.volumes == [f"data:{last('VOLUME')}"]
    assert set(service.networks) == compose.networks.keys()
    image = Image(Path("/nowhere"))
    for name, rest in instructions():
        if name == "ENV":
            image.environment |= dict(word.split("=", 1) for word in shlex.split(rest))
    for name, value in (image.environment | service.environment).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert service.ports == [f"127.0.0.1:{settings.port}:{last('EXPOSE')}"]
    assert float(service.stop_grace_period.removesuffix("s")) > (
        settings.shutdown_grace + EXIT_MARGIN
    )
    (pool,) = compose.networks["rooms"]["ipam"]["config"]
    assert settings.trusted_proxies == (pool["gateway"],)


def test_servers_of_one_database_are_walled_in_like_the_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What they have of their own is a name and a port; what they share is there, and no file."""
    compose = yaml.safe_load(SERVERS.read_text())
    alone = yaml.safe_load(COMPOSE.read_text())["services"]["itemroom"]
    servers = [compose["services"][name] for name in ("one", "two")]
    own = {"environment", "ports", "volumes", "depends_on"}
    for service, port in zip(servers, (8000, 8001), strict=True):
        kept = {key: value for key, value in service.items() if key not in own}
        assert kept == {key: value for key, value in alone.items() if key not in own}
        assert service["ports"] == [f"127.0.0.1:{port}:{last('EXPOSE')}"]
        assert service["depends_on"].keys() | {"redis"} <= compose["services"].keys()
    one, two = (service["environment"] for service in servers)
    assert {key for key in one if one[key] != two[key]} == {"ITEMROOM_NODE_NAME"}
    shared = alone["environment"]
    assert {key: one[key] for key in shared} == shared
    # Compose refuses to start without what stands there.
    for name, value in one.items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?\}", "x" * 32 + "0123456789abcdef", value))
    settings = Settings()
    assert not settings.is_in_file
    assert compose["networks"]["rooms"]["ipam"]["config"][0]["gateway"] in settings.trusted_proxies
