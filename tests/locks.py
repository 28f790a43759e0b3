"""Are the locks independent of what is published later? `python -m tests.locks FILE …` says."""

import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def pins_of(lock: str) -> dict[str, Requirement]:
    """What a lock pins, by canonical name. `lock`: its text, as `uv pip compile` writes it."""
    lines = [line.removesuffix("\\").strip() for line in lock.splitlines() if "==" in line]
    pins = [Requirement(line) for line in lines]
    return {canonicalize_name(pin.name): pin for pin in pins}


def needed_by(pin: Requirement) -> list[Requirement]:
    """What the installed distribution requires here, with the extras that are pinned of it."""
    try:
        found = [Requirement(text) for text in requires(pin.name) or ()]
    except PackageNotFoundError:
        return []  # For another system or Python: seen where it is installed.
    extras = pin.extras or {""}
    return [
        need
        for need in found
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def faults_of(lock: str) -> list[str]:
    """A sentence for each requirement that an installer would have to resolve for itself.

    pip before 23.3 takes `name==1` for another thing than a required `name[extra]`, looks that
    up on the index, and refuses the lock as soon as a newer release is there.
    """
    pins = pins_of(lock)
    faults = []
    for pin in pins.values():
        for need in needed_by(pin):
            held = pins.get(canonicalize_name(need.name))
            if held is None:
                faults.append(f"{pin.name} requires {need}, which is not in the lock.")
            elif not need.extras <= held.extras:
                faults.append(f"{pin.name} requires {need}, and the lock has it without the extra.")
    return faults


def main(paths: list[str]) -> int:
    """The exit code: 1 if any lock has a fault; each is printed."""
    faults = [f"{path}: {fault}" for path in paths for fault in faults_of(Path(path).read_text())]
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
