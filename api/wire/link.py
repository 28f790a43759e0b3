"""What binds a worker to the process that started it: it says when it serves, and does not outlive
it. A socket, since the end of one is seen on every system, however its process ends.
"""

import os
import signal
import socket
import threading

READY = b"R"


class Link:
    """A worker's end of it.

    Args:
        descriptor: of the socket, inherited.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def tell_ready(self) -> None:
        """It serves."""
        self._socket.send(READY)

    def watch(self) -> None:
        """From now on drain when the other process is gone, as on a signal."""
        threading.Thread(target=self._wait, name="itemroom-link", daemon=True).start()

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()

    def _wait(self) -> None:
        self._socket.recv(1)  # Nothing is ever sent: this is the end.
        os.kill(os.getpid(), signal.SIGTERM)
