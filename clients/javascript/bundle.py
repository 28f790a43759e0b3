"""Puts the sources in `src` together to the files that servers serve and the package holds.

Every module comes after those that it imports, without its imports, and only what the file of its
name in `src` exports stays exported. What is imported from the package itself is imported from the
client beside it. Nothing else is changed: what is served can be read.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
ENTRY = SOURCES / "itemroom.js"
WEB = HERE.parent.parent / "api" / "web"
SERVED = ("itemroom.js", "itemroom-room.js")

_IMPORT = re.compile(r'^import \{([\w, \n]+)\} from "(\.[\w./-]+)";\n', re.MULTILINE)
_TYPES = re.compile(r'^/\*\* @import \{([\w, ]+)\} from "(\.[\w./-]+)" \*/\n', re.MULTILINE)
# The same of the package by its name: `import {` or `/** @import {`, names, and how the line ends.
_BY_NAME = re.compile(
    r'^((?:/\*\* @)?import \{)([\w, \n]+)\} from "@itemroom/client"(;| \*/)\n', re.MULTILINE
)
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
        self._by_name: dict[tuple[str, str], set[str]] = {}  # By how such lines begin and end.

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
        for begin, names, end in _BY_NAME.findall(source):
            self._by_name.setdefault((begin, end), set()).update(_split(names))
        text = _BY_NAME.sub("", _TYPES.sub("", _IMPORT.sub("", source)))
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
        if missing := _split(names) - self._exported[other]:
            raise Unfit(f"{other.name} has no {', '.join(sorted(missing))}")

    def imports(self) -> str:
        """Lines with all that the modules take from the client beside them, types last."""
        lines = [
            f'{begin} {", ".join(sorted(names))} }} from "./itemroom.js"{end}'
            for (begin, end), names in sorted(self._by_name.items(), reverse=True)
        ]
        return "\n".join(lines)


def _split(names: str) -> set[str]:
    return {name.strip() for name in names.split(",") if name.strip()}


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

    modules = [_NAMED.sub(keep, text) for text in made.texts.values()]
    parts = [_REEXPORT.sub("", source), made.imports(), *modules]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def main() -> None:
    """Write them, or with `--check` say whether they are written."""
    for name in SERVED:
        text = bundle(SOURCES / name)
        if sys.argv[1:] != ["--check"]:
            (WEB / name).write_text(text)
        elif (WEB / name).read_text() != text:
            sys.exit(f"api/web/{name} is not what its sources make: run `make client`")


if __name__ == "__main__":
    main()
