"""Live: ids that name nothing, in every spelling, are refused like items that do not exist."""

import asyncio

import pytest

from tests.deadlines import scaled
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio

# Sent as they are: clients would tidy some of them up.
SPELLINGS = [
    "-0",
    "+1",
    "%201",
    "1%20",
    "%00",
    "a%00b",
    "a%0d%0ab",
    "%2e%2e",
    "%ff",
    "%ed%a0%80",
    "%d9%a1%d9%a2",
    "_a",
    "a*",
    "a;b",
    "9" * 129,
    "9" * 5000,
]


async def answer(server: LiveServer, token: str, path: str) -> tuple[int, bytes]:
    """Status and body of a GET, without a client in between."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(scaled(10)):
        head_bytes, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head_bytes.split()[1]), body


async def test_malformed_ids_are_refused_like_unknown_items(server: LiveServer) -> None:
    """The same status and the same bytes: a spelling tells nothing, and none is an alias."""
    ada = server.person("ada")
    for item_id in ("1", "1.0", "01", "1_0", "9223372036854775808"):
        ada.create(item_id)
    for suffix in ("", "/messages", "/members", "/presence"):
        unknown = await answer(server, ada.token, f"/items/unknown{suffix}")
        assert unknown[0] == 404
        for item_id in SPELLINGS:
            path = f"/items/{item_id}{suffix}"
            assert await answer(server, ada.token, path) == unknown, path
    # A slash in disguise makes another path, which is unknown by itself.
    assert (await answer(server, ada.token, "/items/..%2f..%2fmetrics"))[0] == 404
    for item_id in ("1", "1.0", "01", "1_0", "9223372036854775808"):
        assert (await answer(server, ada.token, f"/items/{item_id}"))[0] == 200


@pytest.mark.parametrize("seq", ["0", "-1", "+1", "01x", "1.0", "1_0", "9" * 19, "9" * 5000, "%00"])
async def test_seqs_that_name_nothing_are_not_found(server: LiveServer, seq: str) -> None:
    """Beyond what the database can hold is as absent as what it does not hold."""
    ada = server.person("ada")
    ada.create("order-17")
    for method, suffix in (("DELETE", ""), ("PUT", "/reactions/x")):
        response = ada.call(method, f"/items/order-17/messages/{seq}{suffix}")
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), method
