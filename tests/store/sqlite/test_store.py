"""A file as a store: taken as a whole, or not at all."""

import os

import pytest

from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.sqlite.store import SqliteStore


def test_file_that_is_refused_is_not_held(settings: Settings) -> None:
    """Once it is as it should be, whoever wants it can have it: no lock is left behind."""
    other_name = settings.database_path.with_suffix(".link")
    os.link(settings.database_path, other_name)
    with pytest.raises(DatabaseError, match="another name"):
        SqliteStore(settings).open()
    other_name.unlink()
    store = SqliteStore(settings)
    store.open()
    store.close()
