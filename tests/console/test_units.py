"""What the console computes, without a browser."""

import re
import subprocess
from pathlib import Path

from tests.browser import NODE

UNITS = sorted((Path(__file__).parent / "unit").glob("*.test.mjs"))


def test_units_of_the_console_pass() -> None:
    """The timeline, rows, heights, links, words and snippets, by Node's own test runner."""
    run = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", *UNITS], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.findall(r"^# pass (\d+)$", run.stdout, re.MULTILINE)
    assert int(passed[0]) >= len(UNITS) > 0
