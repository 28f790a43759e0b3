"""A server that cannot use its PostgreSQL says why in one sentence, and ends."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.databases import SECRET
from tests.process import ITEMROOM, PATIENCE
from tests.programs.postgresql import USER, Cluster

HIDDEN = "hidden-in-messages"
SENTENCES = {
    "database": 'database "nowhere" does not exist',
    "rights": "powerless may not make tables in PostgreSQL's schema public",
}


@pytest.fixture(scope="module")
def urls(cluster: Cluster) -> dict[str, str]:
    """By what is wrong there; each has a password, which is nobody's business."""
    cluster.run("CREATE ROLE powerless LOGIN")
    cluster.run("CREATE DATABASE guarded TEMPLATE template0 ENCODING 'UTF8'")
    # As every release since 15 has it.
    cluster.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC", cluster.url("guarded"))
    place = f"{HIDDEN}@127.0.0.1:{cluster.port}"
    return {
        "database": f"postgresql://{USER}:{place}/nowhere",
        "rights": f"postgresql://powerless:{place}/guarded",
    }


@pytest.mark.parametrize("wrong", SENTENCES)
def test_what_is_wrong_is_said_in_a_sentence(
    wrong: str, urls: dict[str, str], tmp_path: Path
) -> None:
    """Once, without a traceback or the password; whoever starts it again may see the code."""
    own = {"ITEMROOM_DATABASE_URL": urls[wrong], "ITEMROOM_SECRET": SECRET, "ITEMROOM_PORT": "0"}
    foreign = ("ITEMROOM_", "COVERAGE_PROCESS_")
    inherited = {k: value for k, value in os.environ.items() if not k.startswith(foreign)}
    ended = subprocess.run(
        [ITEMROOM, "serve"],
        env=inherited | own,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 2
    (said,) = ended.stderr.splitlines()
    assert said.startswith("itemroom: ")
    assert said.count(SENTENCES[wrong]) == 1
    assert HIDDEN not in said
