"""All that a client knows and decides, across its connections. No input or output happens here.

The shell tells it what came, and asks it what to send; times are seconds of a monotonic clock.
"""

from collections.abc import Callable
from typing import Any

from itemroom.core import verdicts
from itemroom.core.cursor import Cursor
from itemroom.core.entries import ENTRY_TYPES, Event, Fields, entry_of
from itemroom.core.errors import Refused
from itemroom.core.growing import Growths
from itemroom.core.outbox import Outbox, encode, is_passing
from itemroom.core.pace import Pace
from itemroom.core.presence import Presence
from itemroom.core.returning import Returning
from itemroom.core.silence import PING, Silence
from itemroom.core.texts import Texts


class Session:
    """What holds as long as a room is used, whatever happens to its connections.

    Args:
        cursor: where to begin.
        outbox: holds the commands.
        can_renew: whether there is a newer credential to be had.
    """

    def __init__(self, cursor: Cursor, outbox: Outbox, *, can_renew: bool) -> None:
        self.cursor = cursor
        self.outbox = outbox
        self.growths = Growths()
        self.texts = Texts()
        self.presence = Presence()
        self.welcome: Fields = {}  # The newest one.
        self.you: dict[str, Any] = {}
        self.item: dict[str, Any] = {}
        self.head = 0
        self.is_live = False
        self._returning = Returning(can_renew=can_renew)
        self._is_welcomed = False  # On this connection.
        self._urgent: list[str] = []  # Frames of this connection that are sent before commands.
        self._read: int | None = None  # How far the user has read.
        self._read_sent = False  # On this connection.
        self._has_asked_presence = False
        self._pace = Pace(0, 0, 0)
        self._silence = Silence()
        self._takes: dict[str, Callable[[Fields, float], list[Event]]] = {
            "welcome": self._take_welcome,
            "live": self._take_live,
            "ack": self._take_ack,
            "error": self._take_error,
            "appended": self._take_appended,
            "append": self._take_append,
            "open": self._take_open,
            "presence": self._take_presence,
            "role": self._take_role,
            "pong": self._take_pong,
            "closing": self._take_closing,
            **dict.fromkeys(("signal", "read", "expiring"), _tell),
            **dict.fromkeys(ENTRY_TYPES, self._take_entry),
        }

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be stored."""
        return self.outbox.is_empty and self.growths.is_idle

    def connected(self, now: float) -> None:
        """A connection is open."""
        self._silence.begin(now)
        self._urgent.clear()

    def ended(self, refused: Refused) -> float:
        """The connection is no more; the seconds after which to try again.

        Raises:
            Refused: there is no sense in it.
        """
        self.is_live = self._is_welcomed = False
        self.outbox.dropped()
        self.growths.dropped()
        return self._returning.after(refused)

    def received(self, frame: Fields, now: float) -> list[Event]:
        """A frame has come; what to tell the application.

        Raises:
            Refused: the connection is of no use any more.
        """
        self._silence.heard(now)
        try:
            take = self._takes.get(frame["type"])
            return take(frame, now) if take is not None else []
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            sentence = "What came is not what a server of Itemroom says."
            raise Refused("bad_frame", sentence, retry="later") from error

    def outgoing(self, now: float) -> tuple[list[str], float]:
        """Frames to send now, and in how many seconds to ask again at the latest.

        Raises:
            Refused: nothing comes any more.
        """
        self._silence.check(now)
        texts, self._urgent = self._urgent, []
        until: float | None = None
        if self._is_welcomed:
            if self._read is not None and not self._read_sent:
                texts.append(encode({"type": "read", "seq": self._read}))
                self._read_sent = True
            commands, until = self.outbox.due(now, self._pace)
            more, again = self.growths.due(now, self.welcome["limits"]["frame_bytes"])
            texts += [*commands, *more]
            until = min((wait for wait in (until, again) if wait is not None), default=None)
        for text in texts:
            self._silence.sent(text)
        is_awaited = self.outbox.is_awaiting or self.growths.is_awaiting
        is_ping_due, wait = self._silence.watch(now, is_awaited=is_awaited)
        if is_ping_due:
            texts.append(PING)
        return texts, min(wait, until) if until is not None else wait

    def command(self, type_: str, ref: str | None, **fields: object) -> str:
        """Something to be stored; the ref under which it will be settled.

        Raises:
            Refused: `outbox_full`, `ref_conflict`, `too_big`.
            ValueError, TypeError: it is not JSON.
        """
        ref = self.outbox.add(type_, ref, **fields)
        limit = self.welcome["limits"]["frame_bytes"] if self.welcome else None
        if limit is not None and self.outbox.is_too_big(ref, limit):
            self.outbox.settle(ref)
            raise _too_big(limit)
        return ref

    def signal(self, name: str, body: object, now: float) -> None:
        """Something for those who are here now; nobody is, while this client is not live."""
        text = encode({"type": "signal", "name": name, "body": body})
        if self.is_live and self._has_pace(now):
            self._urgent.append(text)

    def read(self, seq: int) -> None:
        """The user has read up to here."""
        if self._read is None or seq > self._read:
            self._read, self._read_sent = seq, False

    def renew(self, token: str) -> None:
        """Go on under a newer token."""
        self._urgent.append(encode({"type": "auth", "token": token}))

    def _has_pace(self, now: float) -> bool:
        """Whether something may be sent now that counts like a command."""
        return not self.outbox.is_paused(now) and not self._pace.take(now)

    def _take_welcome(self, frame: Fields, now: float) -> list[Event]:
        limits = frame["limits"]
        gap = self.cursor.welcome(frame)
        self.welcome, self.head = frame, frame["head"]
        self.you, self.item = dict(frame["you"]), dict(frame["item"])
        self.presence.update(frame["presence"])
        self.outbox.connected(limits["in_flight"])
        self._pace = Pace(limits["publish_rate"], limits["publish_burst"], now)
        self._is_welcomed, self._read_sent, self._has_asked_presence = True, False, False
        self._returning.welcomed()
        if gap is not None:
            self._read = None  # Another log, another place.
            self.texts.forget()
        events = [Event("welcome", frame)]
        events += [Event("gap", gap)] if gap is not None else []
        oversized = list(self.outbox.too_big(limits["frame_bytes"]))
        return events + [self._settle(ref, _too_big(limits["frame_bytes"])) for ref in oversized]

    def _take_live(self, frame: Fields, _now: float) -> list[Event]:
        self.head = max(self.head, frame["seq"])
        self.cursor.caught_up(frame["seq"])
        self.is_live = True
        return [Event("live", frame)]

    def _take_entry(self, frame: Fields, _now: float) -> list[Event]:
        entry = entry_of(frame)
        self.head = max(self.head, entry.seq)
        is_new = self.cursor.take(entry.seq)
        if is_new:
            self._returning.trusted()
            whole = self.texts.entry(frame)
            entry = entry if whole is frame else entry_of(whole)
        if entry.type == "item" and entry.title is not None:
            self.item["title"] = entry.title
        is_mine = entry.by["id"] == self.you["id"] and self.outbox.was_stored(entry)
        settled = [self._settle(entry.ref, entry.seq)] if is_mine else []
        if entry.type == "stop":
            settled += self.growths.stop(entry.target)
        return [*settled, Event("entry", entry)] if is_new else settled

    def _take_appended(self, frame: Fields, _now: float) -> list[Event]:
        return self.growths.stored(frame)

    def _take_append(self, frame: Fields, _now: float) -> list[Event]:
        is_known = not self.cursor.is_deaf and self.texts.append(frame)
        return [Event("append", frame)] if is_known else []

    def _take_open(self, frame: Fields, _now: float) -> list[Event]:
        if self.cursor.is_deaf:
            return []
        self.texts.put(frame)
        return [Event("open", frame)]

    def _take_ack(self, frame: Fields, _now: float) -> list[Event]:
        return [self._settle(frame.get("ref"), frame["seq"])]

    def _take_error(self, frame: Fields, now: float) -> list[Event]:
        ref = frame.get("ref")
        refused = Refused(
            frame["code"],
            frame["message"],
            retry_after=frame.get("retry_after"),
            retry="never",
            length=frame.get("length"),
        )
        if ref is None and "target" in frame:
            return self.growths.refused(refused, frame["target"], now)
        if ref is None:
            return [Event("error", refused)]
        if is_passing(refused):
            self._pace.empty(now)
        is_final = self.outbox.refused(refused, ref, now)
        return [Event("settled", (ref, refused))] if is_final else []

    def _take_presence(self, frame: Fields, now: float) -> list[Event]:
        self.presence.update(frame)
        if not self.presence.is_partial:
            self._has_asked_presence = False
        elif not self._has_asked_presence and self._has_pace(now):
            self._has_asked_presence = True
            self._urgent.append(encode({"type": "presence"}))
        return [Event("presence", self.presence)]

    def _take_role(self, frame: Fields, _now: float) -> list[Event]:
        self.you["role"] = frame["role"]
        return [Event("role", frame)]

    def _take_pong(self, frame: Fields, _now: float) -> list[Event]:
        self.head = max(self.head, frame["head"] or 0)
        return []

    def _take_closing(self, frame: Fields, _now: float) -> list[Event]:
        raise verdicts.closing(frame)

    def _settle(self, ref: str | None, result: int | Refused) -> Event:
        self.outbox.settle(ref)
        return Event("settled", (ref, result))


def _tell(frame: Fields, _now: float) -> list[Event]:
    return [Event(frame["type"], frame)]


def _too_big(limit: int) -> Refused:
    return Refused("too_big", f"A frame has at most {limit} bytes.")
