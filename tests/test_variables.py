"""Variables that are none of ours are named, with what was most likely meant."""

import logging
from pathlib import Path

import pytest

from api.app import create_app
from api.settings import Settings
from api.variables import unread_variables
from tests.conftest import make_settings


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ITEMROOM_REGISTRATON", ": did you mean ITEMROOM_REGISTRATION?"),
        ("itemroom_publicurl", ": did you mean ITEMROOM_PUBLIC_URL?"),
        ("ITEMROOM_XYZZY", "."),
        ("ITEMROOM_", "."),
    ],
)
def test_variable_that_nobody_reads_is_named(name: str, hint: str) -> None:
    """With the nearest setting, where there is one."""
    sentence = f"{name} is no setting, and has no effect{hint}"
    assert unread_variables(["PATH", name, "ITEMROOM_HOST"]) == [sentence]


def test_variables_that_are_read_or_set_by_others_are_not_named() -> None:
    """Settings in any case, the clients' own, and what orchestrators add for a service."""
    names = [f"ITEMROOM_{name.upper()}" for name in Settings.model_fields]
    names += ["itemroom_host", "ITEMROOM_TOKEN", "ITEMROOM_URL", "MY_ITEMROOM_X", "_ITEMROOM_Y"]
    names += ["ITEMROOM_SERVICE_HOST", "ITEMROOM_SERVICE_PORT", "ITEMROOM_SERVICE_PORT_HTTP"]
    names += ["ITEMROOM_PORT_8000_TCP", "ITEMROOM_PORT_8000_TCP_ADDR", "ITEMROOM_WEB_SERVICE_HOST"]
    assert unread_variables(names) == []


@pytest.mark.anyio
async def test_server_names_them_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Under any server: the application says it, in the log; never their values."""
    monkeypatch.setenv("ITEMROOM_SECRETT", "zq7-canary")
    app = create_app(make_settings(tmp_path))
    with caplog.at_level(logging.WARNING, "itemroom"):
        async with app.router.lifespan_context(app):
            pass
    assert "did you mean ITEMROOM_SECRET?" in caplog.text
    assert "canary" not in caplog.text
