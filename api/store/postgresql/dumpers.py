"""How the driver writes our values: whole numbers in one size, arrays in the binary format.

The driver's own way with lists looks at each value for its type, and takes twice as long. Imported
once the driver is.
"""

from collections.abc import Iterable
from struct import Struct
from typing import TYPE_CHECKING, Any

from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryDumper

from ..arrays import BigIntegers, Bytes, Texts

if TYPE_CHECKING:
    from psycopg import Connection

# Dimensions, whether there are nulls, the type of the values, how many there are, the first index:
# what `array_recv` of PostgreSQL's src/backend/utils/adt/arrayfuncs.c reads.
_HEAD = Struct("!iiIii")
_NUMBER = Struct("!iq")
_LENGTH = Struct("!i")
_NULL = _LENGTH.pack(-1)


def register(connection: "Connection[Any]") -> None:
    """From now on this connection writes values so."""
    # By their values the driver would choose one of four types, and have the server prepare each
    # statement for every mixture of them.
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    for kind, dumper in _DUMPERS.items():
        connection.adapters.register_dumper(kind, dumper)


def _array(oid: int, values: tuple[Any, ...], parts: Iterable[bytes]) -> bytes:
    return _HEAD.pack(1, 1, oid, len(values), 1) + b"".join(parts)


def _number(value: int | None) -> bytes:
    return _NULL if value is None else _NUMBER.pack(8, value)


def _part(value: bytes | None) -> bytes:
    return _NULL if value is None else _LENGTH.pack(len(value)) + value


class _BigIntegersDumper(Dumper):
    format = Format.BINARY
    oid = 1016

    def dump(self, obj: BigIntegers) -> bytes:
        return _array(20, obj, map(_number, obj))


class _TextsDumper(Dumper):
    format = Format.BINARY
    oid = 1009

    def dump(self, obj: Texts) -> bytes:
        return _array(25, obj, (_part(None if text is None else text.encode()) for text in obj))


class _BytesDumper(Dumper):
    format = Format.BINARY
    oid = 1001

    def dump(self, obj: Bytes) -> bytes:
        return _array(17, obj, map(_part, obj))


_DUMPERS: dict[type, type[Dumper]] = {
    BigIntegers: _BigIntegersDumper,
    Texts: _TextsDumper,
    Bytes: _BytesDumper,
}
