"""Messages whose authors have gone."""

import asyncio
from typing import Any

import pytest

from api.errors import Refusal
from api.live.interruptions import Interruptions
from tests.conftest import Serve
from tests.serving import LiveServer, Person
from tests.streams.test_streams import call, start

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(serve: Serve) -> LiveServer:
    """Not as patient as others."""
    return serve(stream_silence=1)


@pytest.fixture
def ada(server: LiveServer) -> Person:
    ada = server.person("ada")
    ada.create("order-17")
    return ada


async def test_message_that_its_author_has_left_ends(server: LiveServer, ada: Person) -> None:
    """As far as it came; others go on while their authors are in the room."""
    bob = server.person("bob")
    await call(ada, "PUT", "/members/bob", role="writer")
    left = (await call(bob, "POST", "/messages", body="", open=True))["seq"]
    await call(bob, "POST", f"/messages/{left}/append", at=0, text="Hel")
    async with ada.room("order-17") as talk:
        kept = await start(talk, "")
        end = await talk.get("finish")
        assert (end["target"], end["state"]) == (left, "interrupted")
        assert end["by"]["name"] == "bob"
        assert (await call(ada, "GET", f"/messages/{left}"))["body"] == "Hel"
        assert (await call(ada, "GET", f"/messages/{kept}"))["open"] is True
        late = await call(bob, "POST", f"/messages/{left}/append", at=3, text="lo")
        assert late["code"] == "stream_closed"


async def test_author_who_comes_back_in_time_goes_on(server: LiveServer, ada: Person) -> None:
    """Text shows that somebody is there."""
    seq = (await call(ada, "POST", "/messages", body="", open=True))["seq"]
    for at in range(6):
        await asyncio.sleep(0.3)
        assert await call(ada, "POST", f"/messages/{seq}/append", at=at, text="x") == {
            "length": at + 1
        }


async def test_look_that_fails_is_repeated(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no reason to end anything, nor to look no more."""
    looked = asyncio.Event()
    failures = iter([Refusal("overloaded"), LookupError("a fault")])

    async def look(self: Interruptions) -> None:
        if (why := next(failures, None)) is not None:
            raise why
        looked.set()

    monkeypatch.setattr(Interruptions, "look", look)
    nobody: Any = None
    task = Interruptions(nobody, nobody, nobody, silence=0.01, elsewhere=nobody)
    await task.stop()  # Nothing runs yet.
    task.start()
    await looked.wait()
    await task.stop()
    assert caplog.text.count("messages without an author were left alone") == 2
