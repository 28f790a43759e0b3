"""A program that runs another one's `main` as its next version would be: with one more migration.

The first argument is the folder with its migrations.
"""

import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

from alembic.script import ScriptDirectory

from api.__main__ import main
from api.store import schema

REVISION = "newer"
# All that a migration may do while servers of the version before it serve: what they do not know
# of is added, and fills itself. In the order of the tables' names, which is nobody else's order.
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = {revision!r}, {former!r}


def upgrade():
    for table in sorted(sa.inspect(op.get_bind()).get_table_names()):
        column = sa.Column("newer", sa.BigInteger(), server_default="7", nullable=False)
        op.add_column(table, column)
    op.create_table(
        "newer", sa.Column("user_key", sa.Integer(), sa.ForeignKey("user.key"), primary_key=True)
    )
    op.create_index("ix_newer", "entry", ["newer"])
"""


def make_migrations(folder: Path) -> Path:
    """Those of this version, and one that is newer."""
    former = ScriptDirectory.from_config(schema.configuration()).get_current_head()
    made = copytree(schema.MIGRATIONS, folder / "newer", ignore=ignore_patterns("__pycache__"))
    text = MIGRATION.format(revision=REVISION, former=former)
    (made / "versions" / "newer.py").write_text(text)
    return made


if __name__ == "__main__":
    schema.MIGRATIONS = Path(sys.argv[1])
    del sys.argv[:2]
    main()
