"""Statements that are built from the table classes, compiled once, and run by the driver alone.

For what every message and every client needs: SQLAlchemy looks each statement up anew, turns its
values into the driver's, and describes the columns of its result, which takes several times as
long as the database takes to answer. What is not so frequent goes the usual way.
"""

import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar, TypeVarTuple, Unpack, cast, overload

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Dialect,
    LargeBinary,
    Select,
    UpdateBase,
    bindparam,
)
from sqlalchemy.sql.util import find_tables
from sqlalchemy.sql.visitors import cloned_traverse

from .failures import translated
from .tables import keeps

Row = TypeVar("Row", bound=tuple[Any, ...])
Values = TypeVarTuple("Values")
Columns = TypeVarTuple("Columns")

Query = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
Construct = Query | UpdateBase


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement in the words of one database."""

    sql: str
    fixed: tuple[object, ...]
    """The values that the statement brings along."""
    arrange: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None
    """Brings the given values and the fixed ones into the driver's order; None: they are in it."""
    convert: Mapping[int, Callable[[Any], Any]]
    """What makes of a column's value what its type says: not every database has booleans."""


class Statement(Generic[Row, *Values]):
    """One statement; made by `statement`. What it needs it is given by position.

    Its methods block, and raise sqlalchemy.exc.DBAPIError as SQLAlchemy does.
    """

    def __init__(self, construct: Construct, names: Sequence[str]) -> None:
        self._construct = construct
        self._names = names
        # By dialect. Two threads that compile at once make the same.
        self._forms: dict[str, _Form] = {}

    def fetch(self, connection: Connection, *given: *Values) -> list[Row]:
        """Run it, and fetch all rows, as plain tuples."""
        form = self._forms.get(connection.dialect.name) or self._compile(connection.dialect)
        rows: list[Row] = _execute(connection, form, given).fetchall()
        return [_converted(form, row) for row in rows] if form.convert else rows

    def stream(self, connection: Connection, *given: *Values) -> Generator[Row]:
        """Run it, and fetch one row after the other; close it when leaving before the last."""
        form = self._forms.get(connection.dialect.name) or self._compile(connection.dialect)
        cursor = _execute(connection, form, given)
        try:
            for row in cursor:
                yield _converted(form, row) if form.convert else row
        except connection.dialect.loaded_dbapi.Error as error:
            raise translated(connection, form.sql, error) from error
        finally:
            cursor.close()

    def run(self, connection: Connection, *given: *Values) -> int:
        """Run it; the number of rows that it changed."""
        form = self._forms.get(connection.dialect.name) or self._compile(connection.dialect)
        return int(_execute(connection, form, given).rowcount)

    def run_many(self, connection: Connection, rows: Sequence[tuple[*Values]]) -> None:
        """Run it for each row of values."""
        form = self._forms.get(connection.dialect.name) or self._compile(connection.dialect)
        arrange, arranged = form.arrange, cast("Sequence[tuple[Any, ...]]", rows)
        if arrange is not None:
            arranged = [arrange(row + form.fixed) for row in arranged]
        driver: Any = connection.connection.driver_connection
        try:
            driver.cursor().executemany(form.sql, arranged)
        except connection.dialect.loaded_dbapi.Error as error:
            raise translated(connection, form.sql, error) from error

    def sql(self, dialect: Dialect) -> str:
        """The statement in the words of a database."""
        return self._compile(dialect).sql

    def _compile(self, dialect: Dialect) -> _Form:
        form = self._forms[dialect.name] = _compiled(self._construct, self._names, dialect)
        return form


def _execute(connection: Connection, form: _Form, given: tuple[Any, ...]) -> Any:
    """The driver's cursor, after running a statement."""
    if form.arrange is not None:
        given = form.arrange(given + form.fixed)
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor()
    try:
        cursor.execute(form.sql, given)
    except connection.dialect.loaded_dbapi.Error as error:
        raise translated(connection, form.sql, error) from error
    return cursor


@overload
def statement(
    build: Callable[[Unpack[Values]], Select[*Columns] | CompoundSelect[*Columns]],
) -> Statement[tuple[*Columns], *Values]: ...
@overload
def statement(
    build: Callable[[Unpack[Values]], UpdateBase],
) -> Statement[tuple[()], *Values]: ...
def statement(build: Callable[..., Any]) -> Statement[Any, *tuple[Any, ...]]:
    """The statement that a function builds; the function's parameters are the statement's.

    The function is called once, with a placeholder for each parameter.
    """
    names = tuple(inspect.signature(build).parameters)
    return Statement(build(*map(placeholder, names)), names)


def placeholder(name: str) -> BindParameter[Any]:
    """What stands for a value that is given when the statement runs."""
    # Not required: it is compiled without one.
    return bindparam(name, required=False)


def _compiled(construct: Construct, names: Sequence[str], dialect: Dialect) -> _Form:
    compiled = _kept(construct, dialect).compile(
        dialect=dialect, compile_kwargs={"render_postcompile": True}
    )
    given = {name: place for place, name in enumerate(names)}
    order: Sequence[str] = compiled.positiontup
    fixed = [name for name in order if name not in given]
    places = [given[name] if name in given else len(given) + fixed.index(name) for name in order]
    return _Form(
        sql=compiled.string,
        fixed=tuple(compiled.params[name] for name in fixed),
        arrange=None if places == list(range(len(given))) else _arrangement(places),
        convert=_conversions(construct, dialect),
    )


def _kept(construct: Any, dialect: Dialect) -> Any:
    """A statement without those parts of a union that search what this database has not."""

    def leave_out(union: Any) -> None:
        union.selects = [
            part
            for part in union.selects
            if all(keeps(dialect, table) for table in find_tables(part, include_joins=False))
        ]

    return cloned_traverse(construct, {}, {"compound_select": leave_out})


def _arrangement(places: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda every: tuple(every[place] for place in places)


def _conversions(construct: Construct, dialect: Dialect) -> dict[int, Callable[[Any], Any]]:
    if isinstance(construct, UpdateBase):
        return {}
    types = [column.type for column in construct.selected_columns]
    processors = {
        # Every driver gives bytes back as bytes: to copy them would cost each row of a page.
        place: None
        if isinstance(kind, LargeBinary)
        else kind.dialect_impl(dialect).result_processor(dialect, None)
        for place, kind in enumerate(types)
    }
    return {place: made for place, made in processors.items() if made is not None}


def _converted(form: _Form, row: Any) -> Any:
    changed = {place: convert(row[place]) for place, convert in form.convert.items()}
    return tuple(changed.get(place, value) for place, value in enumerate(row))
