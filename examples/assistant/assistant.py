"""A page on which people ask, with rooms inside; `model.py`, a program of its own, answers."""

import hashlib
import os
import secrets
from typing import Annotated

from fastapi import Cookie, FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import HTTPConnection

from itemroom_server import Itemroom


def who_is_it(connection: HTTPConnection) -> tuple[str, str] | None:
    """Asked by the rooms, of each call and each socket. A real site has a login."""
    visitor = connection.cookies.get("visitor")
    return None if visitor is None else (public_id(visitor), "You")


def public_id(visitor: str) -> str:
    """What others see of a cookie that nobody may see."""
    return hashlib.sha256(visitor.encode()).hexdigest()[:16]


rooms = Itemroom(
    identify=who_is_it,
    name="The site",
    database_url="sqlite:///rooms.db",
    # Believes what the model's program signs with the secret that both know.
    issuer="https://assistant.example",
    issuer_audience="rooms",
    issuer_secret=os.environ["ASSISTANT_SECRET"],
)
app = FastAPI(lifespan=rooms.lifespan)
app.mount("/rooms", rooms)


@app.get("/")
async def begin(visitor: Annotated[str, Cookie()] = "") -> RedirectResponse:
    """A new chat of this visitor and the model."""
    visitor = visitor or secrets.token_urlsafe()
    chat = f"chat-{secrets.token_hex(8)}"
    await rooms.put_member(chat, (public_id(visitor), "You"), "writer")
    await rooms.put_member(chat, ("model", "Assistant"), "writer")
    answer = RedirectResponse(f"/{chat}", status_code=303)
    answer.set_cookie("visitor", visitor, httponly=True, samesite="lax")
    return answer


@app.get("/chat-{key}", response_class=HTMLResponse)
async def chat(key: str) -> str:
    """Who is no member of its room sees that it is none of theirs."""
    return PAGE.replace("KEY", "".join(letter for letter in key if letter.isalnum()))


PAGE = """<!doctype html>
<meta charset=utf-8>
<title>Assistant</title>
<style>itemroom-room { height: 80vh }</style>
<h1>Assistant</h1>
<script type=module src=/rooms/itemroom-room.js></script>
<itemroom-room url=/rooms item=chat-KEY></itemroom-room>
<p><a href=/>Another chat</a></p>
"""
