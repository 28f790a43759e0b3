"""One hierarchy of errors, and the one map from a code to HTTP, error frame and close code.

The codes are the contract's (docs/protocol.md, "Refusals"): they are stable, clients branch on
them, and nothing else about a refusal is.
"""

from dataclasses import dataclass
from typing import Literal

Retry = Literal["never", "later", "after_auth"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a code means on each of the three roads to a client."""

    status: int
    message: str
    close_code: int = 1008
    retry: Retry = "never"


CODES: dict[str, Verdict] = {
    # Who are you?
    "auth_missing": Verdict(401, "A credential is needed and none came.", 1008, "after_auth"),
    "auth_invalid": Verdict(401, "The credential is not valid.", 1008, "after_auth"),
    "auth_ambiguous": Verdict(400, "Show exactly one credential.", 1008, "after_auth"),
    "auth_expired": Verdict(401, "The credential has expired.", 1008, "after_auth"),
    "auth_revoked": Verdict(401, "The credential was revoked.", 1008, "never"),
    "disconnected": Verdict(401, "The product has ended this connection.", 1008, "after_auth"),
    "ticket_used": Verdict(401, "The ticket was used or is too old.", 1008, "after_auth"),
    "login_failed": Verdict(401, "The username or the password is wrong."),
    "origin_denied": Verdict(403, "This origin may not use the session cookie."),
    # What may you do?
    "removed": Verdict(403, "You are no longer a member of this item.", 1008, "never"),
    "item_not_found": Verdict(404, "There is no such item, or it is not yours.", 1008, "never"),
    "item_deleted": Verdict(404, "The item was deleted.", 1008, "never"),
    "forbidden": Verdict(403, "Your role does not allow this."),
    "not_found": Verdict(404, "There is no such thing here."),
    "invite_ended": Verdict(410, "The invite lets nobody in any more."),
    "registration_closed": Verdict(403, "New users cannot register here."),
    # What did you send?
    "malformed": Verdict(400, "The request is malformed."),
    "bad_request": Verdict(422, "The request has a value that is not allowed."),
    "bad_message": Verdict(422, "The message is malformed."),
    "too_big": Verdict(413, "This is larger than allowed.", 1009, "never"),
    "unsupported_frame": Verdict(415, "This kind of frame is not part of the subprotocol.", 1003),
    "rejected": Verdict(422, "The product does not take this message."),
    "ref_conflict": Verdict(409, "This ref was used for something else."),
    "bad_offset": Verdict(409, "The text does not go on there."),
    "stream_open": Verdict(409, "The message is still being written."),
    "stream_closed": Verdict(409, "The message is finished."),
    "taken": Verdict(409, "The name is taken."),
    "already_joined": Verdict(409, "This socket has joined the item already."),
    "not_joined": Verdict(409, "This socket has not joined the item."),
    "last_admin": Verdict(409, "The last admin of an item cannot leave or be demoted."),
    "method_not_allowed": Verdict(405, "The path does not know this method."),
    # How much, how fast?
    "rate_limited": Verdict(429, "Too many in too short a time.", 1008, "later"),
    "too_many_connections": Verdict(429, "Too many connections.", 1008, "later"),
    "too_many_items": Verdict(429, "Too many items on one socket.", 1008, "later"),
    "too_many_errors": Verdict(429, "Too many refused commands.", 1008, "later"),
    "bad_framing": Verdict(400, "These are not WebSocket frames.", 1002, "never"),
    "bad_utf8": Verdict(400, "Text must be UTF-8.", 1007, "never"),
    "too_slow": Verdict(408, "The message did not end in time.", 1008, "later"),
    "fragment_limit": Verdict(400, "Too many fragments in one message.", 1008, "later"),
    # Is the server able to?
    "busy": Verdict(503, "The server has too much to write at the moment.", 1013, "later"),
    "overloaded": Verdict(503, "The server has too much to do.", 1013, "later"),
    "draining": Verdict(503, "The server is about to stop.", 1012, "later"),
    "restart": Verdict(503, "The server restarts.", 1012, "later"),
    "slow_consumer": Verdict(503, "The connection takes too little, too slowly.", 1013, "later"),
    "database_unavailable": Verdict(503, "The database cannot be reached.", 1013, "later"),
    "authorize_unavailable": Verdict(503, "The product cannot be asked now.", 1013, "later"),
    "review_unavailable": Verdict(503, "The product cannot be asked now.", 1013, "later"),
    "storage_full": Verdict(507, "The disk is full.", 1013, "later"),
    "storage_error": Verdict(503, "The database could not store this.", 1013, "later"),
    "internal": Verdict(500, "The server failed.", 1011, "later"),
}


class Refusal(Exception):  # noqa: N818 - not a fault of ours: a clear no to a client
    """Something that a client asked for and does not get.

    Args:
        code: a key of `CODES`.
        message: for a person; says what was expected and what came, never the input itself.
        retry_after: seconds after which trying again makes sense.
        length: of a text that goes on somewhere else, in code points.
        field: of the request's body, when it is about one.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        retry_after: float | None = None,
        field: str | None = None,
        length: int | None = None,
    ) -> None:
        self.verdict = CODES[code]
        self.code = code
        self.message = message or self.verdict.message
        self.retry_after = retry_after
        self.field = field
        self.length = length
        super().__init__(f"{code}: {self.message}")
