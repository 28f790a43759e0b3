"""The one exception of this package."""

from typing import Any, Literal

# Characters of what an exception says.
MAX_REASON = 500

Retry = Literal["never", "later", "after_auth"]


class Refused(Exception):  # noqa: N818 - the server's no is no fault of this program
    """The server says no, or a connection has ended.

    Attributes:
        code: of docs/protocol.md, "Refusals"; or the client's own: `unreachable`, `lost`,
            `silent`, `bad_frame`, `bad_answer`, `hole`, `no_token`, `close_…` and `http_…` with a
            number, `outbox_full`, `buffer_full`, `closed`.
        message: for people; may be empty.
        retry: what to do about it: `never`, `later`, or `after_auth` with another credential.
        retry_after: seconds that the server wants to be left alone; None: it did not say.
        close_code: of the WebSocket that was closed with this, else None.
        status: of the HTTP answer that said this, else None.
        length: with `bad_offset`, of the text as it is, in code points; else None.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        retry: Retry = "never",
        retry_after: float | None = None,
        close_code: int | None = None,
        status: int | None = None,
        length: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.retry: Retry = retry
        self.retry_after = retry_after
        self.close_code = close_code
        self.status = status
        self.length = length


def describe(error: BaseException) -> dict[str, Any]:
    """What the readers of a message are told of the exception by which it has failed."""
    said = str(error).replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_REASON]
    return {"type": type(error).__name__, "message": said.encode(errors="replace").decode()}
