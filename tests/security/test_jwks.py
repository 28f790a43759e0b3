import asyncio
import threading
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler

import orjson
import pytest

from api.errors import Refusal
from api.security import jwks
from api.security.jwks import FRESH, MAX_JWKS_BYTES, RETRY, STALE, Jwks
from tests.deadlines import scaled
from tests.security.forge import Clock
from tests.security.jwks_server import JwksServer, respond
from tests.security.public_keys import ec_jwk, rsa_jwk

SET = orjson.dumps({"keys": [rsa_jwk(kid="k")]})


@pytest.fixture
async def keys(server: JwksServer, clock: Clock) -> AsyncIterator[Jwks]:
    server.publish(rsa_jwk(kid="k"))
    keys = Jwks(server.url, clock=clock)
    yield keys
    await keys.aclose()


async def knows(keys: Jwks, kid: str = "k") -> bool:
    return await keys.find("RS256", kid) is not None


async def refuse(keys: Jwks, kid: str = "k") -> float | None:
    with pytest.raises(Refusal, match="overloaded") as caught:
        await keys.find("RS256", kid)
    return caught.value.retry_after


class Gate:
    """Holds an answer back until a test opens it."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        assert self._opened.wait(30)
        respond(SET)(handler)


async def asked(server: JwksServer) -> None:
    assert await asyncio.to_thread(server.asked.acquire, timeout=scaled(30))


async def test_fresh_keys_are_not_fetched_again(
    keys: Jwks, server: JwksServer, clock: Clock
) -> None:
    """One fetch in ten minutes, however many tokens come; then another."""
    for _ in range(5):
        assert await knows(keys)
    clock.now += FRESH
    assert await knows(keys)
    assert server.requests == 1
    clock.now += 1
    assert await knows(keys)
    assert server.requests == 2


async def test_fetch_asks_for_plain_json(keys: Jwks, server: JwksServer) -> None:
    """An uncompressed answer is as large as it is on the wire."""
    assert await knows(keys)
    assert server.headers["Accept-Encoding"] == "identity"
    assert server.headers["Accept"] == "application/json"


async def test_withdrawn_key_ends_with_the_next_fetch(
    keys: Jwks, server: JwksServer, clock: Clock
) -> None:
    """A key that the issuer no longer shows is believed for ten minutes at most."""
    assert await knows(keys)
    server.publish(ec_jwk(kid="new"))
    assert await knows(keys)
    clock.now += FRESH + 1
    assert not await knows(keys)


async def test_unknown_key_is_asked_for_at_most_every_30_seconds(
    keys: Jwks, server: JwksServer, clock: Clock
) -> None:
    """A rotated key is found soon, and strangers cannot make us flood the issuer."""
    assert await knows(keys)
    for number in range(100):
        assert not await knows(keys, f"guess-{number}")
    clock.now += RETRY - 1
    assert not await knows(keys, "new")
    assert server.requests == 1
    server.publish(rsa_jwk(kid="k"), rsa_jwk(kid="new"))
    clock.now += 1
    assert await knows(keys, "new")
    assert server.requests == 2


async def test_many_callers_share_one_fetch(keys: Jwks, server: JwksServer) -> None:
    """All who come during a fetch wait for the same answer."""
    gate = Gate()
    server.answer = gate.answer
    callers = [asyncio.create_task(knows(keys)) for _ in range(20)]
    await asked(server)
    late = asyncio.create_task(knows(keys, "other"))
    gate.open()
    assert await asyncio.gather(*callers) == [True] * 20
    assert not await late
    assert server.requests == 1


async def test_known_key_does_not_wait_for_a_fetch(
    keys: Jwks, server: JwksServer, clock: Clock
) -> None:
    """A stranger's unknown key holds nobody up."""
    assert await knows(keys)
    await asked(server)
    gate = Gate()
    server.answer = gate.answer
    clock.now += RETRY
    stranger = asyncio.create_task(knows(keys, "unknown"))
    await asked(server)
    assert await knows(keys)
    gate.open()
    assert not await stranger


