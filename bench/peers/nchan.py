"""Nchan: publish and subscribe inside nginx, in C."""

from pathlib import Path

from bench.load.dialect import Dialect, Plain
from bench.peers.install import install_debian, output
from bench.peers.peer import SOURCES, AbsentError, Arguments, Command, World

PACKAGES = ["nginx", "libnginx-mod-nchan"]
# The module makes a folder in here at the start, and its directive for another place is broken.
FIXED = Path("/var/lib/nginx")


class Nchan:
    """One worker of nginx."""

    name = "nchan"
    title = "Nchan"
    keeps = "nothing (newest messages in memory)"

    def __init__(self) -> None:
        self._root = Path()

    def install(self) -> None:
        """Debian's nginx and its module."""
        self._root = install_debian(self.name, PACKAGES)
        try:
            FIXED.mkdir(exist_ok=True)
        except OSError as error:
            raise AbsentError(f"it needs {FIXED}, and the right to write there") from error

    def versions(self) -> dict[str, str]:
        """Nginx's own, and the package's."""
        archives = sorted(self._root.parent.glob("archives/*.deb"))
        return {path.name.split("_")[0]: path.name.split("_")[1] for path in archives} | {
            "built as": output([self._nginx, "-v"]).partition(": ")[2]
        }

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:  # noqa: ARG002
        """In the foreground, with a folder of its own for all that it writes."""
        module = self._root / "usr/lib/nginx/modules/ngx_nchan_module.so"
        text = (SOURCES / "nchan.conf").read_text()
        values = {"@module@": str(module), "@folder@": str(folder), "@port@": str(port)}
        for mark, value in values.items():
            text = text.replace(mark, value)
        (folder / "nchan.conf").write_text(text)
        arguments: Arguments = [
            self._nginx,
            "-p",
            folder,
            "-e",
            folder / "log",
            "-c",
            folder / "nchan.conf",
        ]
        return [Command(arguments, port)]

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002
        """Text as it is; a publisher has an address of its own."""
        site = f"ws://127.0.0.1:{port}"
        return Plain(f"{site}/sub/{{room}}", publish_url=f"{site}/pub/{{room}}")

    @property
    def _nginx(self) -> Path:
        return self._root / "usr/sbin/nginx"
