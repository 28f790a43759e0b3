"""What the operators' page computes, without a browser."""

import re
import subprocess
from pathlib import Path

from tests.browser import NODE

UNITS = sorted((Path(__file__).parent / "status").glob("*.test.mjs"))


def test_units_of_the_operators_page_pass() -> None:
    """Parsing, rates, quantiles, scales and paths, by Node's own test runner."""
    run = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", *UNITS], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert int(re.findall(r"^# pass (\d+)$", run.stdout, re.MULTILINE)[0]) >= len(UNITS) > 0
