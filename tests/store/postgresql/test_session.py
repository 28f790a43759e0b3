"""Each thing that is wrong with a server or a session is a sentence when it starts."""

from types import SimpleNamespace
from typing import Any, Self

import pytest

from api.store.failures import DatabaseError
from api.store.postgresql import session


class FakeConnection:
    """Answers SHOW and the question about rights, and takes every SET unless it is told not to."""

    def __init__(self, version: int = 15, rights: tuple[Any, ...] | None = None, **fixed: str):
        self.info = SimpleNamespace(server_version=version * 10_000 + 3)
        self._rights = rights or (False, "public", "ada", True)
        self._fixed = fixed
        self._shown = {"fsync": "on", "server_encoding": "UTF8"}
        self._row: tuple[Any, ...] = ()

    def execute(self, sql: bytes | str) -> Self:
        words = (sql if isinstance(sql, str) else sql.decode()).split()
        if words[0] == "SET":
            self._shown[words[1]] = " ".join(words[3:]).strip("'")
        elif words[0] == "SHOW":
            self._row = ((self._shown | self._fixed)[words[1]],)
        else:
            self._row = self._rights
        return self

    def fetchone(self) -> tuple[Any, ...]:
        return self._row


@pytest.mark.parametrize(
    ("connection", "sentence"),
    [
        (FakeConnection(version=13), "PostgreSQL 13: 14 or a later one"),
        (FakeConnection(fsync="off"), "fsync = off, and a power cut"),
        (FakeConnection(server_encoding="LATIN1"), "make a database with UTF8"),
        (FakeConnection(synchronous_commit="off"), "synchronous_commit = off, and on is needed"),
        (FakeConnection(lock_timeout="0"), "lock_timeout = 0, and 3s is needed"),
        (FakeConnection(rights=(True, "public", "ada", True)), "a standby"),
        (FakeConnection(rights=(False, "public", "ada", False)), "GRANT CREATE ON SCHEMA public"),
    ],
)
def test_what_would_lose_messages_is_refused_with_a_sentence(
    connection: Any, sentence: str
) -> None:
    """Before anything is stored."""
    with pytest.raises(DatabaseError, match=sentence):
        session.prepare(connection, session.WRITING)


def test_reader_needs_no_rights_to_change_anything() -> None:
    """Nor a primary."""
    connection: Any = FakeConnection(rights=(True, "public", "ada", False))
    session.prepare(connection, session.READING)
    session.prepare(FakeConnection(), session.WRITING)  # type: ignore[arg-type] # a fake
