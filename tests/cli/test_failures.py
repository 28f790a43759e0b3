import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from api.cli.failures import Failure, explain, load_settings
from api.settings import Settings
from tests.cli.commands import Command
from tests.cli.holding import held


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ITEMROOM_PORT", "seven", "ITEMROOM_PORT: Input should be a valid integer"),
        ("ITEMROOM_SECRET", "hunter2", "ITEMROOM_SECRET: a secret needs at least 32"),
        ("ITEMROOM_HOST", "0.0.0.0", "ITEMROOM_HOST=0.0.0.0 is reachable by others"),
        ("ITEMROOM_DATABASE_URL", "mysql://x", "ITEMROOM_DATABASE_URL takes sqlite:///FILE"),
        ("ITEMROOM_MAX_BODY_BYTES", "9999999", "ITEMROOM_MAX_BODY_BYTES cannot exceed"),
    ],
)
def test_wrong_setting_ends_a_command_with_one_sentence(
    itemroom: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """It names the variable, and does not show what may be a secret."""
    monkeypatch.setenv(name, value)
    for command in ("serve", "migrate"):
        said = itemroom.failed(command)
        assert said.startswith(sentence)
        assert "hunter2" not in said


@pytest.mark.parametrize(
    "command",
    [["serve"], ["migrate"], pytest.param(["restore", "backup"], marks=pytest.mark.sqlite)],
)
def test_held_lock_ends_a_command_with_one_sentence(
    itemroom: Command, empty: Settings, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """Before anything touches the database."""
    monkeypatch.setattr("api.store.postgresql.store.PATIENCE", 0.1)
    with held(empty, None) as store:
        assert "holds this database" in itemroom.failed(*command)
        with store.engine.connect() as connection:
            assert inspect(connection).get_table_names() == []


@pytest.mark.sqlite
def test_file_that_is_no_database_ends_a_command_with_one_sentence(
    itemroom: Command, home: Path
) -> None:
    """Whatever it is, it stays as it is."""
    (home / "test.db").write_text("no database, but long enough to be taken for one" * 100)
    for command in (["serve"], ["migrate"], ["item", "list"]):
        assert itemroom.failed(*command).startswith("The database cannot be used: ")


@pytest.mark.sqlite
def test_directory_that_is_missing_ends_a_command_with_one_sentence(
    itemroom: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the path."""
    monkeypatch.setenv("ITEMROOM_DATABASE_URL", f"sqlite:///{home}/nowhere/test.db")
    assert f"{home}/nowhere" in itemroom.failed("migrate")


@pytest.mark.sqlite  # Beside another database there is none.
def test_secret_that_others_can_read_ends_a_command_with_one_sentence(
    itemroom: Command, home: Path
) -> None:
    """The sentence says what to do."""
    (home / "test.db.secret").write_text("x" * 40)
    (home / "test.db.secret").chmod(0o644)
    assert "chmod 600" in itemroom.failed("serve")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "/x"), "/x: No space left on device."),
        (OSError("no errno"), "no errno"),
        (
            DBAPIError("SELECT 'secret'", None, sqlite3.OperationalError("disk I/O error")),
            "The database cannot be used: disk I/O error.",
        ),
        (
            sqlite3.OperationalError("disk I/O error"),
            "The database cannot be used: disk I/O error.",
        ),
        (
            # As psycopg has it: tried with TLS, and without.
            DBAPIError(
                "", None, sqlite3.OperationalError("failed: no\n  such user\nno\n such user")
            ),
            "The database cannot be used: failed: no such user.",
        ),
    ],
)
def test_error_of_the_system_is_explained_in_its_own_words(error: Exception, sentence: str) -> None:
    """With what it is about."""
    assert explain(error) == (sentence, 2)


def test_options_win_over_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And an option that was not given changes nothing."""
    monkeypatch.setenv("ITEMROOM_HOST", "localhost")
    settings = load_settings(host=None, port=4711)
    assert (settings.host, settings.port) == ("localhost", 4711)
    with pytest.raises(Failure, match="ITEMROOM_PORT"):
        load_settings(port=-1)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_local_url_is_where_this_machine_reaches_the_server(
    home: Path, host: str, url: str
) -> None:
    """Also when it listens on every address."""
    public_url = "https://rooms.example.com"
    assert load_settings(host=host, port=80, public_url=public_url).local_url == url


def test_command_names_a_variable_that_nobody_reads(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may have been meant to say which database."""
    monkeypatch.setenv("ITEMROOM_DATABSE_URL", "sqlite:////var/lib/itemroom/itemroom.db")
    load_settings()
    assert capsys.readouterr().err == (
        "itemroom: ITEMROOM_DATABSE_URL is no setting, and has no effect: "
        "did you mean ITEMROOM_DATABASE_URL?\n"
    )
