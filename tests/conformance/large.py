"""9: large messages and many of them, by the numbers of the Autobahn suite."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.conformance.cases import BINARY, TEXT, Case, echo, frame, parts

KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class Large:
    """What a case is made of, when it is run: making all takes longer than collecting the suite."""

    id: str
    opcode: int
    size: int
    byte: bytes = b"*"
    fragment: int = 0
    """Bytes in each fragment; 0: not in fragments."""
    chop: int = 0
    times: int = 1

    def case(self) -> Case:
        """All that is sent, and heard."""
        payload = self.byte * self.size
        sent = [frame(self.opcode, payload)]
        if self.fragment:
            pieces = [self.byte * self.fragment] * (self.size // self.fragment)
            sent = parts(self.opcode, *pieces)
        return echo(self.id, sent * self.times, [(self.opcode, payload)] * self.times, self.chop)


def large() -> Iterator[Large]:
    """Up to 16 MiB, in fragments down to 64 bytes, in pieces down to 64 bytes."""
    for group, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
        for index, size in enumerate((64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB), 1):
            yield Large(f"9.{group}.{index}", opcode, size, byte)
    for group, opcode in ((3, TEXT), (4, BINARY)):
        for index in range(9):
            yield Large(f"9.{group}.{index + 1}", opcode, 4 * MIB, fragment=64 * 4**index)
    for group, opcode in ((5, TEXT), (6, BINARY)):
        for index in range(6):
            yield Large(f"9.{group}.{index + 1}", opcode, MIB, chop=64 * 2**index)
    for group, opcode in ((7, TEXT), (8, BINARY)):
        for index, size in enumerate((0, 16, 64, 256, KIB, 4 * KIB), 1):
            yield Large(f"9.{group}.{index}", opcode, size, times=1000)
