"""Only `api.store` knows which database there is; everywhere else the tables say all."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import api

ROOT = Path(api.__file__).parent
PRODUCT = re.compile("sqlite|postgres|psycopg", re.IGNORECASE)
SQL = re.compile(
    r"^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|BEGIN|SAVEPOINT|VACUUM|ANALYZE|PRAGMA)\s"
    r"|(?i:\bselect\b.+\bfrom\b|\binsert\s+(?:or\s+\w+\s+)?into\b|\bupdate\s+\S+\s+set\b"
    r"|\bdelete\s+from\b|\bpragma\b|\b(?:create|drop|alter)\s+(?:table|index|trigger)\b)",
    re.DOTALL,
)
# Where a product's name has to stand all the same.
ALLOWED = {
    # SQLAlchemy calls the options of a table by the database that heeds them.
    "models.py": r"sqlite|postgresql|(sqlite|postgresql)_where|sqlite_with_rowid|postgresql_[uw].+",
    # Which database there is, is what this setting says, and people write it.
    "settings.py": r".*(?:sqlite|postgresql)://.*",
    "cli/moving.py": r".*(?:sqlite|postgresql)://.*",
    # The server for an application's tests is always on a file of its own.
    "testing.py": r"sqlite:///",
}


def ties(source: str) -> Iterator[str]:
    """What ties a module to one database: a product's name, or a statement's text."""
    tree = ast.parse(source)
    lines = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    prose = {id(line) for line in lines if isinstance(line, ast.Constant)}
    for node in ast.walk(tree):
        if id(node) not in prose:
            yield from (word for word in _words(node) if PRODUCT.search(word) or SQL.search(word))


def _words(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):  # Its parts alone may look harmless.
            yield "?".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            yield name
        case ast.ImportFrom(module=str(name)) | ast.keyword(arg=str(name)) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name


def test_modules_above_the_store_name_no_database_and_hold_no_sql() -> None:
    """A second database is a second module in `api.store`, and nothing elsewhere."""
    paths = [path for path in ROOT.rglob("*.py") if ROOT / "store" not in path.parents]
    assert len(paths) > 100
    found = {}
    for path in paths:
        allowed = ALLOWED.get(path.relative_to(ROOT).as_posix(), "")
        tied = ties(path.read_text(encoding="utf-8"))
        found[path.name] = [word for word in tied if not re.fullmatch(allowed, word, re.DOTALL)]
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import sqlite3",
        "from sqlalchemy.dialects.sqlite import insert",
        "from sqlalchemy.dialects import postgresql",
        "error.sqlite_errorcode",
        "Index('i', sqlite_where=1)",
        "def sqlite_code(): ...",
        "create_engine('sqlite://')",
        "FIND = 'SELECT 1'",
        "FIND = '''\n    select key\n    from user'''",
        "FIND = 'SELECT * FROM ' + table",
        "FIND = f'select {column} from {table}'",
        "run('INSERT OR IGNORE INTO user VALUES (?)')",
        "run('update user set name = ?')",
        "run('DELETE FROM user')",
        "run('WITH w AS (VALUES (?)) SELECT 1')",
        "run('PRAGMA user_version')",
        "run('BEGIN IMMEDIATE')",
        "run('drop table user')",
    ],
)
def test_tie_to_a_database_is_seen(source: str) -> None:
    """Negative control of the test above: names, texts and parts of texts."""
    assert list(ties(source))


@pytest.mark.parametrize(
    "source",
    [
        '"""Select from what SQLite gives."""',
        "def f():\n    'UPDATE it, or DELETE FROM it.'",
        "METHODS = ('GET', 'DELETE')",
        "select(col(User.key)).with_for_update()",
        "raise Refusal('forbidden', 'With this token nothing can be updated.')",
    ],
)
def test_prose_and_constructs_tie_to_nothing(source: str) -> None:
    """Docstrings may say why; what is built from the tables is for any database."""
    assert not list(ties(source))
