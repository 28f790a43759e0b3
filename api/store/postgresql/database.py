"""PostgreSQL's engines: of the one that writes and has the lock, and of those who read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from ...settings import Settings
from ..failures import DatabaseError, translated
from . import session
from .lock import MIGRATING

# Seconds to get a connection, and milliseconds until data that nobody acknowledges ends it.
CONNECT_TIMEOUT = 3
ACKNOWLEDGE_TIMEOUT_MS = 3000

READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE = "BEGIN"


def url_of(settings: Settings) -> URL:
    """Where the database is, for SQLAlchemy.

    Raises:
        DatabaseError: it is no URL; what says so shows no part of it.
    """
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):
        raise DatabaseError(
            "ITEMROOM_DATABASE_URL cannot be read: it takes "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, where what is no letter or digit in "
            "USER and PASSWORD is written as in a URL, @ as %40."
        ) from None
    return url.set(drivername="postgresql+psycopg")


def open_writing_engine(settings: Settings, lock: Callable[[Any], None]) -> Engine:
    """The engine with this process's connection that writes, which first takes the lock."""
    engine = _open(settings, WRITE, poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        with _closed_on_error(connection):
            session.prepare(connection, session.WRITING)
            lock(connection)

    @event.listens_for(engine, "commit")
    def refuse_failed(connection: Connection) -> None:
        # The server answers COMMIT with ROLLBACK when a statement failed, and calls it a success.
        status = _driver(connection).info.transaction_status
        if status != status.INTRANS:
            raise OperationalError("COMMIT", {}, DatabaseError(f"the transaction is {status.name}"))

    return engine


def open_reading_engine(settings: Settings, *, connections: int | None = None) -> Engine:
    """An engine that only reads: what one transaction sees is of one moment.

    With a number of connections, those are kept open; else none is.
    """
    pool = (
        {"poolclass": NullPool}
        if connections is None
        else {"poolclass": QueuePool, "pool_size": connections, "max_overflow": 0}
    )
    engine = _open(settings, READ, **pool)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        with _closed_on_error(connection):
            session.prepare(connection, session.READING)

    return engine


def open_aside_engine(settings: Settings) -> Engine:
    """The engine that writes what is no history: on one connection, without the lock."""
    engine = _open(settings, WRITE, poolclass=QueuePool, pool_size=1, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        with _closed_on_error(connection):
            session.prepare(connection, session.ASIDE)

    return engine


async def connect_beside(settings: Settings) -> Any:
    """A connection of psycopg's for the event loop, in no pool, where each statement commits."""
    url = url_of(settings)
    arguments, options = url.get_dialect()().create_connect_args(url)
    return await import_module("psycopg").AsyncConnection.connect(
        *arguments,
        **options,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT,
        tcp_user_timeout=ACKNOWLEDGE_TIMEOUT_MS,
    )


@contextmanager
def unhurried(engine: Engine) -> Iterator[Connection]:
    """A transaction that may take as long as it takes: one that changes the schema, alone."""
    with engine.begin() as connection:
        for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
        connection.exec_driver_sql(MIGRATING)
        yield connection


def is_connected(connection: Connection) -> bool:
    """Whether nothing has ended the connection, as far as this side knows."""
    return not connection.invalidated and not _driver(connection).closed


def reconnect(connection: Connection) -> None:
    """Have another connection in the place of one that ended.

    Raises:
        sqlalchemy.exc.DBAPIError: there is none.
        DatabaseError: there is one, and it is not what it has to be.
    """
    if not connection.invalidated:
        connection.invalidate()
    _driver(connection)


def _open(settings: Settings, begun: str, **pool: Any) -> Engine:
    try:
        engine = create_engine(
            url_of(settings),
            # Statements are run by the driver alone, with their values in order.
            paramstyle="format",
            # They hold bodies and fingerprints, and an error's text goes to the log.
            hide_parameters=True,
            use_native_hstore=False,
            connect_args={
                # Transactions begin below, with what is needed.
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT,
                "tcp_user_timeout": ACKNOWLEDGE_TIMEOUT_MS,
            },
            **pool,
        )
    except ImportError as error:
        raise DatabaseError(
            "PostgreSQL needs its driver, psycopg: install `itemroom[postgresql]`."
        ) from error

    @event.listens_for(engine, "connect")
    def register(connection: Any, _record: object) -> None:
        for ours in (".dumpers", ".cursors"):
            import_module(ours, __package__).register(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        try:
            # The writer has to know that it has another connection.
            _begin(connection, begun, again=pool["poolclass"] is not StaticPool)
        except connection.dialect.loaded_dbapi.Error as error:
            raise translated(connection, begun, error) from error

    return engine


@contextmanager
def _closed_on_error(connection: Any) -> Iterator[None]:
    """The pool forgets a connection that could not be prepared, and leaves it open."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _begin(connection: Connection, begun: str, *, again: bool) -> None:
    """Begin; `again`, on another connection, when the one there was has ended unnoticed."""
    driver = _driver(connection)
    try:
        driver.execute(begun)
    except connection.dialect.loaded_dbapi.Error:
        if not (again and driver.closed):
            raise
        connection.invalidate()
        _driver(connection).execute(begun)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
