"""6: UTF-8 in text frames, by the numbers of the Autobahn suite; from 6.5 on by its groups."""

from collections.abc import Iterator

from tests.conformance.cases import TEXT, Case, echo, frame, parts

HELLO = "Hello-µ@ßöäüàá-UTF-8!!".encode()
KOSME = bytes.fromhex("cebae1bdb9cf83cebcceb5")  # The accent in three bytes.
BROKEN = KOSME + b"\xed\xa0\x80" + b"edited"

_TRUNCATED = ["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf"]
_TRUNCATED += ["fbbfbfbf", "fdbfbfbfbf"]
_LEADS = (range(0xC0, 0xE0), range(0xE0, 0xF0), range(0xF0, 0xF8), range(0xF8, 0xFC), (0xFC, 0xFD))
_CONTINUATIONS = bytes(range(0x80, 0xC0)).hex()
_SURROGATES = [high + low for high in ("a080", "adbf", "ae80", "afbf") for low in ("b080", "bfbf")]

# By the group, in hexadecimal.
_VALID = {
    5: [KOSME.hex(), HELLO.hex()],
    6: [KOSME[:size].hex() for size in (2, 5, 7, 9, 11)],
    7: ["00", "c280", "e0a080", "f0908080"],
    9: ["7f", "dfbf", "efbfbf", "f48fbfbf"],
    11: ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf"],
    22: [chr(plane << 16 | low).encode().hex() for plane in range(17) for low in (0xFFFE, 0xFFFF)],
    23: [chr(code).encode().hex() for code in range(0xFFF9, 0x10000)],
}
_INVALID = {
    6: [KOSME[:size].hex() for size in (1, 3, 4, 6, 8, 10)],
    8: ["f888808080", "fc8480808080"],
    10: ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"],
    11: ["f4908080"],
    12: ["80", "bf", *("80bf80bf80bf"[:size] for size in (4, 6, 8, 10, 12)), _CONTINUATIONS],
    13: ["".join(f"{lead:x}20" for lead in leads) for leads in _LEADS],
    14: _TRUNCATED,
    15: ["".join(_TRUNCATED)],
    16: ["fe", "ff", "fefeffff"],
    17: ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"],
    18: ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"],
    19: ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"],
    20: ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"],
    21: [f"ed{pair[:4]}ed{pair[4:]}" for pair in _SURROGATES],
}


def texts() -> Iterator[Case]:
    """Valid ones come back, the others end with 1007, however they are cut."""
    empty = parts(TEXT, b"", b"", b"")
    yield echo("6.1.1", [frame(TEXT)], [(TEXT, b"")])
    yield echo("6.1.2", empty, [(TEXT, b"")])
    yield echo(
        "6.1.3", parts(TEXT, b"", b"middle frame payload", b""), [(TEXT, b"middle frame payload")]
    )
    yield echo("6.2.1", [frame(TEXT, HELLO)], [(TEXT, HELLO)])
    yield echo("6.2.2", parts(TEXT, HELLO[:12], HELLO[12:]), [(TEXT, HELLO)])
    yield echo("6.2.3", parts(TEXT, *_bytes(HELLO)), [(TEXT, HELLO)])
    yield echo("6.2.4", parts(TEXT, *_bytes(KOSME)), [(TEXT, KOSME)])
    yield _broken("6.3.1", [frame(TEXT, BROKEN)])
    yield _broken("6.3.2", parts(TEXT, *_bytes(BROKEN)))
    over = KOSME, b"\xf4\x90\x80\x80", b"edited"
    yield _broken("6.4.1", parts(TEXT, *over))
    yield _broken("6.4.2", parts(TEXT, KOSME + b"\xf4", b"\x90", b"\x80\x80edited"))
    yield _broken("6.4.3", [frame(TEXT, b"".join(over))], chop=7)
    yield _broken("6.4.4", [frame(TEXT, b"".join(over))], chop=1)
    for group, valid in _VALID.items():
        for index, text in enumerate(valid, 1):
            sent = bytes.fromhex(text)
            yield echo(f"6.{group} valid {index}", [frame(TEXT, sent)], [(TEXT, sent)])
    for group, invalid in _INVALID.items():
        for index, text in enumerate(invalid, 1):
            yield _broken(f"6.{group} invalid {index}", [frame(TEXT, bytes.fromhex(text))])


def _bytes(text: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in text]


def _broken(number: str, sent: list[bytes], chop: int = 0) -> Case:
    return Case(number, sent, [], (1007,), chop=chop)
