"""A shop whose orders have rooms: a page, a backend that signs tokens, and a bot.

Nobody signs up twice: both processes know one secret, and Itemroom believes the shop's tokens.

    export ITEMROOM_ISSUER=https://shop.example ITEMROOM_ISSUER_AUDIENCE=rooms
    export ITEMROOM_ISSUER_SECRET=$(openssl rand -hex 32) ITEMROOM_URL=http://127.0.0.1:8000
    .venv/bin/itemroom serve &
    .venv/bin/uvicorn --app-dir examples outside_issuer:shop --port 8001

Then open http://127.0.0.1:8001/orders/order-17?buyer=ada.
"""

import asyncio
import os
import time
import uuid

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jose import jwt

from itemroom import Client, Message, Room, text_of

ROOMS, SECRET = os.environ["ITEMROOM_URL"], os.environ["ITEMROOM_ISSUER_SECRET"]
shop = FastAPI()
bots: dict[str, asyncio.Task[None]] = {}


def token(user: str, name: str, items: dict[str, str]) -> str:
    """Who somebody is, and what they may do: the shop decides, at most a day ahead."""
    now = int(time.time())
    who = {"iss": "https://shop.example", "aud": "rooms", "sub": user, "name": name, "items": items}
    when = {"iat": now, "exp": now + 600, "jti": str(uuid.uuid4())}
    return str(jwt.encode(who | when, SECRET, algorithm="HS256"))


# A real shop knows its buyer by its own session instead of `?buyer=`.
@shop.get("/orders/{order}/token")
async def token_for_page(order: str, buyer: str) -> str:
    """What the page's client asks for, again before each token ends."""
    return token(buyer, buyer.title(), {order: "writer"})


@shop.get("/orders/{order}", response_class=HTMLResponse)
async def page(order: str, buyer: str) -> str:
    """The backend: makes the room by using it, titles it, and makes the buyer a member."""
    with Client(ROOMS, token=token("shop", "The shop", {order: "admin"})) as rooms:
        await asyncio.to_thread(rooms.change_item, order, title=f"Order {order}")
        await asyncio.to_thread(rooms.set_member, order, f"ext:{buyer}", "writer")
    if order not in bots:
        bots[order] = asyncio.create_task(answer(order))
    return PAGE.replace("ROOMS", ROOMS)


async def answer(order: str) -> None:
    """The bot: answers each question once, also after a restart in between, by its ref."""

    async def get_token() -> str:
        return token("bot", "Shop bot", {order: "writer"})

    async with Room(ROOMS, item=order, get_token=get_token, after=0) as room:
        async for entry in room:
            if isinstance(entry, Message) and "?" in text_of(entry.body):
                reply = {"text": "It is on its way.", "reply_to": entry.seq}
                await room.publish(reply, ref=f"answer-{entry.seq}")


PAGE = """<!doctype html><title>Order</title><h1></h1><ol></ol><form><input autofocus></form>
<script type="module">
  import { Room, textOf } from "ROOMS/itemroom.js";
  const item = location.pathname.split("/").at(-1);
  const getToken = async () => (await fetch(`${location.pathname}/token${location.search}`)).json();
  const room = new Room("ROOMS", { item, getToken });
  room.addEventListener("live", () => (document.querySelector("h1").textContent = room.item.title));
  room.addEventListener("entry", ({ detail: { type, by, body } }) => {
    if (type !== "message") return;
    const line = document.createElement("li");
    line.textContent = `${by.name}: ${textOf(body)}`;
    document.querySelector("ol").append(line);
  });
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    room.publish({ text: event.target[0].value });
    event.target.reset();
  };
</script>"""
