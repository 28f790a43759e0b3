from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.security.secret_file import SecretError, load_secret, secret_path
from api.settings import MIN_SECRET_BYTES, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{tmp_path}/itemroom.db")


def test_secret_is_made_once_for_its_owner_alone(settings: Settings, tmp_path: Path) -> None:
    """Long enough, the same at each start, and beside the database."""
    secret = load_secret(settings)
    assert len(secret) >= MIN_SECRET_BYTES
    assert load_secret(settings) == secret
    path = tmp_path / "itemroom.db.secret"
    assert secret_path(settings) == path
    assert path.stat().st_mode & 0o777 == 0o600


def test_configured_secret_wins_over_the_file(settings: Settings, tmp_path: Path) -> None:
    """And leaves no file."""
    configured = "0123456789abcdef0123456789abcdef"
    changed = Settings(database_url=settings.database_url, secret=configured)  # type: ignore[arg-type] # pydantic wraps it
    assert load_secret(changed) == configured.encode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_secret_that_others_can_read_is_refused(settings: Settings, mode: int) -> None:
    """The sentence says what to do, and not what it says."""
    secret = load_secret(settings)
    secret_path(settings).chmod(mode)
    with pytest.raises(SecretError, match="chmod 600") as refused:
        load_secret(settings)
    assert secret.decode() not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"short", b" " * 100, b"x" * 31 + b"\n"])
def test_secret_that_is_too_short_is_refused(settings: Settings, content: bytes) -> None:
    """A file that was cut short does not become a weak key."""
    load_secret(settings)
    secret_path(settings).write_bytes(content)
    with pytest.raises(SecretError, match="too short"):
        load_secret(settings)


def test_secret_made_by_many_at_once_is_one(settings: Settings, tmp_path: Path) -> None:
    """A command and a server may be the first at the same time; nobody finds half of one."""
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: load_secret(settings), range(64)))
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["itemroom.db.secret"]


def test_secret_beside_a_link_to_the_database_is_to_be_moved(tmp_path: Path) -> None:
    """An earlier version left it there; a new one would end all tokens without a word."""
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    former = tmp_path / "link.db.secret"
    former.write_text("a secret of an earlier version, long enough")
    former.chmod(0o600)
    settings = Settings(database_url=f"sqlite:///{tmp_path}/link.db")
    with pytest.raises(SecretError, match=r"move it to .*real\.db\.secret"):
        load_secret(settings)
    former.rename(tmp_path / "real.db.secret")
    assert load_secret(settings) == b"a secret of an earlier version, long enough"
