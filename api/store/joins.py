"""A join that is made in one way: for each row on the left a search on the right."""

from typing import Any

from sqlalchemy import Join
from sqlalchemy.ext.compiler import compiles


class SearchEach(Join):
    """An inner join of a short list with a table, whose index finds each."""

    inherit_cache = True


@compiles(SearchEach)
def _join(join: SearchEach, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_join(join, **options))


@compiles(SearchEach, "sqlite")
def _cross_join(join: SearchEach, compiler: Any, **options: Any) -> str:
    """SQLite never turns a CROSS JOIN round, and therefore need not write the list down first.

    For `(…) IN (VALUES …)` it would scan the table's whole index.
    """
    return str(compiler.visit_join(join, **options)).replace(" JOIN ", " CROSS JOIN ", 1)
