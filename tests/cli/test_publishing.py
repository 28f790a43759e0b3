from collections.abc import AsyncIterator

import pytest

from api.cli.failures import REFUSED, UNABLE, Failure
from api.cli.publishing import publish_each
from itemroom import Room
from itemroom.core import backoff
from tests.clients.python.scripted import WELCOME, Guest, Script, answer, playing, say
from tests.deadlines import scaled

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in tests."""
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.02)


async def publish(url: str, *bodies: str, patience: float = 10) -> list[int]:
    """What the command does."""
    room = Room(url, item="order-17", token="t", tail=0, buffer=0, patience=patience)
    seqs: list[int] = []
    await publish_each(room, each(bodies), show=seqs.append, patience=patience)
    return seqs


async def each(bodies: tuple[str, ...]) -> AsyncIterator[str]:
    """What is to be published."""
    for body in bodies:
        yield body


async def test_lost_answer_does_not_store_a_message_twice() -> None:
    """The connection broke before the answer: it is asked again, under the same ref."""
    heard = []

    async def hear(guest: Guest) -> None:
        await guest.say(WELCOME)
        heard.append(await guest.hear("publish"))

    async def take(guest: Guest) -> None:
        await hear(guest)
        await guest.say({"type": "ack", "ref": heard[-1]["ref"], "seq": 7, "at": ""})
        heard.append(await guest.hear("publish"))
        await guest.say({"type": "ack", "ref": heard[-1]["ref"], "seq": 8, "at": ""})

    async with playing(hear, answer(503, b'{"code": "draining", "detail": "Bye."}'), take) as stage:
        assert await publish(stage.url, "one", "two") == [7, 8]
    assert heard[0] == heard[1]
    assert heard[1]["ref"] != heard[2]["ref"]


async def refuse(guest: Guest) -> None:
    await guest.say(WELCOME)
    command = await guest.hear("publish")
    error = {"type": "error", "code": "forbidden", "message": "No.", "ref": command["ref"]}
    await guest.say(error)
    await guest.hear()


@pytest.mark.parametrize(
    ("scripts", "sentence", "code"),
    [
        ([refuse], "forbidden: No.", REFUSED),
        (
            [say({"type": "closing", "reason": "removed", "retry": "never"})],
            "removed: You",
            REFUSED,
        ),
        ([say(WELCOME)], "The message was not stored in", UNABLE),
        (
            [
                say(WELCOME, close=1011),
                answer(503, b'{"code": "draining", "detail": "Bye."}', Retry_After="9"),
            ],
            "draining: Bye.",
            UNABLE,
        ),
    ],
)
async def test_message_that_is_not_stored_fails_with_the_reason(
    scripts: list[Script], sentence: str, code: int
) -> None:
    """At once when it is final, else when patience ends."""
    async with playing(*scripts) as stage:
        with pytest.raises(Failure) as failure:
            await publish(stage.url, "hi", patience=scaled(0.5))
        assert str(failure.value).startswith(sentence)
        assert failure.value.code == code


async def test_server_that_is_not_there_is_waited_for_in_vain() -> None:
    """Until patience ends."""
    with pytest.raises(Failure, match="cannot be reached") as failure:
        await publish("http://127.0.0.1:1", "hi", patience=0.1)
    assert failure.value.code == UNABLE
