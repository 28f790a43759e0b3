"""Database files as tests look at them, without a server."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def run(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a statement gives, on a connection of its own."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql).fetchall()


def seqs(path: Path) -> list[int]:
    return [seq for (seq,) in run(path, "SELECT seq FROM entry ORDER BY seq")]


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def damage(path: Path) -> None:
    """Overwrite the last three quarters of the pages, those of indexes among them."""
    whole = path.read_bytes()
    keep = len(whole) // 4
    path.write_bytes(whole[:keep] + b"\xff" * (len(whole) - keep))
