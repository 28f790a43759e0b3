import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest

from api.cli.standard_input import lines
from tests.clients.python.scripted import until

pytestmark = pytest.mark.anyio


async def test_input_that_cannot_be_read_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the system's own words."""
    with (tmp_path / "written").open("wb") as written:
        monkeypatch.setattr(sys, "stdin", written)
        with pytest.raises(OSError, match="Bad file descriptor"):
            await anext(lines())


async def test_line_that_nobody_waits_for_any_more_harms_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes after the wait for it was cancelled."""
    reading, writing = os.pipe()
    others = set(threading.enumerate())  # Of which some may end meanwhile.
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        waiting = asyncio.ensure_future(anext(lines()))
        await until(lambda: not others.issuperset(threading.enumerate()))
        waiting.cancel()
        await asyncio.wait([waiting])
        os.write(writing, b"too late\n")
        os.close(writing)
        await until(lambda: others.issuperset(threading.enumerate()))
        await asyncio.sleep(0)
    assert waiting.cancelled()
