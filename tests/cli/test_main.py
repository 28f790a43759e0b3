"""The way out of the command line."""

import os
import sys
from pathlib import Path

import pytest

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
