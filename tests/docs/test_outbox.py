"""docs/outbox.md: its programs and statements run as they stand there, its table is the table."""

import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select, text, update
from sqlalchemy.exc import OperationalError

from itemroom import outbox
from itemroom.outbox import Outgoing
from tests.docs.reading import ROOT, blocks, names, rows
from tests.docs.test_examples import read_until, running
from tests.programs.postgresql import Cluster
from tests.serving import LiveServer

OUTBOX = (ROOT / "docs" / "outbox.md").read_text(encoding="utf-8")


def program(folder: Path, name: str) -> Path:
    """One of the page's, in a file."""
    path = folder / name
    path.write_text(blocks(OUTBOX, "python", name)[0])
    return path


def asked(engine: Engine, name: str) -> list[tuple[object, ...]]:
    """What one of the page's statements answers."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(blocks(OUTBOX, "sql", name)[0]))]


def test_application_publishes_what_it_has_committed(
    server: LiveServer, cluster: Cluster, tmp_path: Path
) -> None:
    """And nothing else."""
    ada = server.person("ada")
    ada.create("order-17")
    url = cluster.database().replace("postgresql:", "postgresql+psycopg:", 1)
    command = (sys.executable, program(tmp_path, "shop.py"), url, server.url, ada.token)
    with running(*command, folder=tmp_path) as shop:
        assert "Paid: 2.50" in read_until(shop, "Paid")


def test_what_waits_and_what_was_refused_is_seen_and_sent_again(tmp_path: Path) -> None:
    """By the statements, and then by the program."""
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    outbox.metadata.create_all(engine)
    with engine.begin() as connection:
        outbox.publish(connection, "order-17", 1)
        connection.execute(update(Outgoing).values(created_at=5000))
    assert asked(engine, "waits") == [(1, 5)]
    assert asked(engine, "refused") == []
    with engine.begin() as connection:
        connection.execute(update(Outgoing).values(ended_at=6000, refused="forbidden"))
    assert asked(engine, "waits") == [(0, None)]
    assert asked(engine, "refused") == [("order-17", "forbidden", 1)]
    again = program(tmp_path, "again.py")
    with running(sys.executable, again, engine.url, folder=tmp_path) as program_of_page:
        assert "1 will be" in read_until(program_of_page, "again")
    assert asked(engine, "waits") == [(1, 5)]
    engine.dispose()


def test_table_that_is_older_gets_its_column(tmp_path: Path) -> None:
    """By the statement; until then it is what it was."""
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    outbox.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE itemroom_outbox DROP COLUMN acting"))
    with pytest.raises(OperationalError, match="acting"), engine.begin() as connection:
        outbox.publish(connection, "order-17", 1)
    with engine.begin() as connection:
        connection.execute(text(blocks(OUTBOX, "sql", "acting")[0]))
        outbox.publish(connection, "order-17", 1, as_="ada")
        assert connection.scalars(select(Outgoing.acting)).all() == ["ada"]
    engine.dispose()


def test_columns_are_those_of_the_table() -> None:
    """All, in their order but for the times, which share a line."""
    described = [name for cells in rows(OUTBOX, "The table") for name in names(cells[0])]
    described.remove("itemroom_outbox")
    columns = outbox.metadata.tables["itemroom_outbox"].c
    assert sorted(described) == sorted(column.name for column in columns)
