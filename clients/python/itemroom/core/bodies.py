"""What people read of a message's body; see "Bodies" in docs/protocol.md."""

import json


def text_of(body: object) -> str:
    """The body itself when it is text, or the `text` of an object; else its JSON."""
    text = body.get("text") if isinstance(body, dict) else body
    if isinstance(text, str):
        return text
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
