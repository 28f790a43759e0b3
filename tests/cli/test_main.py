"""The way out of the command line."""

import os
import sys
from pathlib import Path

import pytest

import itemroom
from api.cli.commands import run


class Deserted:
    """An output whose reader has gone: what is still buffered cannot be written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def flush(self) -> None:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self._descriptor


def test_output_that_nobody_reads_does_not_change_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter would turn it into 120 when it flushes at its end."""
    path = tmp_path / "output"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    monkeypatch.setattr(sys, "stderr", Deserted(descriptor))
    monkeypatch.setattr(sys, "argv", ["itemroom", "--help"])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 0
    os.write(descriptor, b"into nothing")
    os.close(descriptor)
    assert path.read_bytes() == b""


def test_fault_of_ours_is_not_explained_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes out with its traceback."""

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("api.cli.commands.app", fail)
    with pytest.raises(ZeroDivisionError):
        run()


def test_package_has_only_what_it_has() -> None:
    """Though it gives its client for REST when it is asked for."""
    with pytest.raises(AttributeError, match="no attribute 'Clint'"):
        itemroom.Clint  # type: ignore[attr-defined] # noqa: B018 - the attribute is asked for
