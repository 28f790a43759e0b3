"""What all files of `deploy/` say of the server is true of it."""

import re
from pathlib import Path

import pytest

from api.settings import Settings
from tests.docs.reading import OPERATIONS, ROOT

FILES = sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())
SETTINGS = {f"ITEMROOM_{name.upper()}" for name in Settings.model_fields}
NGINX = (ROOT / "deploy/nginx/itemroom.conf").read_text()
HAPROXY = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_is_documented_and_names_settings_that_exist(file: Path) -> None:
    """A setting that is renamed is renamed here."""
    assert f"(../{file.relative_to(ROOT)})" in OPERATIONS
    assert set(re.findall(r"ITEMROOM_[A-Z_]+", file.read_text())) <= SETTINGS


@pytest.mark.parametrize("text", [NGINX, HAPROXY], ids=["nginx", "haproxy"])
def test_proxies_are_more_patient_than_pings_and_less_than_our_keep_alive(text: str) -> None:
    """An idle socket lives; no request meets a connection that has just ended."""
    settings = Settings()
    idle = r"(?:proxy_read_timeout|proxy_send_timeout|timeout tunnel) +(\d+)s"
    waits = [int(seconds) for seconds in re.findall(idle, text)]
    assert waits
    assert min(waits) > settings.ping_interval + settings.ping_timeout
    # Both keep an idle connection to a server for 60 s at most, if they are told nothing else.
    kept = [int(seconds) for seconds in re.findall(r"keep-?alive(?:_timeout)? +(\d+)s", text)]
    assert max([*kept, 60]) < settings.keep_alive
    assert f"127.0.0.1:{settings.port}" in text
