"""Columns of values for one statement; how the driver writes them, `dumpers` tells it."""


class BigIntegers(tuple[int, ...]):
    """A bigint[]."""

    __slots__ = ()


class Texts(tuple[str | None, ...]):
    """A text[]."""

    __slots__ = ()


class Bytes(tuple[bytes | None, ...]):
    """A bytea[]."""

    __slots__ = ()
