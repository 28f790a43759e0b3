"""9: large messages and many of them, by the numbers of the Autobahn suite."""

from collections.abc import Iterator

from tests.conformance.cases import BINARY, TEXT, Case, echo, frame, parts

KIB, MIB = 2**10, 2**20


def large() -> Iterator[Case]:
    """Up to 16 MiB, in fragments down to 64 bytes, in pieces down to 64 bytes."""
    for group, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
        for index, size in enumerate((64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB), 1):
            sent = [frame(opcode, byte * size)]
            yield echo(f"9.{group}.{index}", sent, [(opcode, byte * size)])
    for group, opcode in ((3, TEXT), (4, BINARY)):
        for index in range(9):
            size = 64 * 4**index
            sent = parts(opcode, *[b"*" * size] * (4 * MIB // size))
            yield echo(f"9.{group}.{index + 1}", sent, [(opcode, b"*" * 4 * MIB)])
    for group, opcode in ((5, TEXT), (6, BINARY)):
        for index in range(6):
            sent = [frame(opcode, b"*" * MIB)]
            yield echo(f"9.{group}.{index + 1}", sent, [(opcode, b"*" * MIB)], 64 * 2**index)
    for group, opcode in ((7, TEXT), (8, BINARY)):
        for index, size in enumerate((0, 16, 64, 256, KIB, 4 * KIB), 1):
            message = opcode, b"*" * size
            yield echo(f"9.{group}.{index}", [frame(*message)] * 1000, [message] * 1000)
