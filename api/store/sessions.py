"""SQLModel sessions in a transaction that somebody else begins and ends: for what is not hot."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlmodel import Session


def reading(connection: Connection) -> Session:
    """A session that reads; its end leaves the transaction as it is."""
    return Session(bind=connection, join_transaction_mode="rollback_only", autoflush=False)


@contextmanager
def changing(connection: Connection) -> Iterator[Session]:
    """A session in a savepoint that ends with the block, and takes along what failed in it."""
    with Session(
        bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False
    ) as session:
        yield session
        session.commit()
