"""`itemroom stream` and `itemroom stop`, as they are typed into a shell."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from typing import Any

import pytest

from itemroom import Finish, Room
from tests.deadlines import scaled
from tests.process import ITEMROOM
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
def ada(server: LiveServer) -> Person:
    ada = server.person("ada")
    ada.create("order-17")
    return ada


async def started(ada: Person, *arguments: str) -> Process:
    shown = {"ITEMROOM_URL": ada.server.url, "ITEMROOM_TOKEN": ada.token}
    return await asyncio.create_subprocess_exec(
        ITEMROOM, *arguments, env=os.environ | shown, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


def room_of(ada: Person, **options: Any) -> Room:
    return Room(ada.server.url, item="order-17", token=ada.token, **options)


async def ended(room: Room) -> Finish:
    async with asyncio.timeout(scaled(20)):
        async for entry in room:
            if isinstance(entry, Finish):
                return entry
    raise AssertionError


async def grown_to(room: Room, seq: int, wanted: str) -> None:
    async with asyncio.timeout(scaled(20)):
        async for text in room.text(seq):
            if text == wanted:
                return
    raise AssertionError


async def test_what_a_program_says_is_a_message_that_grows(ada: Person) -> None:
    """As it comes, without waiting for a line's end; characters may come in pieces."""
    async with room_of(ada) as room:
        program = await started(ada, "stream", "order-17")
        assert program.stdin is not None
        assert program.stdout is not None
        seq = int(await program.stdout.readline())
        grin = "\N{GRINNING FACE}".encode()
        program.stdin.write(b"a" + grin[:2])
        await grown_to(room, seq, "a")
        program.stdin.write(grin[2:] + b"\n\0")
        await grown_to(room, seq, "a\N{GRINNING FACE}\n\N{REPLACEMENT CHARACTER}")
        program.stdin.close()
        assert await program.wait() == 0
        end = await ended(room)
        assert (end.state, end.target) == ("done", seq)


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
async def test_interrupt_fails_the_message(ada: Person, signal_: int) -> None:
    """With what came until then."""
    async with room_of(ada) as room:
        program = await started(ada, "stream", "order-17")
        assert program.stdin is not None
        assert program.stdout is not None
        seq = int(await program.stdout.readline())
        program.stdin.write(b"so far")
        await grown_to(room, seq, "so far")
        program.send_signal(signal_)
        assert (await program.communicate())[1] == b""
        assert program.returncode == 128 + signal_
        end = await ended(room)
        assert (end.state, end.body) == ("failed", {"text": "so far"})


async def test_stop_ends_it_with_its_own_code(ada: Person) -> None:
    """Whoever asks is another program."""
    async with room_of(ada) as room:
        program = await started(ada, "stream", "order-17")
        assert program.stdout is not None
        seq = (await program.stdout.readline()).decode().strip()
        stopping = await started(ada, "stop", "order-17", seq)
        assert await stopping.communicate() == (b"", b"")
        assert (await program.communicate())[1] == b"itemroom: It was stopped.\n"
        assert program.returncode == 1
        assert (await ended(room)).state == "stopped"
        again = await started(ada, "stop", "order-17", seq)
        assert b"stream_closed" in (await again.communicate())[1]
        assert again.returncode == 1


async def test_input_that_is_no_text_fails_the_message(ada: Person) -> None:
    """And says nothing of what it was."""
    async with room_of(ada) as room:
        program = await started(ada, "stream", "order-17")
        _, said = await program.communicate(b"ok \xff\xfe secret")
        assert said == b"itemroom: stdin holds no UTF-8 text.\n"
        assert program.returncode == 2
        assert (await ended(room)).state == "failed"


async def test_refusal_is_said(ada: Person) -> None:
    """As of any other command."""
    eve = ada.server.person("eve")
    ada.call("PUT", "/items/order-17/members/eve", json={"role": "reader"})
    program = await started(eve, "stream", "order-17")
    out, said = await program.communicate(b"hello")
    assert (out, b"forbidden" in said, program.returncode) == (b"", True, 1)
