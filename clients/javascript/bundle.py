"""Puts the sources in `src` together to the one file that servers serve and the package holds.

Every module comes after those that it imports, without its imports, and only what
`src/itemroom.js` exports stays exported. Nothing else is changed: what is served can be read.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENTRY = HERE / "src" / "itemroom.js"
SERVED = HERE.parent.parent / "api" / "web" / "itemroom.js"

_IMPORT = re.compile(r'^import \{([\w, \n]+)\} from "(\.[\w./-]+)";\n', re.MULTILINE)
_TYPES = re.compile(r'^/\*\* @import \{([\w, ]+)\} from "(\.[\w./-]+)" \*/\n', re.MULTILINE)
_REEXPORT = re.compile(r'^export \{ (\w+) \} from "(\.[\w./-]+)";\n', re.MULTILINE)
# Anything else of a module system: it would be wrong in one file.
_STRAY = re.compile(r"^(?:import\b|export (?:\{|\*|default)).*|@import\b.*", re.MULTILINE)
_NAMED = re.compile(r"^(export )?((?:async )?(?:const|let|class|function\*?) (\w+))", re.MULTILINE)


class Unfit(Exception):  # noqa: N818 - a fault of the sources
    """The sources cannot be one file."""


class Bundle:
    """Modules in the order in which they can stand in one file."""

    def __init__(self) -> None:
        self.texts: dict[Path, str] = {}  # Without imports, by the module's place.
        self._begun: set[Path] = set()
        self._homes: dict[str, Path] = {}  # The module of each name.
        self._exported: dict[Path, set[str]] = {}

    def add(self, module: Path) -> None:
        """A module, after those that it imports."""
        self._begun.add(module)
        source = module.read_text()
        for names, path in _IMPORT.findall(source):
            self._need(module, names, path)
        # What only types need may come later, so a circle of these is none.
        for _, path in _TYPES.findall(source):
            if (module.parent / path).resolve() not in self._begun:
                self.add((module.parent / path).resolve())
        text = _TYPES.sub("", _IMPORT.sub("", source))
        if stray := _STRAY.search(text):
            raise Unfit(f"{module.name}: {stray[0]}")
        self._exported[module] = set()
        for is_exported, _, name in _NAMED.findall(text):
            if self._homes.setdefault(name, module) != module:
                raise Unfit(f"{name} is in {module.name} and in {self._homes[name].name}")
            if is_exported:
                self._exported[module].add(name)
        self.texts[module] = text

    def _need(self, module: Path, names: str, path: str) -> None:
        other = (module.parent / path).resolve()
        if other not in self._begun:
            self.add(other)
        if other not in self.texts:
            raise Unfit(f"{module.name} and {other.name} import each other")
        wanted = {name.strip() for name in names.split(",") if name.strip()}
        if missing := wanted - self._exported[other]:
            raise Unfit(f"{other.name} has no {', '.join(sorted(missing))}")


def bundle(entry: Path = ENTRY) -> str:
    """The one file.

    Raises:
        Unfit: two modules use one name, or import in a circle or in a way that is not known here.
    """
    source = entry.read_text()
    public = {name for name, _ in _REEXPORT.findall(source)}
    made = Bundle()
    for _, path in _REEXPORT.findall(source):
        if (module := (entry.parent / path).resolve()) not in made.texts:
            made.add(module)

    def keep(found: re.Match[str]) -> str:
        return f"{'export ' if found[1] and found[3] in public else ''}{found[2]}"

    parts = [_REEXPORT.sub("", source), *made.texts.values()]
    return "\n\n".join(_NAMED.sub(keep, part).strip("\n") for part in parts) + "\n"


def main() -> None:
    """Write it, or with `--check` say whether it is written."""
    text = bundle()
    if sys.argv[1:] != ["--check"]:
        SERVED.write_text(text)
    elif SERVED.read_text() != text:
        sys.exit("api/web/itemroom.js is not what its sources make: run `make client`")


if __name__ == "__main__":
    main()
