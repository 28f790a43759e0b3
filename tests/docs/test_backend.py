"""docs/backend.md: its backend and its settings, as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Serve
from tests.docs.reading import ROOT, blocks
from tests.docs.test_examples import read_until, running

BACKEND = (ROOT / "docs" / "backend.md").read_text(encoding="utf-8")


def test_backend_of_the_page_decides(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its buyer talks in their order's room, without an account, and not all that they say."""
    (tmp_path / "shop.py").write_text(blocks(BACKEND, "python", "shop.py")[0])
    uvicorn = (sys.executable, "-m", "uvicorn", "shop:shop", "--port", "0")
    with running(*uvicorn, stderr=subprocess.STDOUT, folder=tmp_path) as shop:
        found = re.search(r"http://127\.0\.0\.1:\d+", read_until(shop, "running on"))
        assert found is not None
        settings = blocks(BACKEND, "sh", "settings")[0].replace("http://127.0.0.1:9000", found[0])
        for line in settings.splitlines():
            monkeypatch.setenv(*line.split("=", 1))
        server = serve()
        for person, body, status, told in (
            ("17", "Where is it?", 201, None),
            ("17", "darn", 422, "rejected"),
            ("17", "My card is 4111.", 201, None),
            ("99", "Let me in", 401, "auth_missing"),
        ):
            answer = httpx2.post(
                f"{server.url}/items/order-17/messages",
                json={"body": body},
                headers={"Cookie": f"shop={person}"},
                trust_env=False,
            )
            assert (answer.status_code, answer.json().get("code")) == (status, told)
        messages = httpx2.get(
            f"{server.url}/items/order-17/messages", headers={"Cookie": "shop=17"}
        ).json()["messages"]
        assert [(one["by"]["name"], one["body"]) for one in messages] == [
            ("Ada", "Where is it?"),
            ("Ada", "My card is ****."),
        ]
