"""Somebody in a room: what they say, and what they expect to hear."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

# Seconds for what has to come. Nothing takes so long but what never comes.
PATIENCE = 5.0

Frame = dict[str, Any]


class Joined:
    """A socket in a room, welcomed, that hands over its frames as the test asks for them.

    Args:
        socket: open.
        patience: seconds for whatever is waited for.
    """

    def __init__(self, socket: ClientConnection, *, patience: float = PATIENCE) -> None:
        self._socket = socket
        self._patience = patience
        self.seen: list[Frame] = []
        """All frames so far, in their order."""
        self.welcome = self.expect("welcome")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, type_: str, **fields: Any) -> None:
        """Any frame of the protocol."""
        self._socket.send(json.dumps({"type": type_, **fields}))

    def publish(self, body: object) -> int:
        """Say something; its seq, once it is stored.

        Raises:
            AssertionError: it was refused; with the refusal.
        """
        ref = uuid4().hex
        self.send("publish", ref=ref, body=body)
        return int(self.expect("ack", ref=ref)["seq"])

    def expect(self, type_: str, **fields: Any) -> Frame:
        """The next frame of a type and with these fields, as far as they are named.

        Frames before it are passed over, and kept in `seen`. Of a field that is an object, too,
        only what is named has to be so: `expect("message", by={"name": "Ada"})`.

        Raises:
            AssertionError: it does not come; with all that came instead.
        """
        first = len(self.seen)
        wanted = {"type": type_, **fields}
        while True:
            frame = self._next()
            if frame is None or (ends(frame) and not matches(frame, wanted)):
                came = "\n".join(f"  {json.dumps(one)}" for one in self.seen[first:])
                raise AssertionError(
                    f"expected {json.dumps(wanted)}, and within {self._patience} s came\n"
                    f"{came or '  nothing'}"
                )
            if matches(frame, wanted):
                return frame

    def closed(self) -> str:
        """Why the server closes the socket, once it does.

        Raises:
            AssertionError: it does not; with all that came instead.
        """
        reason = str(self.expect("closing")["reason"])
        # So that whoever asks next finds nobody here.
        list(iter(self._next, None))
        return reason

    def _next(self) -> Frame | None:
        """The next frame; None: none comes, or no more."""
        try:
            frame: Frame = json.loads(self._socket.recv(self._patience))
        except (TimeoutError, ConnectionClosed):
            return None
        self.seen.append(frame)
        return frame


def ends(frame: Frame) -> bool:
    """Whether nothing can come after this that somebody waits for."""
    return frame["type"] in ("closing", "error")


def matches(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; more may be there, too."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(name in found and matches(found[name], wanted[name]) for name in wanted)
    return bool(found == wanted)
