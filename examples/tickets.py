"""A help desk with rooms inside: its own people, its own cookie, its own table, and a bot.

    pip install itemroom uvicorn
    uvicorn --app-dir examples tickets:desk --port 8001

Then open http://127.0.0.1:8001 in two browsers, as two people.
"""

import secrets
import sqlite3
from html import escape
from typing import Annotated

from fastapi import Cookie, FastAPI, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import HTTPConnection

from itemroom_server import Itemroom

Desk = Annotated[str, Cookie()]
PEOPLE = {"1": "Ada", "2": "Bob"}
sessions: dict[str, str] = {}  # A real desk keeps them, and asks for passwords.
tickets = sqlite3.connect("desk.db", check_same_thread=False, isolation_level=None)
tickets.execute("CREATE TABLE IF NOT EXISTS ticket (id INTEGER PRIMARY KEY, title TEXT, open INT)")


def who_is_it(connection: HTTPConnection) -> tuple[str, str] | None:
    """Asked by the rooms, of each call and each socket: by the desk's own cookie."""
    person = sessions.get(connection.cookies.get("desk", ""))
    return None if person is None else (person, PEOPLE[person])


rooms = Itemroom(identify=who_is_it, name="The desk", database_url="sqlite:///rooms.db")
desk = FastAPI(lifespan=rooms.lifespan)
desk.mount("/rooms", rooms)


@desk.post("/login")
async def login(person: Annotated[str, Form()]) -> RedirectResponse:
    """Begin a session."""
    answer = RedirectResponse("/", status_code=303)
    key = secrets.token_urlsafe()
    sessions[key] = person if person in PEOPLE else "1"
    answer.set_cookie("desk", key, httponly=True, samesite="lax")
    return answer


@desk.post("/tickets")
async def open_ticket(title: Annotated[str, Form()], desk: Desk) -> RedirectResponse:
    """A row of ours, and everybody of the desk in its room."""
    key = tickets.execute("INSERT INTO ticket (title, open) VALUES (?, 1)", [title]).lastrowid
    for person in PEOPLE.items():
        await rooms.put_member(f"ticket-{key}", person, "writer")
    await rooms.publish(f"ticket-{key}", title, as_=sessions[desk])
    return RedirectResponse(f"/tickets/{key}", status_code=303)


@desk.post("/tickets/{key}/close")
async def close_ticket(key: int, desk: Desk) -> RedirectResponse:
    """Whoever is in the room sees it at once; said twice it is stored once."""
    tickets.execute("UPDATE ticket SET open = 0 WHERE id = ?", [key])
    text = f"{PEOPLE[sessions[desk]]} closed this ticket."
    await rooms.publish(f"ticket-{key}", text, as_=("bot", "Desk bot"), ref="closed")
    return RedirectResponse(f"/tickets/{key}", status_code=303)


@desk.get("/", response_class=HTMLResponse)
async def home(desk: Desk = "") -> str:
    """Sign in; then all tickets."""
    if desk not in sessions:
        people = "".join(f"<option value={key}>{name}" for key, name in PEOPLE.items())
        form = f"<select name=person aria-label=Person>{people}</select><button>Sign in</button>"
        return PAGE.format(title="Help desk", body=f"<form method=post action=/login>{form}</form>")
    rows = tickets.execute("SELECT id, title FROM ticket ORDER BY id DESC").fetchall()
    links = "".join(f"<li><a href=/tickets/{key}>{escape(title)}</a>" for key, title in rows)
    form = "<input name=title aria-label=Title required><button>Open ticket</button>"
    body = f"<ul>{links}</ul><form method=post action=/tickets>{form}</form>"
    return PAGE.format(title="Help desk", body=body)


@desk.get("/tickets/{key}", response_class=HTMLResponse)
async def ticket(key: int) -> str:
    """A ticket, and its room."""
    title, is_open = tickets.execute(
        "SELECT title, open FROM ticket WHERE id = ?", [key]
    ).fetchone()
    close = f"<form method=post action=/tickets/{key}/close><button>Close ticket</button></form>"
    body = ROOM.replace("TICKET", f"ticket-{key}") + (close if is_open else "<p>Closed.</p>")
    return PAGE.format(title=escape(title), body=body)


PAGE = "<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>{body}"
ROOM = """
<ol id=said></ol>
<form id=say><input name=text aria-label=Message autocomplete=off><button>Send</button></form>
<script type=module>
  import { Room, textOf } from "/rooms/itemroom.js";

  const room = new Room("/rooms", { item: "TICKET" });
  say.onsubmit = (event) => {
    event.preventDefault();
    room.publish(say.text.value);
    say.reset();
  };
  for await (const entry of room) {
    if (entry.type !== "message") continue;
    const line = document.createElement("li");
    line.textContent = `${entry.by.name}: ${textOf(entry.body)}`;
    said.append(line);
  }
</script>
"""
