"""Databases of a PostgreSQL server, made and dropped as tests need them."""

import secrets
from collections.abc import Sequence

import psycopg


class Databases:
    """Those of one server; a URL names each.

    Args:
        server: the URL of any database of it, whose user may make others.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._own: set[str] = set()

    def database(self, template: str = "template1") -> str:
        """The URL of a new database: an empty one, or a copy of another that nobody uses."""
        # Others may test on the same server.
        name = f"rooms_{secrets.token_hex(8)}"
        self.run(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        self._own.add(name)
        return self.url(name)

    def drop(self, url: str) -> None:
        """End a database, and all sessions in it."""
        name = name_of(url)
        self.run(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._own.discard(name)

    def drop_all(self) -> None:
        """End all that were made here."""
        for name in list(self._own):
            self.drop(self.url(name))

    def url(self, database: str) -> str:
        """Of a database, there or not."""
        return f"{self._server.rpartition('/')[0]}/{database}"

    def run(self, sql: str, url: str | None = None) -> Sequence[tuple[object, ...]]:
        """What a statement gives, on a connection of its own."""
        with psycopg.connect(url or self._server, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def sessions(self, url: str) -> list[int]:
        """The processes of all sessions of a database but the one that asks."""
        found = self.run(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'",
            url,
        )
        return [int(str(pid)) for (pid,) in found]

    def terminate(self, url: str) -> None:
        """End all sessions of a database, as an operator may."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            url,
        )


def name_of(url: str) -> str:
    """Which database of its server it is."""
    return url.rpartition("/")[2]
