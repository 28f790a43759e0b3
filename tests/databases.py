"""The databases that tests act on: files, or databases of a PostgreSQL.

`ITEMROOM_TEST_DATABASE` says which: `sqlite`, `postgresql` for a server of the tests' own, or the
URL of a database of another, whose user may make more of them there.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from pydantic import SecretStr
from sqlalchemy import Connection, NullPool, create_engine

from api.settings import Settings
from api.store.schema import migrate
from api.store.sqlite.database import open_engine
from api.store.store import store_of
from tests.programs.databases import Databases, name_of
from tests.programs.postgresql import Cluster

CHOSEN = os.environ.get("ITEMROOM_TEST_DATABASE", "sqlite")
IN_FILES = CHOSEN == "sqlite"
# No database is beside a file that keeps one.
SECRET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Shared:
    """What all tests of a process share, each part made by the first that needs it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._cluster: Cluster | None = None
        self._databases: Databases | None = None
        self._template: str | None = None
        self._by_directory: dict[Path, str] = {}

    @property
    def cluster(self) -> Cluster:
        """A PostgreSQL that may be stopped, if it is started again."""
        if self._cluster is None:
            self._cluster = self._stack.enter_context(Cluster())
        return self._cluster

    @property
    def databases(self) -> Databases:
        """Where tests have their databases, if not in files."""
        if self._databases is None:
            self._databases = self.cluster if CHOSEN == "postgresql" else Databases(CHOSEN)
            self._stack.callback(self._databases.drop_all)
        return self._databases

    def database_in(self, directory: Path) -> str:
        """The URL of the database that belongs to a directory: migrated, and empty at first."""
        if directory not in self._by_directory:
            if self._template is None:
                self._template = self._migrated()
            self._by_directory[directory] = self.databases.database(self._template)
        return self._by_directory[directory]

    def forget(self, directory: Path) -> None:
        """Drop the databases of a directory, and of those in it."""
        for one in [one for one in self._by_directory if one.is_relative_to(directory)]:
            self.databases.drop(self._by_directory.pop(one))

    def close(self) -> None:
        """End all."""
        self._stack.close()

    def _migrated(self) -> str:
        url = self.databases.database()
        store = store_of(Settings(database_url=url, secret=SecretStr(SECRET)))
        store.open()
        store.prepare()
        store.close()
        return name_of(url)


shared = Shared()


def values_in(directory: Path) -> dict[str, str]:
    """The settings of the database that belongs to a directory; a file is made by `provide`."""
    if IN_FILES:
        return {"database_url": f"sqlite:///{directory / 'test.db'}"}
    return {"database_url": shared.database_in(directory), "secret": SECRET}


def empty_values(directory: Path) -> dict[str, str]:
    """The settings of a database in which nothing is, not even tables; a file is not there yet."""
    if IN_FILES:
        return {"database_url": f"sqlite:///{directory / '100% of it.db'}"}
    return {"database_url": shared.databases.database(), "secret": SECRET}


def variables(values: Mapping[str, object]) -> dict[str, str]:
    """Settings by their names, for whoever reads them from the environment."""
    return {f"ITEMROOM_{name.upper()}": str(value) for name, value in values.items()}


@cache
def template() -> bytes:
    """An empty file at the newest revision: migrated once in a process, copied per test.

    In memory: a worker that is killed leaves no file behind.
    """
    with TemporaryDirectory(prefix="itemroom-template-") as directory:
        path = Path(directory) / "template.db"
        engine = open_engine(path, writing=True, busy_timeout=1)
        migrate(engine)
        # The last connection that closes brings the write-ahead log into the file.
        engine.dispose()
        return path.read_bytes()


def database_at(path: Path) -> None:
    """Put an empty, migrated database there."""
    path.write_bytes(template())


def no_file(path: object, **_: object) -> NoReturn:
    """Instead of opening one, on PostgreSQL: a test left on a file would say nothing of that."""
    raise AssertionError(f"{path} is a file: take what `values_in` gives, or mark it `sqlite`")


def provide(settings: Settings) -> None:
    """The same, where a server would have to migrate an empty file; another it has to see to."""
    if settings.is_in_file and not settings.database_path.exists():
        database_at(settings.database_path)
        # As the server makes it.
        settings.database_path.chmod(0o600)


def provided(directory: Path, **values: object) -> Settings:
    """Settings on a database that is migrated already."""
    settings = Settings.model_validate(values_in(directory) | values)
    provide(settings)
    return settings


def change(settings: Settings, *statements: str) -> None:
    """Statements behind the back of a server, down or not, on a connection of their own."""
    with ExitStack() as stack:
        if settings.is_in_file:
            # As another program: the lock on a file is the server's.
            engine = open_engine(settings.database_path, writing=True, busy_timeout=10)
            stack.callback(engine.dispose)
        else:
            store = store_of(settings)
            store.open(url="")  # Beside a server that runs.
            stack.callback(store.close)
            engine = store.engine
        connection = stack.enter_context(engine.begin())
        for sql in statements:
            execute(connection, sql)


def rows(settings: Settings, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What a query finds, whatever has become of the server."""
    with connected(settings.database_url) as connection:
        return [tuple(row) for row in execute(connection, sql, *values)]


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A look at a database, whatever has become of its server."""
    driver = url.replace("postgresql:", "postgresql+psycopg:", 1)
    with create_engine(driver, poolclass=NullPool).connect() as connection:
        yield connection


def execute(connection: Connection, sql: str, *values: object) -> Sequence[Any]:
    """A statement behind the product's back; each `?` in it stands for a value."""
    asked = (
        sql if connection.dialect.name == "sqlite" else sql.replace("%", "%%").replace("?", "%s")
    )
    found = connection.exec_driver_sql(asked, values)
    return found.fetchall() if found.returns_rows else []
