"""What people do in an item: they say something, or change what somebody has said."""

import random
from dataclasses import dataclass

from tests.serving import Fields

# The shares of these among all acts, and the newest messages that they are about: few, so that
# several people, at several servers, change the same one.
DELETIONS = 0.04
EDITS = 0.14
REACTIONS = 0.12
TAKEN_BACK = 0.3
NEWEST = 4
TYPES = {"publish": "message", "edit": "edit", "delete": "delete", "react": "reaction"}


@dataclass(frozen=True)
class Act:
    """One of them, by the name that commands have."""

    kind: str
    body: str | None = None
    target: int | None = None
    value: str | None = None
    on: bool = True

    @property
    def fields(self) -> Fields:
        """Of the command, besides its ref."""
        match self.kind:
            case "publish":
                return {"body": self.body}
            case "edit":
                return {"target": self.target, "body": self.body}
            case "delete":
                return {"target": self.target}
            case _:
                return {"target": self.target, "value": self.value, "on": self.on}

    def call(self, item: str, ref: str) -> tuple[str, str, Fields]:
        """By REST: method, path and arguments. A deletion has no ref there."""
        messages = f"/items/{item}/messages"
        match self.kind:
            case "publish":
                return "POST", messages, {"json": {"ref": ref, "body": self.body}}
            case "edit":
                path = f"{messages}/{self.target}"
                return "PATCH", path, {"json": {"ref": ref, "body": self.body}}
            case _:
                return "DELETE", f"{messages}/{self.target}", {}

    def is_entry(self, entry: Fields) -> bool:
        """Whether it is what has become of this."""
        same = all(entry.get(name) == self.fields.get(name) for name in ("target", "value", "on"))
        return entry["type"] == TYPES[self.kind] and same


def chosen(dice: random.Random, ref: str, messages: list[int], standing: list[Act] | None) -> Act:
    """What somebody does next.

    Args:
        dice: decides.
        ref: of it.
        messages: the seqs of those that may be changed; one that is deleted is taken away.
        standing: reactions that are on; one that is taken back is taken away. None: never reacts.
    """
    roll, body = dice.random(), f"body of {ref}"
    if not messages or roll > DELETIONS + EDITS + REACTIONS:
        return Act("publish", body)
    target = dice.choice(messages[-NEWEST:])
    if roll < DELETIONS:
        messages.remove(target)
        return Act("delete", target=target)
    if roll < DELETIONS + EDITS or standing is None:
        return Act("edit", body, target)
    if standing and dice.random() < TAKEN_BACK:
        put = standing.pop()
        return Act("react", target=put.target, value=put.value, on=False)
    return Act("react", target=target, value=ref)
