"""How the driver says what failed: without the values, which are bodies and fingerprints.

Imported once the driver is.
"""

from typing import Any, Self

from psycopg import Connection, Cursor, Error

# Of data and of integrity: the server quotes the key that there is already, or the whole row.
_QUOTING_CLASSES = frozenset({"22", "23"})


def register(connection: "Connection[Any]") -> None:
    """From now on what fails on this connection is said so: an error's text goes to the log."""
    connection.cursor_factory = _DiscreetCursor


class _DiscreetCursor(Cursor[Any]):
    def execute(self, *args: Any, **options: Any) -> Self:
        try:
            return super().execute(*args, **options)
        except Error as error:
            _conceal(error)
            raise

    def executemany(self, *args: Any, **options: Any) -> None:
        try:
            super().executemany(*args, **options)
        except Error as error:
            _conceal(error)
            raise


def _conceal(error: Error) -> None:
    """Leave what is wrong, and where."""
    if (error.sqlstate or "")[:2] in _QUOTING_CLASSES:
        error.args = (error.diag.message_primary,)