async def test_cancelled_caller_does_not_stop_the_fetch(keys: Jwks, server: JwksServer) -> None:
    """Who hangs up takes the keys from nobody else."""
    gate = Gate()
    server.answer = gate.answer
    callers = [asyncio.create_task(knows(keys)) for _ in range(2)]
    await asked(server)
    callers[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await callers[0]
    gate.open()
    assert await callers[1]
    assert server.requests == 1


async def test_old_keys_serve_a_day_while_the_issuer_is_down(
    keys: Jwks, server: JwksServer, clock: Clock
) -> None:
    """Their users stay in, an unknown key is "later" and not "never", and then it ends."""
    assert await knows(keys)
    server.answer = respond(b"down", status=503)
    clock.now += FRESH + 1
    for _ in range(5):
        assert await knows(keys)
    assert server.requests == 2
    clock.now += 10
    assert await refuse(keys, "new") == RETRY - 10
    clock.now += STALE - FRESH - 11
    assert await knows(keys)
    clock.now += 1
    assert await refuse(keys) == RETRY - 1


async def test_recovered_issuer_is_believed_again(
    keys: Jwks, server: JwksServer, clock: Clock
) -> None:
    """After a failure the next fetch comes after 30 seconds, and heals."""
    server.answer = respond(b"down", status=503)
    assert await refuse(keys) == RETRY
    server.publish(rsa_jwk(kid="k"))
    await refuse(keys)
    clock.now += RETRY
    assert await knows(keys)
    assert not await knows(keys, "unknown")


@pytest.mark.parametrize(
    "answer",
    [
        respond(b"", status=302, Location="/jwks.json"),
        respond(SET, status=404),
        respond(SET, status=203),
        respond(b"<html>"),
        respond(b""),
        respond(SET + b" " * MAX_JWKS_BYTES),
        respond(b"", Content_Encoding="gzip"),
        respond(SET, Content_Length="9"),
        respond(SET, Content_Length=str(len(SET) + 1)),
        lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"),
        lambda handler: None,
    ],
    ids=[
        "redirect",
        "404",
        "203",
        "html",
        "empty",
        "too-big",
        "gzip",
        "short",
        "long",
        "nonsense",
        "nothing",
    ],
)
async def test_bad_answer_keeps_the_old_keys(
    keys: Jwks,
    server: JwksServer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    answer: object,
) -> None:
    """Whatever goes wrong costs no user his access, and is logged."""
    assert await knows(keys)
    server.answer = answer  # type: ignore[assignment]
    clock.now += FRESH + 1
    assert await knows(keys)
    assert server.requests == 2
    assert await refuse(keys, "new") == RETRY
    assert "an issuer's keys could not be fetched" in caplog.text


async def test_set_at_the_size_limit_is_taken(keys: Jwks, server: JwksServer) -> None:
    """The other side of the bound."""
    server.answer = respond(SET.ljust(MAX_JWKS_BYTES))
    assert await knows(keys)


async def test_silent_or_slow_issuer_is_given_up(
    keys: Jwks, server: JwksServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole fetch has one deadline, also if a byte comes now and then."""
    monkeypatch.setattr(jwks, "FETCH_TIMEOUT", 0.2)
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        respond(b"", Content_Length="9999")(handler)
        while not stop.wait(0.02):
            handler.wfile.write(b" ")

    server.answer = drip
    await refuse(keys)
    stop.set()


async def test_unreachable_issuer_is_later_not_never(clock: Clock) -> None:
    """A refused connection is the server's trouble, not the token's."""
    keys = Jwks("http://127.0.0.1:1/jwks.json", clock=clock)
    assert await refuse(keys) == RETRY
    await keys.aclose()


async def test_closing_ends_a_fetch(server: JwksServer, clock: Clock) -> None:
    """No task and no caller is left hanging."""
    gate = Gate()
    server.answer = gate.answer
    keys = Jwks(server.url, clock=clock)
    caller = asyncio.create_task(keys.find("RS256", "k"))
    await asked(server)
    await keys.aclose()
    assert await caller is None
    gate.open()
    assert [task for task in asyncio.all_tasks() if "issuer's keys" in task.get_name()] == []
