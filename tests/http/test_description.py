"""What OpenAPI says a call takes, it takes, and answers as it says: asked by schemathesis."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conftest import make_settings
from tests.deadlines import scaled
from tests.serving import Fields, LiveServer, Person

# Another one is another day's luck: to look for more, change it, or ask for more examples.
SEED = "20260131"
EXAMPLES = "3"  # Of each call, beside all the boundaries of its schema.
PASSWORD = "not the one of the examples"  # Which would end the token in use.


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """The admin of an item with a few messages, on a server without rates."""
    directory = tmp_path_factory.mktemp("description")
    no_limits = dict.fromkeys(("publish_rate", "handshake_rate", "connections_per_user"), 0)
    with LiveServer(make_settings(directory, **no_limits)) as server:
        with httpx2.Client(base_url=server.url) as client:
            person: Fields = {"username": "ada", "password": PASSWORD}
            made = client.post("/auth/register", json=person).json()
            token = client.post("/auth/token", data=person).json()["access_token"]
        ada = Person(server, "ada", made["id"], token)
        ada.create("order-17")
        for body in ("hello", {"text": "hello"}, None):
            ada.publish("order-17", body)
        yield ada


@pytest.mark.timeout(180)
@pytest.mark.parametrize("shown", [True, False], ids=["credential", "stranger"])
def test_every_call_does_as_it_is_described(ada: Person, tmp_path: Path, *, shown: bool) -> None:
    """No fault of the server, no status or document that is not described, no value refused."""
    print(f"seed {SEED}")
    credential = ["--header", f"Authorization: Bearer {ada.token}"] if shown else []
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{ada.server.url}/openapi.json"),
        *("--phases", "coverage,fuzzing", "--seed", SEED, "--max-examples", EXAMPLES),
        *("--generation-database", "none", "--no-shrink"),
        # Whose answer does not end: each would be waited for.
        *("--exclude-path", "/items/{item_id}/events"),
        *("--continue-on-failure", "--no-color", *credential),
    ]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=scaled(150), check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    generated = re.search(r"(\d+) generated, \1 passed", run.stdout)
    assert generated is not None, run.stdout
    assert int(generated[1]) > 300
    assert ada.call("GET", "/auth/me").status_code == 200, "the token was ended on the way"
