"""An issuer's key server on the loopback: answers what a test wants, as badly as it wants."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson

Answer = Callable[[BaseHTTPRequestHandler], None]


class JwksServer:
    """Counts requests; `answer` writes each response."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/jwks.json"
        self.requests = 0
        self.asked = threading.Semaphore(0)
        self.headers: dict[str, str] = {}
        self.answer: Answer = respond(b"", status=404)

    def publish(self, *entries: object) -> None:
        self.answer = respond(orjson.dumps({"keys": entries}))


def respond(body: bytes, *, status: int = 200, **headers: str) -> Answer:
    """An answer with a length; header names are written with underscores."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def serve() -> Iterator[JwksServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests += 1
            server.headers = dict(self.headers)
            server.asked.release()
            server.answer(self)

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = JwksServer(http.server_port)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
