import re
import time
from uuid import UUID

import pytest

from api.security.credentials import fingerprint, new_id, new_secret


def test_secrets_have_256_bits_and_fit_a_url() -> None:
    """A session id or ticket is beyond guessing and needs no quoting."""
    made = {new_secret() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in made)


def test_fingerprint_is_sha256_in_hex() -> None:
    """Stored fingerprints stay valid across versions."""
    assert fingerprint("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_fingerprint_of_a_lone_surrogate_is_made() -> None:
    """A cookie that no browser sends is an unknown session, not an exception."""
    assert fingerprint("\ud800") != fingerprint("\udfff")


def test_ids_are_uuid7_of_now() -> None:
    """An id says when it was made, to the millisecond."""
    before = time.time_ns() // 1_000_000
    made = UUID(new_id())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_later_ids_sort_after_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids order by time, also within one millisecond, and their random half differs."""
    moments = [1_800_000_000_000_000_000 + 250 * step for step in range(8000)]
    monkeypatch.setattr("api.security.credentials.time.time_ns", iter(moments).__next__)
    made = [new_id() for _ in moments]
    assert made == sorted(made)
    assert len({UUID(text).int & (2**62 - 1) for text in made}) == len(made)
