"""`itemroom.v1.text`: plain lines in and out, for people at a terminal. Pure."""

from collections.abc import Callable
from dataclasses import replace

import orjson

from ..errors import Refusal
from ..history.entries import Entry
from ..history.words import showable
from .client_frames import PublishFrame
from .encoding import Fields, Frame, shared


class TextCodec:
    """What is typed is published; entries read `ada: hello`, others `* ada joined`."""

    name = "itemroom.v1.text"
    is_text = True

    def decode(self, data: bytes) -> object:
        """A publish of the line."""
        try:
            line = data.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise Refusal("bad_message", "This is not UTF-8.") from error
        return PublishFrame(type="publish", body=line).model_dump(exclude_unset=True)

    def encode(self, fields: Fields) -> Frame | None:
        """A line; None for what a person at a terminal does not need, such as acks."""
        show = _SHOWN.get(fields["type"])
        line = show(fields) if show is not None else None
        return Frame(line.encode(), is_text=True) if line is not None else None

    def encode_entry(self, entry: Entry) -> Frame | None:
        """The entry's line."""
        # Of a message in the making people at a terminal see the end alone, and all of it.
        whole = replace(entry, is_told=False) if entry.is_told else entry
        return shared(self, entry, lambda: self.encode(orjson.loads(whole.json())))


def _body(fields: Fields) -> str:
    """What people read of it: itself, or the `text` of an object; else its JSON."""
    body = fields.get("body")
    text = body.get("text") if isinstance(body, dict) else body
    return showable(text if isinstance(text, str) else orjson.dumps(body).decode())


def _name(user: Fields) -> str:
    # A colon ends the name: `bob: hi` as a name would put words into somebody's mouth.
    return showable(user["name"]).replace(":", "\N{REPLACEMENT CHARACTER}")


def _who(fields: Fields) -> str:
    return _name(fields["by"])


def _message(fields: Fields) -> str:
    if "deleted_seq" in fields:
        return f"* {_who(fields)} deleted message {fields['seq']}"
    if "open" in fields:
        return f"* {_who(fields)} is writing"
    return f"{_who(fields)}: {_body(fields)}"


def _finish(fields: Fields) -> str:
    ends = {"done": "", "interrupted": " (interrupted)", "failed": " (failed)"}
    return f"{_who(fields)}: {_body(fields)}{ends.get(fields['state'], ' (stopped)')}"


def _edit(fields: Fields) -> str | None:
    if "deleted_seq" in fields:
        return None
    return f"* {_who(fields)} edited message {fields['target']}: {_body(fields)}"


def _delete(fields: Fields) -> str:
    return f"* {_who(fields)} deleted message {fields['target']}"


def _reaction(fields: Fields) -> str:
    did = "put {} on" if fields["on"] else "took {} from"
    return f"* {_who(fields)} {did.format(showable(fields['value']))} message {fields['target']}"


def _member(fields: Fields) -> str:
    name = _name(fields["user"])
    if fields["role"] is None:
        return f"* {_who(fields)} removed {name}"
    return f"* {_who(fields)} made {name} {fields['role']}"


def _item(fields: Fields) -> str | None:
    return (
        f"* {_who(fields)} set the title: {showable(fields['title'])}"
        if "title" in fields
        else None
    )


def _welcome(fields: Fields) -> str:
    you, item = fields["you"], fields["item"]
    return (
        f"* welcome to {showable(item['title'] or item['id'])}, {_name(you)} "
        f"({you['role']}); {fields['presence']['count']} here"
    )


def _presence(fields: Fields) -> str | None:
    moves = [(user, "joined") for user in fields.get("join", ())]
    moves += [(user, "left") for user in fields.get("leave", ())]
    return "\n".join(f"* {_name(user)} {did}" for user, did in moves) or None


def _error(fields: Fields) -> str:
    return f"! {fields['code']}: {fields['message']}"


def _closing(fields: Fields) -> str:
    message = fields.get("message")
    return f"! {fields['reason']}" if message is None else f"! {fields['reason']}: {message}"


_SHOWN: dict[str, Callable[[Fields], str | None]] = {
    "message": _message,
    "edit": _edit,
    "delete": _delete,
    "reaction": _reaction,
    "finish": _finish,
    "stop": lambda fields: f"* {_who(fields)} wants message {fields['target']} to end",
    "member": _member,
    "item": _item,
    "welcome": _welcome,
    "presence": _presence,
    "error": _error,
    "live": lambda _: "* live",
    "role": lambda fields: f"* you are now {fields['role']}",
    "expiring": lambda fields: f"* your credential ends in {fields['in']} seconds",
    "closing": _closing,
}
