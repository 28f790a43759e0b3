"""Text from files and pipes, as whoever wrote it means it."""

import codecs
import sys
from pathlib import Path

from .failures import Failure

# What editors and shells, those of Windows above all, put before a text to say how it is encoded.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
MAX_BYTES = 65_536  # Of a line: more than any password has.


def read_file(file: Path) -> str:
    """The text of a file.

    Raises:
        Failure: it is none.
    """
    return decoded(file.read_bytes(), str(file))


def first_line_of_stdin() -> str:
    """The first line, without its end.

    Raises:
        Failure: it is no text.
    """
    # By bytes: the locale of a service or a container decides otherwise how they are read.
    line = sys.stdin.buffer.readline(MAX_BYTES)
    if line.startswith(codecs.BOM_UTF16_LE):
        line += sys.stdin.buffer.read(1)  # The other half of the line's end.
    return decoded(line, "stdin").rstrip("\r\n")


def decoded(data: bytes, name: str) -> str:
    """The text that somebody's program wrote; `name` says where it was found.

    Raises:
        Failure: it is none.
    """
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    try:
        return data.removeprefix(mark).decode(_MARKS.get(mark, "utf-8"))
    except UnicodeDecodeError:
        failure = Failure(f"{name} holds no UTF-8 text.")
    raise failure  # Not in the handler: a cause would quote the bytes, which are a secret.
