"""A room in the terminal. Needs Textual, which is an extra: imported by `itemroom chat` alone."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from itemroom import Change, Entry, Refused, Room

from .connecting import loss_of
from .transcript import Transcript, printable

# Lines that stay on the screen to be scrolled to: each costs a widget.
MAX_LINES = 500
# Seconds: how often typing is told at most, and how long it is shown.
TYPING_EVERY = 3.0
TYPING_SHOWN = 5.0


class Chat(App[None]):
    """Shows what is said, who is here and who is typing; says what is typed."""

    TITLE = "Itemroom"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        # Before Textual's own, which only tells of another key, and a line's, which copies.
        Binding("ctrl+c", "quit", "Leave", priority=True),
        Binding("ctrl+r", "reconnect", "Drop the connection and resume"),
        Binding("pageup", "scroll(-1)", "Earlier"),
        Binding("pagedown", "scroll(1)", "Later"),
    ]
    CSS = """
    #title, #state { height: 1; padding: 0 1; background: $panel; }
    #title { text-style: bold; }
    #messages { width: 1fr; padding: 0 1; }
    #people { width: 22; height: 1fr; padding: 0 1; border-left: solid $panel; }
    #typing { height: 1; padding: 0 1; color: $text-muted; }
    #say { border: tall $panel; }
    """

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.refused: Refused | None = None  # Set when the room is no more.
        self._room = room
        self._transcript = Transcript()
        self._widgets: dict[int, Static] = {}
        self._typing: dict[str, tuple[str, float]] = {}  # By user id: name, and until when.
        self._told_typing_at = 0.0
        self._unsent = 0  # Messages that wait for their ack.
        # Kept, not looked up: a room may still tell of its end while the screen is taken down.
        self._title, self._people, self._typists, self._state = (
            Static(id=name, markup=False) for name in ("title", "people", "typing", "state")
        )
        self._messages = VerticalScroll(id="messages", can_focus=False)
        self._input = Input(id="say", placeholder="Say something, and press Enter")

    def compose(self) -> ComposeResult:
        """The title, what was said beside who is here, and the line to type in."""
        yield self._title
        with Horizontal():
            yield self._messages
            yield self._people
        yield self._typists
        yield self._input
        yield self._state

    def on_mount(self) -> None:
        """Begin to listen."""
        self._messages.anchor()
        self._input.focus()
        self._room.on("state", lambda _: self._show_state())
        self._room.on("welcome", lambda _: self._show_people())
        self._room.on("presence", lambda _: self._show_people())
        self._room.on("signal", self._take_signal)
        self._room.on("gap", lambda _: self._forget())
        self.set_interval(1, self._each_second)
        self.run_worker(self._follow())

    async def _follow(self) -> None:
        try:
            async with self._room as room:
                async for entry in room:
                    await self._show(entry)
                    room.read(entry.seq)
        except Refused as refused:
            self.refused = refused
            self._input.disabled = True
            self._show_state()

    async def _show(self, entry: Entry) -> None:
        if entry.type == "item":
            self._show_people()
        self._typing.pop(entry.by["id"], None)
        self._show_typing()
        seq = self._transcript.apply(entry)
        if seq is None:
            return
        text = self._transcript.lines[seq].render()
        if seq in self._widgets:
            self._widgets[seq].update(text)
            return
        if entry.type == "message" and entry.open:
            self.run_worker(self._grow(seq))
        self._widgets[seq] = Static(text, markup=False)
        self._messages.mount(self._widgets[seq])
        if len(self._widgets) > MAX_LINES:
            oldest = next(iter(self._widgets))
            del self._transcript.lines[oldest]
            await self._widgets.pop(oldest).remove()

    async def _grow(self, seq: int) -> None:
        # Where it is not in the making any more, its end says what it has become.
        with suppress(Refused):
            async for text in self._room.text(seq):
                self._put(seq, text)

    def _put(self, seq: int, text: str) -> None:
        # It may have ended since, or be too old to be shown.
        if seq in self._widgets and self._transcript.grow(seq, text):
            self._widgets[seq].update(self._transcript.lines[seq].render())

    def _forget(self) -> None:
        """The log does not go on where it was: what follows replaces what is shown."""
        self._transcript, self._widgets = Transcript(), {}
        self._messages.remove_children()
        self.notify("The log begins anew.")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Publish the line; it waits while there is no connection."""
        if event.value.strip():
            event.input.clear()
            self._told_typing_at = 0.0
            self.run_worker(self._publish(event.value))

    async def _publish(self, text: str) -> None:
        self._unsent += 1
        self._show_state()
        try:
            await self._room.publish(text)
        except Refused as refused:
            self.notify(f"Not sent: {text}\n{refused}", severity="error", markup=False)
        finally:
            self._unsent -= 1
            self._show_state()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the others, now and then, that something is being typed."""
        now = time.monotonic()
        if event.value and now > self._told_typing_at + TYPING_EVERY:
            self._told_typing_at = now
            self._room.signal("typing", True)

    def action_reconnect(self) -> None:
        """Show how resume works."""
        self._room.reconnect()

    def action_scroll(self, pages: int) -> None:
        """While the keyboard stays with the line to type in."""
        if pages < 0:
            self._messages.scroll_page_up()
        else:
            self._messages.scroll_page_down()

    def _take_signal(self, frame: Mapping[str, Any]) -> None:
        if frame["name"] == "typing":
            user = frame["by"]
            shown = TYPING_SHOWN if frame.get("body") else 0
            self._typing[user["id"]] = (printable(user["name"]), time.monotonic() + shown)
            self._show_typing()

    def _each_second(self) -> None:
        self._show_typing()
        self._show_state()

    def _show_typing(self) -> None:
        now = time.monotonic()
        names = [name for name, until in self._typing.values() if until > now]
        verb = "is" if len(names) == 1 else "are"
        line = f"{', '.join(names)} {verb} typing…" if names else ""
        _put(self._typists, line)

    def _show_people(self) -> None:
        item, presence = self._room.item, self._room.presence
        self._title.update(printable(item["title"] or item["id"]))
        names = sorted(printable(user["name"]) for user in presence.users)
        lines = [f"{presence.count} here", *names]
        self._people.update("\n".join(lines))

    def _show_state(self) -> None:
        line = _describe(self._room.change)
        if self._unsent:
            line += f" · {self._unsent} to be sent"
        _put(self._state, line)


def _put(widget: Static, text: str) -> None:
    """Each update draws the screen: only a new text is worth it."""
    if widget.content != text:
        widget.update(text)


def _describe(change: Change) -> str:
    if change.error is None or change.state == "closed":
        return change.state
    if change.state == "refused":
        return f"refused: {change.error}"
    seconds = max(0, round((change.retry_at or 0) - time.time()))
    return f"waiting: {loss_of(change.error)}; trying again in {seconds} s"
