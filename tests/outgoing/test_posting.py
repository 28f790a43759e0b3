import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import pytest

from api.outgoing.posting import Answer, Poster, Unanswered, checked_url
from tests.deploy.proxies import certify
from tests.outgoing.receiver import Call, answer, receiving

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def posting(*, private: bool = True, patience: float = 20) -> AsyncIterator[Poster]:
    """One that takes answers of 100 bytes."""
    poster = Poster(private=private, timeout=patience, max_answer_bytes=100, connections=2)
    try:
        yield poster
    finally:
        await poster.close()


async def test_body_is_sent_and_answered() -> None:
    """As JSON, with the headers of the call, over a connection that stays."""
    async with receiving() as receiver, posting() as poster:
        for _ in range(2):
            assert await poster.post(receiver.url, b'{"a":1}', {"X-Of": "mine"}) == Answer(200, b"")
        call, again = receiver.calls
        assert call == again
        assert (call.path, call.json) == ("/hook", {"a": 1})
        assert call.headers["content-type"] == "application/json"
        assert call.headers["x-of"] == "mine"


def in_hours(hours: int) -> str:
    """A date, as a header has it."""
    return format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [(lambda: "120", 120, 120), (partial(in_hours, 2), 7100, 7200), (partial(in_hours, -2), 0, 0)],
    ids=["seconds", "date", "date that is over"],
)
async def test_time_to_come_back_is_understood(
    said: Callable[[], str], least: float, most: float
) -> None:
    """As seconds or as a date, which may be over."""

    async def later(call: Call) -> bytes:
        return answer(503, "", f"Retry-After: {said()}\r\n")

    async with receiving(later) as receiver, posting() as poster:
        wait = (await poster.post(receiver.url, b"{}", {})).retry_after
    assert wait is not None
    assert least <= wait <= most


@pytest.mark.parametrize("said", ["", "soon", "-5", "1.5", "Retry", "\xb2"])
async def test_nonsense_says_nothing_of_when_to_come_back(said: str) -> None:
    """It is an answer all the same."""

    async def later(call: Call) -> bytes:
        return answer(429).replace(b"X\r\n", b"X\r\nRetry-After: %s\r\n" % said.encode("latin-1"))

    async with receiving(later) as receiver, posting() as poster:
        assert (await poster.post(receiver.url, b"{}", {})).retry_after is None


async def test_redirect_is_an_answer_like_any_other() -> None:
    """It would lead where nobody checked."""
    async with receiving() as elsewhere, posting() as poster:

        async def redirect(call: Call) -> bytes:
            return answer(307, "", f"Location: {elsewhere.url}\r\n")

        async with receiving(redirect) as receiver:
            assert (await poster.post(receiver.url, b"{}", {})).status == 307
        assert elsewhere.calls == []


async def test_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve the name by itself."""
    async with receiving() as proxy, receiving() as receiver, posting() as poster:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await poster.post(receiver.url, b"{}", {})
        assert (len(receiver.calls), len(proxy.calls)) == (1, 0)


async def test_private_receiver_is_not_called() -> None:
    """The reason is a sentence."""
    async with receiving() as receiver, posting(private=False) as poster:
        with pytest.raises(Unanswered, match=r"^No connection: 127\.0\.0\.1 is on this machine"):
            await poster.post(receiver.url, b"{}", {})
        assert receiver.calls == []


async def test_answer_that_is_too_long_is_not_read_to_its_end() -> None:
    """Nor is one that never ends, in chunks."""

    async def flood(call: Call) -> bytes:
        return (
            b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"40\r\n%s\r\n" % (b"x" * 64) * 3
        )

    async with receiving(flood) as receiver, posting() as poster:
        with pytest.raises(Unanswered, match="longer than 100 bytes"):
            await poster.post(receiver.url, b"{}", {})


async def test_answer_that_does_not_come_is_not_waited_for() -> None:
    """One that hangs, and one of which each byte takes its time."""
    hung = asyncio.Event()

    async def hang(call: Call) -> bytes:
        await hung.wait()
        raise AssertionError("nobody lets it go")

    async with receiving(hang) as receiver, posting(patience=0.2) as poster:
        with pytest.raises(Unanswered, match=r"No answer within 0\.2 s"):
            await poster.post(receiver.url, b"{}", {})


@pytest.mark.parametrize(
    "said", [b"220 smtp.example ESMTP\r\n\r\n", b"HTTP/1.1 200 X\r\nx\r\n\r\n"]
)
async def test_answer_of_something_else_is_none(said: bytes) -> None:
    """Of another protocol, or malformed."""

    async def say(call: Call) -> bytes:
        return said

    async with receiving(say) as receiver, posting() as poster:
        with pytest.raises(Unanswered, match=r"^The answer is no HTTP: "):
            await poster.post(receiver.url, b"{}", {})


async def test_end_in_the_middle_is_no_answer() -> None:
    """Of a program that dies."""

    async def die(call: Call) -> bytes:
        raise ConnectionError

    async with receiving(die) as receiver, posting() as poster:
        with pytest.raises(Unanswered):
            await poster.post(receiver.url, b"{}", {})


async def test_nobody_there_is_said() -> None:
    """As the system says it."""
    async with receiving() as receiver:
        url = receiver.url
    async with posting() as poster:
        with pytest.raises(Unanswered, match=r"^No connection: .+\."):
            await poster.post(url, b"{}", {})


async def test_certificate_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the system believes, to which an operator may add."""
    # Each reads anew what is believed, as in a server of its own.
    monkeypatch.setattr("api.outgoing.posting.create_default_context", ssl.create_default_context)
    certify(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "itemroom.pem")
    async with receiving(tls=tls) as receiver:
        async with posting() as poster:
            with pytest.raises(Unanswered, match="certificate"):
                await poster.post(receiver.url, b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "itemroom.crt"))
        async with posting() as poster:
            assert (await poster.post(receiver.url, b"{}", {})).status == 200


@pytest.mark.parametrize(
    "url", ["https://shop.example/hooks?a=1", "http://127.0.0.1:8080", "https://[::1]:1/"]
)
def test_url_of_a_program_is_taken(url: str) -> None:
    """As it is."""
    assert checked_url(url) == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "expected a URL as"),
        ("shop.example", "expected a URL as"),
        ("ftp://shop.example", "expected a URL as"),
        ("https://", "expected a URL as"),
        ("https://shop.example:0", "expected a URL as"),
        ("https://shop.example:99999", "expected a URL as"),
        ("https://[::1", "expected a URL as"),
        ("https://shöp.example", "in ASCII"),
        ("https://shop.example/ a", "expected a URL as"),
        ("https://shop.example/\r\nHost: b", "expected a URL as"),
        ("https://user:password@shop.example", "without a password"),
        ("https://shop.example/#a", "a fragment"),
        ("https://shop.example/" + "a" * 2000, "at most 2000"),
    ],
)
def test_url_that_is_none_is_refused(url: str, told: str) -> None:
    """With what it should be."""
    with pytest.raises(ValueError, match=told):
        checked_url(url)
