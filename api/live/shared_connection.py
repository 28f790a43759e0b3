"""A socket for many items: `/ws`."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from ..errors import Refusal
from ..limits import Bucket
from ..rights.access import Credential, Principal, Standing, check_standing
from ..rights.standing import NO_ITEM, load_standing
from . import frames, shared_frames
from .client_frames import (
    AuthFrame,
    JoinFrame,
    LeaveFrame,
    SocketFrame,
    UnwatchFrame,
    WatchFrame,
    item_of,
    parse_shared,
    ref_of,
    target_of,
)
from .codecs import ItemEncoder
from .connection import Connection
from .encoding import Codec
from .guests import Judged
from .joining import Joining
from .opening import Arrival, Beginning, Entrance, shared_limits_of
from .place import Place
from .reads import Reads
from .seat import Seat
from .services import Services
from .shared_frames import InboxItem
from .sockets import Socket
from .turns import Turns


class SharedConnection(Connection):
    """One client with seats in any number of rooms, which come and go while it stays.

    It is judged by itself as well, as by an item that is none: its user may be disconnected, and
    its credential end, before it has joined anything.
    """

    __slots__ = ("_joining", "_joins", "_places", "_reads", "standing", "turns")

    item_id = NO_ITEM

    def __init__(
        self, services: Services, socket: Socket, codec: Codec, principal: Principal
    ) -> None:
        super().__init__(services, socket, codec, principal)
        self._places: dict[str, Place] = {}  # By the items' ids, in the order of their turns.
        self._joining = Joining(self, self._loop)
        self._reads = Reads(self, services.readers)
        self.turns = Turns(socket)
        settings = services.settings
        # Whoever comes back joins all of them at once.
        burst = settings.light_burst + settings.joined_items
        self._joins = Bucket(settings.light_rate, burst)
        self.standing: Standing  # Set by `open`: what its user's rights were last judged by.

    @property
    def seats(self) -> Collection[Seat]:
        """Those of the items that are joined."""
        return [place.seat for place in self._places.values()]

    @property
    def judged(self) -> Sequence[Judged]:
        """Itself, and its seats."""
        return [self, *self.seats]

    @property
    def is_taken(self) -> bool:
        """Whether answers of reads are still for somebody."""
        return self.is_open

    def open(self, entrance: Entrance) -> None:
        """In comes the client, and is told so."""
        self._renewal.again = entrance.again
        self._joining.late = entrance.late
        self.standing = entrance.standing
        self._enter()
        limits = shared_limits_of(self.services.settings)
        self.send(shared_frames.hello(self.id, self._principal, limits))
        self._renewal.watch(self._principal)
        if self.services.hub.moment.rights != entrance.moment.rights:
            # Read again from inside: no change of rights can fall in between.
            self._reread(self._principal)

    def drained(self) -> None:
        """The socket takes more again."""
        self._unread = 0
        # Who was live and has missed something is brought up to date before old entries go on: and
        # of those that replay, another one is the first each time.
        places = sorted(self._places.items(), key=_is_replaying)
        for item_id, place in places:
            place.seat.drained()
            if self.socket.is_full:
                if item_id in self._places:
                    self._places[item_id] = self._places.pop(item_id)
                return
        self.turns.go_on()

    def tell_items(self, items: Sequence[InboxItem]) -> bool:
        """Items of its user have changed; whether the client takes more just now."""
        if self.socket.is_full or not self.is_open:
            return False
        for item in items:
            self._write(shared_frames.inbox(item), self.codec)
        return True

    def is_watching(self, at: int) -> None:
        """What changed until a moment was told."""
        self.send(shared_frames.watching(at))

    def joined(self, arrival: Arrival) -> None:
        """An item may be joined: take the seat."""
        place = self._places[arrival.access.item_id] = Place(self, arrival.access)
        place.open(arrival)

    def refused(self, item_id: str, refusal: Refusal) -> None:
        """An item may not be joined."""
        if _is_of_socket(refusal):
            self._end(refusal)
            return
        self.send(shared_frames.left(item_id, refusal))
        self.count_error(refusal)

    def unseat(self, refusal: Refusal, item_id: str) -> None:
        """A seat has ended: so has all, if the reason is not the item's."""
        if _is_of_socket(refusal):
            self._end(refusal)
        else:
            self._places[item_id].leave(refusal)

    def cleared(self, item_id: str) -> None:
        """A place is free again."""
        del self._places[item_id]

    def restand(self, standing: Standing) -> None:
        """Its user's rights may have changed: go on, or end."""
        self._reads.outdate()
        if standing.disconnects != self.standing.disconnects:
            self.end("disconnected")
            return
        self._judge(self._principal, standing)

    def credentials_ended(self, ended: Callable[[Credential], bool]) -> None:
        """Likewise, of those that a newer token is being compared with."""
        self._reads.outdate()
        super().credentials_ended(ended)

    def renew(self, principal: Principal, *, is_shown: bool) -> None:
        """Go on as this, wherever that may be; raises Refusal `forbidden`."""
        self._check_own(principal)
        renewed = partial(self._renew, principal, is_shown=is_shown)
        self._reads.read_rights(renewed, load_standing, principal, NO_ITEM)

    def left(self, refusal: Refusal) -> None:
        """Nobody says any more who this is."""
        self._end(refusal)

    def fail(self, refusal: Refusal) -> None:
        """What it is to be judged by could not be read."""
        self._end(refusal)

    def _reread(self, principal: Principal) -> None:
        judge = partial(self._judge, principal)
        self._reads.read_rights(judge, load_standing, principal, NO_ITEM)

    def _judge(self, principal: Principal, standing: Standing) -> None:
        try:
            self.standing = check_standing(principal, standing)
        except Refusal as refusal:
            self._end(refusal)

    def _renew(self, principal: Principal, standing: Standing, *, is_shown: bool) -> None:
        try:
            self.standing = check_standing(principal, standing)
        except Refusal as refusal:
            if is_shown:
                self.refuse(refusal)
            else:
                self._end(refusal)
            return
        self._principal = principal
        self._renewal.watch(principal)
        if is_shown:
            self.send(frames.auth(principal))
        # Items that the newer token does not allow are left, and the socket stays. What others
        # have said of an item does not depend on it.
        for seat in self.seats:
            ruled = replace(principal, ruling=seat.principal.ruling)
            seat.renew(ruled, is_shown=False)

    def _do(self, fields: object) -> None:
        frame = parse_shared(fields)
        if not isinstance(frame, tuple):
            self._do_own(frame)
            return
        item_id, said = frame
        place = self._places.get(item_id)
        if place is None:
            raise Refusal("not_joined")
        place.do(said)

    def _do_own(self, frame: SocketFrame) -> None:
        match frame:
            case JoinFrame():
                self._join(frame)
            case LeaveFrame():  # Counted as what it ends.
                self._leave_item(frame.item)
            case WatchFrame():
                self.take_light()
                since = None if frame.since is None else round(frame.since.timestamp() * 1000)
                self.services.inboxes.watch(self, since)
            case UnwatchFrame():
                self.services.inboxes.unwatch(self)
            case AuthFrame():
                self.take_light()
                self._renewal.begin(frame.token)
            case _:
                self.take_light()
                self.send(frames.alive())

    def _join(self, frame: JoinFrame) -> None:
        if frame.item in self._places or frame.item in self._joining:
            raise Refusal("already_joined")
        settings = self.services.settings
        if len(self._places) + len(self._joining) >= settings.joined_items:
            self.refused(frame.item, Refusal("too_many_items"))
            return
        self._take(self._joins)
        newest = settings.tail_default if frame.tail is None else frame.tail
        beginning = Beginning(frame.after, frame.epoch, min(newest, settings.tail_max))
        self._joining.ask(frame.item, beginning)

    def _leave_item(self, item_id: str) -> None:
        if item_id in self._joining:
            self._joining.forget(item_id)
            self.send(shared_frames.left(item_id, None))
        elif item_id in self._places and self._places[item_id].is_open:
            self._places[item_id].leave(None)
        else:
            raise Refusal("not_joined")

    def _leave(self) -> None:
        super()._leave()
        for place in self._places.values():
            place.drop()
        self._places.clear()
        self._joining.stop()
        self.services.inboxes.unwatch(self)

    def _refused(self, refusal: Refusal, fields: object) -> None:
        item_id = item_of(fields)
        ref, target = ref_of(fields), target_of(fields)
        if item_id is None:
            self.refuse(refusal, ref, target=target)
        elif item_id in self._places:
            self._places[item_id].refuse(refusal, ref, target=target)
        else:
            self.say(frames.error(refusal, ref, target), ItemEncoder(self.codec, item_id))
            self.count_error(refusal)


def _is_of_socket(refusal: Refusal) -> bool:
    """Whether it is about who this is, and not about what they may do in one item."""
    return refusal.verdict.status == 401


def _is_replaying(place: tuple[str, Place]) -> bool:
    return not place[1].seat.is_behind
