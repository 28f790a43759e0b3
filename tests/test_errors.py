"""The one map from a code to HTTP, error frame and close code."""

import re
from pathlib import Path

import pytest

from api.errors import CODES, Refusal

SOURCES = sorted((Path(__file__).parent.parent / "api").rglob("*.py"))


@pytest.mark.parametrize("code", CODES)
def test_code_fits_the_wire(code: str) -> None:
    """A close reason has at most 123 bytes (RFC 6455, 5.5), and a status is an error's."""
    verdict = CODES[code]
    assert re.fullmatch(r"[a-z][a-z0-9_]{2,40}", code)
    assert 400 <= verdict.status < 600
    assert 1000 < verdict.close_code < 1016
    assert verdict.message.endswith(".")
    # What will not be otherwise is not worth retrying; what is our fault is.
    assert (verdict.retry == "later") or verdict.status < 500


def test_refusal_speaks_for_itself() -> None:
    """The code's own message, unless a better one is known."""
    assert Refusal("busy", retry_after=1).message == CODES["busy"].message
    assert str(Refusal("forbidden", "Only writers.")) == "forbidden: Only writers."
    assert Refusal("busy", retry_after=1).retry_after == 1


def test_code_that_does_not_exist_is_a_bug() -> None:
    """No refusal without an entry in the map."""
    with pytest.raises(KeyError):
        Refusal("nonsense")


def test_codes_that_are_raised_are_in_the_map() -> None:
    """Every code in the source is one that the contract knows."""
    raised = {
        code
        for source in SOURCES
        for code in re.findall(r'Refusal\(\s*"([a-z_]+)"', source.read_text())
    }
    assert len(raised) > 20
    assert raised <= CODES.keys()
