"""The model's program: answers what is asked in any chat, and goes on with what it was at."""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress

from jose import jwt

from itemroom import Finish, Message, Refused, Room, Session, text_of

ROOMS = os.environ.get("ASSISTANT_ROOMS", "http://127.0.0.1:8002/rooms")


async def words(question: str, so_far: str) -> AsyncIterator[str]:
    """What follows `so_far` of the answer: put your model here. This one counts."""
    answer = f"You asked: {question}\nLet me count. {', '.join(map(str, range(1, 201)))}. Done."
    for at in range(len(so_far), len(answer), 4):
        await asyncio.sleep(0.02)
        yield answer[at : at + 4]


async def main() -> None:
    """All chats by one socket, each as soon as there is something in it."""
    async with Session(ROOMS, get_token=token) as session, asyncio.TaskGroup() as tasks:
        known: set[str] = set()
        await session.inbox.ready()
        for chat in list(session.inbox.items):
            known.add(chat)
            tasks.create_task(serve(session, chat))
        async for found in session.inbox:
            chat = found["item"]["id"]
            if chat not in known:
                known.add(chat)
                tasks.create_task(serve(session, chat))


async def serve(session: Session, chat: str) -> None:
    """Answer each question of a chat once, also those of before this program was started."""
    questions: dict[int, Message] = {}
    answers: dict[int, int] = {}  # To which question, by the seq of those that are not finished.
    async with session.room(chat, after=0) as room, asyncio.TaskGroup() as tasks:
        async for entry in room:
            if isinstance(entry, Finish):
                questions.pop(answers.pop(entry.target, 0), None)
            elif isinstance(entry, Message) and entry.by["id"] != room.you["id"]:
                questions[entry.seq] = entry
            elif isinstance(entry, Message):
                answers[entry.seq] = entry.body["reply_to"]
            if entry.seq >= room.head:  # All that was said before is known.
                begun = {question: answer for answer, question in answers.items()}
                for seq, question in questions.items():
                    tasks.create_task(answer(room, question, begun.get(seq)))
                questions.clear()


async def answer(room: Room, question: Message, begun: int | None) -> None:
    """Under a ref by which it is one message, however often this program is started."""
    body = {"text": "", "reply_to": question.seq}
    # It may end, or be deleted, while this program is away or at it.
    with suppress(Refused):
        so_far = "" if begun is None else await anext(room.text(begun))
        await room.relay(whole(text_of(question.body), so_far), body, f"answer-{question.seq}")


async def whole(question: str, so_far: str) -> AsyncIterator[str]:
    """An answer from its beginning: what is there already is passed over."""
    yield so_far
    async for more in words(question, so_far):
        yield more


async def token() -> str:
    """Who this program is: asked for again before each token ends."""
    now = int(time.time())
    who = {"iss": "https://assistant.example", "aud": "rooms", "sub": "model", "name": "Assistant"}
    when = {"iat": now, "exp": now + 600, "jti": str(uuid.uuid4())}
    rights = {"items": {"chat-*": "writer"}}
    return str(jwt.encode(who | when | rights, os.environ["ASSISTANT_SECRET"], algorithm="HS256"))


if __name__ == "__main__":
    asyncio.run(main())
