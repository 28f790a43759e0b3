"""The agent of AG-UI: its unmodified client, in Node, against a real server and a fake model."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import NODE
from tests.clients.javascript.test_ai import PAGE, Model, model, people, server
from tests.docs.reading import blocks
from tests.serving import Person

__all__ = ["model", "people", "server"]
pytestmark = pytest.mark.anyio

# Each event as a line; lines that are read tell what to do.
DRIVER = """
import { createInterface } from "node:readline";
import { Conversation } from "@itemroom/client";
import { RoomAgent } from "@itemroom/client/ag-ui";
import WebSocket from "ws";

const [url, token, act, question] = process.argv.slice(2);
const conversation = new Conversation(url, { item: "order-17", token, WebSocket });
let agent = new RoomAgent(conversation, { threadId: "t1" });
const say = (what) => console.log(JSON.stringify(what));
const acts = {
  reconnect: () => conversation.room.reconnect(),
  abort: () => agent.abortRun(),
  leave: () => agent.detachActiveRun(),
};
createInterface({ input: process.stdin }).on("line", (line) => acts[line]());
const subscriber = { onEvent: ({ event }) => say(event) };
console.error = () => {};
try {
  if (act === "connect") await agent.connectAgent({}, subscriber);
  else {
    agent = agent.clone();
    agent.addMessage({ id: "q1", role: "user", content: question });
    await agent.runAgent({ forwardedProps: { tone: "dry" } }, subscriber);
  }
  // Whatever the run has asked the room for is answered before this.
  await conversation.room.delete(await conversation.room.publish("bye"));
  say({ messages: agent.messages });
} catch (error) {
  say({ error: error.message });
}
process.exit();
"""


class Run:
    """A program that runs an agent."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def told(self) -> dict[str, Any]:
        """The next event."""
        assert self.process.stdout is not None
        event: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return event

    async def types(self, *wanted: str) -> dict[str, Any]:
        """Events of these types come next; the last."""
        events = [await self.told() for _ in wanted]
        assert [event.get("type") for event in events] == list(wanted)
        return events[-1]

    async def text(self, length: int) -> str:
        """The text of the next events, until it is so long."""
        text = ""
        while len(text) < length:
            text += (await self.types("TEXT_MESSAGE_CONTENT"))["delta"]
        return text

    def do(self, act: str) -> None:
        """Have the program do something."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{act}\n".encode())


@asynccontextmanager
async def running(
    project: Path, ada: Person, *arguments: str, code: str = DRIVER
) -> AsyncIterator[Run]:
    """A program of the package's user."""
    (project / "ag-ui.mjs").write_text(code)
    process = await asyncio.create_subprocess_exec(
        NODE,
        "ag-ui.mjs",
        ada.server.url,
        ada.token,
        *arguments,
        cwd=project,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Run(process)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_program_of_the_page_asks_and_reads(
    people: tuple[Person, Person], model: Model, project: Path
) -> None:
    """As it stands there."""
    (code,) = blocks(PAGE, "js", "ag-ui")
    async with running(project, people[0], "Where is it?", code=code) as run:
        assert await model.asked() == {"text": "Where is it?"}
        model.say("It is on ")
        model.say("its way.")
        model.end()
        assert run.process.stdout is not None
        assert await run.process.stdout.read() == b"It is on its way.\ndone\n"


async def test_a_lost_connection_shows_in_no_event(
    people: tuple[Person, Person], model: Model, project: Path
) -> None:
    """Each piece once; the question has what the run was given beside it."""
    async with running(project, people[0], "run", "Why?") as run:
        assert await model.asked() == {"text": "Why?", "tone": "dry"}
        model.say("Be")
        await run.types("RUN_STARTED", "TEXT_MESSAGE_START")
        assert await run.text(2) == "Be"
        for _ in range(3):
            run.do("reconnect")
            model.say("ca")
            assert await run.text(2) == "ca"
        model.say("use")
        model.end()
        assert await run.text(3) == "use"
        end = await run.types("TEXT_MESSAGE_END", "RUN_FINISHED")
        assert (end["threadId"], end["result"]) == ("t1", {"state": "done"})
        question, answer = (await run.told())["messages"]
        assert (question["id"], answer["content"]) == ("q1", "Becacacause")


async def test_an_answer_is_stopped_by_its_run_and_by_nothing_else(
    people: tuple[Person, Person], model: Model, project: Path
) -> None:
    """Whoever leaves comes back to it, with all that was said; and asks for its end."""
    async with running(project, people[0], "run", "Why?") as run:
        await model.asked()
        model.say("Be")
        await run.types("RUN_STARTED", "TEXT_MESSAGE_START")
        await run.text(2)
        run.do("leave")
        assert "messages" in await run.told()
    assert not model.say("cause"), "who left has stopped it"
    async with running(project, people[0], "connect") as run:
        snapshot = await run.types("RUN_STARTED", "MESSAGES_SNAPSHOT")
        assert [one["content"] for one in snapshot["messages"]] == ["Why?"]
        await run.types("TEXT_MESSAGE_START")
        assert await run.text(7) == "Because"
        run.do("abort")
        assert (await model.talk.get("stop"))["by"]["name"] == "Ada"
        model.end(state="stopped")
        end = await run.types("TEXT_MESSAGE_END", "RUN_FINISHED")
        assert end["result"] == {"state": "stopped"}
        assert [one["content"] for one in (await run.told())["messages"]] == ["Why?", "Because"]
    async with running(project, people[0], "connect") as run:
        await run.types("RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED")
        assert len((await run.told())["messages"]) == 2


@pytest.mark.parametrize(
    ("code", "message"),
    [("failed", "No credit."), ("interrupted", "The answer was interrupted.")],
)
async def test_what_goes_wrong_is_an_error_of_the_run(
    people: tuple[Person, Person], model: Model, project: Path, code: str, message: str
) -> None:
    """Said by the model's program, or by the server when that has gone."""
    async with running(project, people[0], "run", "Why?") as run:
        await model.asked()
        model.say("Be")
        if code == "failed":
            model.end(state="failed", error={"message": message})
        else:
            await model.talk.socket.close()
        await run.types("RUN_STARTED", "TEXT_MESSAGE_START")
        await run.text(2)
        error = await run.types("TEXT_MESSAGE_END", "RUN_ERROR")
        assert (error["code"], error["message"]) == (code, message)
        assert (await run.told()).keys() <= {"messages", "error"}
