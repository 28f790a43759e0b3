"""The server that tests run in a thread: one that does not stop is no silent hang."""

import threading

import pytest

from tests.serving import end


def held_up(gate: threading.Event) -> None:
    gate.wait()


def test_thread_that_does_not_end_fails_with_where_all_are() -> None:
    """Its own place, and that of whoever waits for it; one that ends is waited for."""
    gate = threading.Event()
    thread = threading.Thread(target=held_up, args=(gate,), name="the held one")
    thread.start()
    try:
        with pytest.raises(AssertionError, match="the held one has not ended") as failure:
            end(thread, within=0.01)
    finally:
        gate.set()
    assert "in held_up" in str(failure.value)
    assert "--- MainThread" in str(failure.value)
    end(thread)
    assert not thread.is_alive()
