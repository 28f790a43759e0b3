"""Ports for programs, and patience with them."""

import socket
import time
from collections.abc import Callable

from tests.deadlines import scaled

PATIENCE = scaled(10)


def free_port() -> int:
    """Of the loopback's IPv4 address; nobody has it yet."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
