"""The client's rules, against a scripted server and a clock that stands still."""

import re
from pathlib import Path

import pytest

from tests.clients.javascript.conftest import node

HERE = Path(__file__).parent
PROGRAMS = sorted(HERE.glob("*.test.mjs"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name.partition(".")[0])
def test_rules_of_a_kind_hold_in_node(program: Path) -> None:
    """Every test of the program passes, and there are as many as it has written down."""
    report = node("--test-reporter=tap", program, cwd=HERE)
    written = len(re.findall(r"^test\(", program.read_text(), re.MULTILINE))
    assert f"# pass {written}\n" in report
