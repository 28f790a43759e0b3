"""nginx and HAProxy with the files of `deploy/`; only addresses and places are replaced."""

import datetime as dt
import ipaddress
import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.machine import free_port
from tests.deadlines import scaled
from tests.docs.reading import ROOT
from tests.programs.finding import find

NAME = "rooms.example.com"
PATIENCE = scaled(10.0)
# What stands around a site's file; Debian's own has other places, which only root may write.
NGINX = """
{user}
daemon off;
pid {folder}/nginx.pid;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs, as browsers reach it."""

    folder: Path
    port: int
    plain_port: int
    trust: ssl.SSLContext

    def client(self, **headers: str) -> httpx2.Client:
        """An HTTP client of the site."""
        return httpx2.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": NAME, **headers},
            verify=self.trust,
            trust_env=False,
            timeout=PATIENCE,
        )

    @property
    def logs(self) -> str:
        """All that it wrote about what it did."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


@contextmanager
def running(
    kind: str, folder: Path, *upstreams: int, changes: dict[str, str] | None = None
) -> Iterator[Proxy]:
    """A proxy in front of servers of this machine, by their ports: one or two.

    `changes` of the shipped file, as whoever takes it makes them.
    """
    # It may be there: tests of one module that run apart from each other set it up twice.
    folder.mkdir(exist_ok=True)
    proxy = Proxy(folder, free_port(), free_port(), certify(folder))
    program = find(kind)
    make = _nginx if kind == "nginx" else _haproxy
    arguments = make(proxy, list(upstreams), changes or {})
    with (folder / "output.log").open("wb") as output:
        popen = subprocess.Popen(
            [program.path, *arguments],
            env=os.environ | program.environment,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_answers(proxy, popen)
        yield proxy
    finally:
        popen.terminate()
        popen.wait(PATIENCE)


def _nginx(proxy: Proxy, upstreams: list[int], changes: dict[str, str]) -> list[str]:
    folder = proxy.folder
    site = placed(
        (ROOT / "deploy/nginx/itemroom.conf").read_text(),
        {
            "listen 80;": f"listen 127.0.0.1:{proxy.plain_port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{proxy.port} ssl;",
            "/etc/nginx/": f"{folder}/",
            "/var/log/nginx/": f"{folder}/",
        }
        | changes,
        upstreams,
    )
    (folder / "site.conf").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    return ["-p", str(folder), "-e", f"{folder}/start.log", "-c", f"{folder}/nginx.conf"]


def _haproxy(proxy: Proxy, upstreams: list[int], changes: dict[str, str]) -> list[str]:
    folder = proxy.folder
    configuration = placed(
        (ROOT / "deploy/haproxy/haproxy.cfg").read_text(),
        {
            "bind :80\n": f"bind 127.0.0.1:{proxy.plain_port}\n",
            "bind :443 ": f"bind 127.0.0.1:{proxy.port} ",
            "/etc/haproxy/": f"{folder}/",
        }
        | changes,
        upstreams,
    )
    (folder / "haproxy.cfg").write_text(configuration)
    # Warnings are errors here as everywhere.
    return ["-dW", "-db", "-f", f"{folder}/haproxy.cfg"]


def placed(text: str, places: dict[str, str], upstreams: list[int]) -> str:
    """A shipped file with the addresses and folders of a test."""
    places |= {"127.0.0.1:8000": f"127.0.0.1:{upstreams[0]}"}
    if len(upstreams) == 2:
        places |= {"# server ": "server ", "127.0.0.1:8001": f"127.0.0.1:{upstreams[1]}"}
    for shipped, here in places.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    return text


def certify(folder: Path) -> ssl.SSLContext:
    """A certificate of `NAME` and 127.0.0.1, beside its key; what believes in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for ending, content in (("crt", public), ("key", private), ("pem", public + private)):
        (folder / f"itemroom.{ending}").write_bytes(content)
    return ssl.create_default_context(cadata=public.decode())


def _wait_until_answers(proxy: Proxy, popen: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    with proxy.client() as client:
        while time.monotonic() < deadline:
            assert popen.poll() is None, proxy.logs
            try:
                client.get("/readyz")
            except httpx2.TransportError:
                time.sleep(0.02)
            else:
                return
    raise RuntimeError(f"the proxy does not answer:\n{proxy.logs}")


class Echo(ThreadingHTTPServer):
    """A server that says who it is, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.port: int = self.server_address[1]

    def __enter__(self) -> "Echo":
        Thread(target=self.serve_forever, args=(0.02,)).start()
        return self

    def handle_error(self, *_: object) -> None:
        """A proxy that looks whether somebody listens ends its connection at once."""

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        said: dict[str, Any] = {"port": self.server.server_port, "path": self.path}  # type: ignore[attr-defined] # It is an Echo.
        body = json.dumps(said | {"headers": {k.lower(): v for k, v in self.headers.items()}})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""
