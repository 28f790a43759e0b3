"""Commands as they are typed, run in this process."""

import io
import sys
from dataclasses import dataclass

import pytest

from api.cli.commands import run


@dataclass
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str


class Command:
    """Runs `itemroom` with arguments."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capture = capture

    def __call__(self, *arguments: str, stdin: str | bytes = "") -> Outcome:
        self._monkeypatch.setattr(sys, "argv", ["itemroom", *arguments])
        data = stdin.encode() if isinstance(stdin, str) else stdin
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        self._capture.readouterr()
        with pytest.raises(SystemExit) as exit_:
            run()
        out, err = self._capture.readouterr()
        code = exit_.value.code
        assert isinstance(code, int)
        return Outcome(code, out, err)

    def done(self, *arguments: str, stdin: str | bytes = "") -> str:
        """What a command prints that does what it should."""
        outcome = self(*arguments, stdin=stdin)
        assert outcome.code == 0, outcome.err
        return outcome.out

    def failed(self, *arguments: str, code: int = 2, stdin: str | bytes = "") -> str:
        """The one sentence of a command that cannot."""
        outcome = self(*arguments, stdin=stdin)
        assert outcome.code == code, outcome
        assert outcome.out == ""
        assert outcome.err.startswith("itemroom: ")
        assert outcome.err.count("\n") == 1
        assert "Traceback" not in outcome.err
        return outcome.err.removeprefix("itemroom: ").rstrip("\n")
