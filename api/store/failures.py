"""What a database says when it fails, as SQLAlchemy says it."""

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def translated(connection: Connection, sql: str, error: Exception) -> Exception:
    """SQLAlchemy's error for one of the driver's: whoever catches errors knows only those.

    Without the values: they hold bodies and fingerprints, and an error's text goes to the log.
    """
    driver_error = connection.dialect.loaded_dbapi.Error
    return DBAPIError.instance(sql, None, error, driver_error, hide_parameters=True)
