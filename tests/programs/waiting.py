"""Ports for programs, and patience with them."""

import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from tests.deadlines import scaled

PATIENCE = scaled(10)
# Below those that systems give to clients and for port 0 (Linux from 32768, others from 49152):
# one of them could be taken until the program listens, and whenever it is started again.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Of the loopback's IPv4 address; nobody has it yet, and nobody is given it by chance."""
    while True:
        port = secrets.choice(PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
