"""What the live side is tested with: entries, a socket that records, a loop whose time jumps."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson
import ormsgpack

from api.errors import CODES
from api.history.entries import Author, Entry, Kind
from api.live.encoding import Burst, Frame, Frames, Notice
from api.live.guests import Judged
from api.live.hub import Hub
from api.live.inboxes import Inboxes, Watcher
from api.live.room import Room
from api.rights.access import Access, Credential, Principal, Role, Standing, Via
from api.store.readers import Readers

Fields = dict[str, Any]
ADA = Author(1, "u-ada", "Ada")
BOB = Author(2, "u-bob", "Bob")
CREDENTIAL = Credential("access", "jti", 1, None)
WRITER = Standing(credential_ended=False, member_role=Role.WRITER)


def entry(seq: int, kind: Kind = Kind.MESSAGE, **more: Any) -> Entry:
    """An entry of item 1, by Ada at the epoch."""
    values: Fields = {"body": b'"%d"' % seq} | more
    return Entry(1, seq, kind, values.pop("author", ADA), values.pop("at", 0), **values)


def fields_of(frame: Frame) -> Fields:
    """What a client reads in a frame, whatever its subprotocol; a terminal's is a `line`."""
    if not frame.is_text:
        unpacked: Fields = ormsgpack.unpackb(frame.data)
        return unpacked
    if not frame.data.startswith(b"{"):
        return {"type": "live" if frame.text == "* live" else "line", "line": frame.text}
    fields: Fields = orjson.loads(frame.data)
    return fields


@dataclass
class FakeSocket:
    """Records what is sent; full when told so. `sends`: how many frames each time."""

    frames: list[Frame] = field(default_factory=list)
    sends: list[int] = field(default_factory=list)
    closed: tuple[int, str] | None = None
    sent_bytes: int = 0
    is_full: bool = False
    is_deaf: bool = False

    def send(self, frames: Frames) -> None:
        assert self.closed is None, "something was sent after the close"
        self.frames.extend(frames.frames)
        self.sends.append(len(frames.frames))

    def offer(self, frames: Frames) -> bool:
        if not self.is_full:
            self.send(frames)
        return not self.is_full

    def deafen(self) -> None:
        self.is_deaf = True

    def close(self, code: int, reason: str) -> None:
        assert self.closed is None, "closed twice"
        assert self.is_deaf, "closed while it listens"
        self.closed = (code, reason)

    @property
    def said(self) -> list[Fields]:
        """Every frame so far, read."""
        return [fields_of(frame) for frame in self.frames]

    def said_of(self, *types: str) -> list[Fields]:
        """The frames of these types."""
        return [fields for fields in self.said if fields["type"] in types]

    @property
    def seqs(self) -> list[int]:
        """The seqs of the entries, in the order in which they were sent."""
        kinds = {kind.value for kind in Kind}
        return [fields["seq"] for fields in self.said if fields["type"] in kinds]


class NoInboxes(Inboxes):
    """Tells nobody anything; who watches, and since when."""

    def __init__(self, readers: Readers) -> None:
        super().__init__(readers, None)
        self.watchers: dict[Watcher, int | None] = {}

    def watch(self, watcher: Watcher, since: int | None) -> None:
        self.watchers[watcher] = since

    def unwatch(self, watcher: Watcher) -> None:
        self.watchers.pop(watcher, None)


def join(hub: Hub, item_key: int, member: "FakeMember") -> Room:
    """In comes a connection, and takes a seat."""
    hub.guests.enter(member)
    return hub.join(item_key, member)


@dataclass(eq=False)
class FakeMember:
    """A connection and its seat as the hub sees them; `told` is everything, in order."""

    user: Author = ADA
    credential: Credential = CREDENTIAL
    standing: Standing = WRITER
    told: list[Any] = field(default_factory=list)
    fails: bool = False
    via: Via | None = None

    is_shared: bool = False

    is_behind = False
    item_id = "i-1"

    @cached_property
    def principal(self) -> Principal:
        return Principal(self.user.key, self.user.id, self.user.name, self.credential, self.via)

    @property
    def judged(self) -> Sequence[Judged]:
        return [self]

    @property
    def access(self) -> Access:
        return Access(self.principal, 1, self.item_id, Role.WRITER, self.standing)

    def restand(self, standing: Standing) -> None:
        self.told.append(standing)
        self.standing = standing

    def deliver(self, burst: Burst) -> None:
        if self.fails:
            raise RuntimeError("an encoder that fails")
        self.told.append([entry.seq for entry in burst.entries])

    def tell_text(self, notice: Notice | None) -> None:
        self.tell(notice or Notice({"type": "missed"}))

    def tell(self, notice: Notice) -> None:
        if self.fails:
            raise RuntimeError("an encoder that fails")
        self.told.append(notice.fields)

    def judge(self, *, member_role: Role | None, default_role: Role | None) -> None:
        self.told.append((member_role, default_role))
        standing = self.standing
        self.standing = replace(standing, member_role=member_role, default_role=default_role)

    def rename(self, name: str) -> None:
        self.user = replace(self.user, name=name)

    def credentials_ended(self, ended: Callable[[Credential], bool]) -> None:
        self.told.append(("ended", ended(self.credential)))

    def end(self, code: str, *, retry_after: float | None = None) -> None:
        assert code in CODES
        self.told.append(code)


class JumpingLoop(asyncio.SelectorEventLoop):
    """Time does not pass, it jumps: to the next timer, whenever there is nothing else to do."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self._jumped = 0.0

    def time(self) -> float:
        return self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += seconds

    @property
    def timers(self) -> list[asyncio.TimerHandle]:
        """Those that would still fire."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return [timer for timer in scheduled if not timer.cancelled()]


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout:
            self._loop.jump(timeout)
        return ready


def run_jumping(act: Callable[[JumpingLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a test whose seconds take no time; no timer may be left at its end."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        await act(loop)
        assert loop.timers == []

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(main())
