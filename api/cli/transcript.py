"""What a chat shows of an item's log: lines that later entries change. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from rich.text import Text

from itemroom import Entry, text_of

from ..history.words import showable
from ..live.text import TextCodec

# Told apart at a glance; all readable on black and on white.
_COLORS = ("cyan", "magenta", "green", "blue", "red", "yellow")


@dataclass
class Line:
    """A message, or a note of what happened."""

    at: str
    who: str
    text: str
    is_note: bool = False
    is_edited: bool = False
    is_deleted: bool = False
    state: str = ""
    """Of a message in the making, and of one that did not come to its end."""
    reactions: dict[str, set[str]] = field(default_factory=dict)
    """The ids of users by what they have put on."""

    def render(self) -> Text:
        """As the terminal shows it; what people wrote never is markup."""
        time = (_clock(self.at), "dim")
        if self.is_note:
            return Text.assemble(time, " ", (self.text, "dim italic"))
        color = _COLORS[sum(self.who.encode()) % len(_COLORS)]
        name = (self.who, f"bold {color}")
        if self.is_deleted:
            return Text.assemble(time, " ", name, " ", ("deleted", "dim italic"))
        edited = (" (edited)", "dim") if self.is_edited else ""
        reactions = "".join(f"  {value} {len(ids)}" for value, ids in self.reactions.items())
        state = (f" ({self.state})", "dim") if self.state else ""
        return Text.assemble(time, " ", name, " ", self.text, state, edited, (reactions, "dim"))


class Transcript:
    """Lines by the seq of the entry that began them, the oldest first."""

    def __init__(self) -> None:
        self.lines: dict[int, Line] = {}

    def apply(self, entry: Entry) -> int | None:
        """Take an entry; the seq of the line that it began or changed, if any is shown."""
        match entry.type:
            case "message":
                return self._begin(entry)
            case "edit" | "delete" | "reaction" | "finish":
                line = self.lines.get(entry.target or 0)
                if line is None:
                    return None  # Older than what is shown.
                _change(line, entry)
                return entry.target
            case _:
                return self._note(entry)

    def _begin(self, entry: Entry) -> int:
        self.lines[entry.seq] = Line(
            entry.at,
            printable(entry.by["name"]),
            _text(entry.body),
            is_edited=entry.edited_seq is not None,
            is_deleted=entry.deleted_seq is not None,
            state="in the making" if entry.open else "",
        )
        return entry.seq

    def grow(self, seq: int, text: str) -> bool:
        """A message in the making has this text by now; whether it is shown."""
        line = self.lines.get(seq)
        if line is None or line.state != "in the making":
            return False
        line.text = _text(text)
        return True

    def _note(self, entry: Entry) -> int | None:
        frame = TextCodec().encode(dict(entry.frame))
        if frame is None:
            return None
        self.lines[entry.seq] = Line(entry.at, "", frame.text, is_note=True)
        return entry.seq


def printable(text: str) -> str:
    """Text that cannot move the cursor, or turn around what follows it."""
    return "\n".join(map(showable, text.split("\n")))


def _change(line: Line, entry: Entry) -> None:
    if entry.type == "delete":
        line.is_deleted = True
    elif entry.type == "finish":
        line.state = "" if entry.state == "done" else entry.state
        if entry.body is not None and not line.is_edited:  # Else it is from before that.
            line.text = _text(entry.body)
    elif entry.type == "edit":
        if entry.deleted_seq is None:  # Else it has no body.
            line.text, line.is_edited = _text(entry.body), True
    else:
        value = printable(entry.value or "").replace("\n", "\N{REPLACEMENT CHARACTER}")
        users = line.reactions.setdefault(value, set())
        (users.add if entry.on else users.discard)(entry.by["id"])
        if not users:
            del line.reactions[value]


def _text(body: object) -> str:
    text = printable(text_of(body))
    # A second line begins further in: it cannot pass for somebody else's.
    return text.strip().replace("\n", "\n      ")


def _clock(at: str) -> str:
    return datetime.fromisoformat(at).astimezone().strftime("%H:%M")
