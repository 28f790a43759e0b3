"""`python -m bench.load.sink PORT`: takes everything that comes, and does nothing with it.

A flood into it costs the machine what a flood costs, and the server nothing.
"""

import selectors
import socket
import sys

READ_BYTES = 256 * 1024


def run(port: int) -> None:
    """Take until the process is ended."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        selector = selectors.DefaultSelector()
        selector.register(listening, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listening:
                    selector.register(listening.accept()[0], selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket) and not _take(key.fileobj):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()


def _take(peer: socket.socket) -> bool:
    try:
        return bool(peer.recv(READ_BYTES))
    except OSError:
        return False


if __name__ == "__main__":
    run(int(sys.argv[1]))
